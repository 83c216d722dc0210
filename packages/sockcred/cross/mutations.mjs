// Would anybody notice a wrong number? Changes each one in turn, in a copy of
// the sources: every size and offset in layouts.h, every option number, every
// value of our Node-API declarations, and which option each file asks by. A
// change that goes unnoticed by any of its witnesses fails this.
//
// Noticing are the real headers (by _Static_assert), the fixtures of every
// kernel's bytes, and the stand-ins of foreign.mjs.
//
//   npm run check:mutations

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native, nativeTestSources } from '../native-systems.mjs';
import { checkDeclarations, nodeApiHeaders, uvHeaders } from './check.mjs';
import { foreignSystems, runForeign } from './foreign.mjs';
import { messageExchanges } from './message-mutations.mjs';
import { compileArguments, linuxArchitectures, targets } from './targets.mjs';
import { buildDirectory, ensureInstalled, linuxKernelHeaders, onlyHeaders, runZig } from './toolchain.mjs';

const packageDirectory = fileURLToPath(new URL('../', import.meta.url));
const scratch = join(buildDirectory, 'mutations');
const copy = join(scratch, 'native');

/** The place in the copy of a file of this package. */
const moved = file => join(scratch, relative(packageDirectory, file));

const targetNamed = name => targets.find(each => each.name === name);

/** Each notices a change by returning what it has to say; '' is silence. */
const compiles = (file, target) => () => {
  const { ok, output } = runZig(
    compileArguments(targetNamed(target), join(copy, file), join(scratch, `${file}.o`)),
  );
  return ok ? '' : output;
};

/** One per system, however many changes it is asked about: each is asked about the unchanged sources as well. */
const standIns = new Map(
  Object.keys(foreignSystems).map(system => [
    system,
    () => runForeign(system, join(scratch, 'foreign'), moved),
  ]),
);
const standsIn = system => standIns.get(system);

function cc(args) {
  return spawnSync(process.env.CC ?? 'cc', ['-std=c11', '-O0', ...args], { encoding: 'utf8' });
}

/** Compiles and runs cases of the native tests, as native-core.test.ts does. */
const nativeTests = cases => () => {
  const program = join(scratch, 'native-tests');
  const files = nativeTestSources().map(moved);
  const wrapped = ['getsockopt', 'getsockname', 'getpeername'].map(name => `-Wl,--wrap=${name}`);
  const { status, stderr } = cc([...wrapped, ...files, '-o', program]);
  if (status !== 0) return stderr;
  for (const name of cases) {
    const { status, signal, stderr: said } = spawnSync(program, [name], { encoding: 'utf8' });
    if (status !== 0) return `${name}: ${signal ?? ''}${said}`;
  }
  return '';
};

const fixtures = nativeTests([
  ...['three-ids', 'xucred-form', 'xucred-fields', 'xucred-groups', 'audit-token'],
  ...['cmsgcred-fields', 'sockcred-fields', 'sockcred2-fields', 'sender-groups'],
]);

/** A file of assertions against the headers of a newer kernel, on every architecture. */
const kernelHeaders = name => () => {
  for (const [triple, kernel] of linuxArchitectures) {
    const headers = onlyHeaders(linuxKernelHeaders(kernel));
    const file = join(scratch, 'cross', name);
    const how = [`--target=${triple}`, '-ffreestanding', '-std=c11', ...headers, '-fsyntax-only'];
    const { ok, output } = runZig(['clang', ...how, file]);
    if (!ok) return output;
  }
  return '';
};

const optionHeaders = kernelHeaders('linux-options.c');
const fileHeaders = kernelHeaders('linux-files.c');
const nodeApi = () => checkDeclarations(join(scratch, 'cross', 'node-api.c'), nodeApiHeaders());
const libuv = () => checkDeclarations(join(scratch, 'cross', 'uv.c'), uvHeaders());

/** Who notices a changed number, by its name: every one of them must. */
const WITNESSES = [
  [/^LINUX_UCRED_/, { headers: compiles('sys_linux.c', 'linux-x64'), fixtures }],
  [/^OPENBSD_/, { headers: compiles('sys_openbsd.c', 'openbsd-x64'), fixtures }],
  [/^NETBSD_SOCKCRED_/, { headers: compiles('message_netbsd.c', 'netbsd-arm64'), fixtures }],
  [/^FREEBSD_SOCKCRED2?_/, { headers: compiles('message_freebsd.c', 'freebsd-ia32'), fixtures }],
  [
    /^CMSG(CRED|_MOST)_/,
    {
      'FreeBSD headers': compiles('message_freebsd.c', 'freebsd-arm64'),
      'DragonFly declarations': compiles('message_freebsd.c', 'dragonfly-x64'),
      fixtures,
    },
  ],
  [
    /^DRAGONFLY_SO_/,
    { declarations: compiles('message_freebsd.c', 'dragonfly-x64'), 'stand-in': standsIn('dragonfly') },
  ],
  [/^NETBSD_/, { headers: compiles('sys_netbsd.c', 'netbsd-x64'), fixtures }],
  [
    /^XUCRED_/,
    {
      'FreeBSD headers': compiles('sys_freebsd.c', 'freebsd-arm64'),
      'macOS headers': compiles('sys_darwin.c', 'darwin-arm64'),
      fixtures,
    },
  ],
  [/^FREEBSD_\w+_LP64$/, { headers: compiles('sys_freebsd.c', 'freebsd-x64'), fixtures }],
  [/^FREEBSD_\w+_ILP32$/, { headers: compiles('sys_freebsd.c', 'freebsd-ia32'), fixtures }],
  [/^DRAGONFLY_/, { declarations: compiles('sys_freebsd.c', 'dragonfly-x64'), fixtures }],
  [/^DARWIN_/, { headers: compiles('sys_darwin.c', 'darwin-x64'), fixtures }],
  [/^KERNEL_SO_/, { 'headers of a newer Linux': optionHeaders }],
  [/^KERNEL_(AT|STATX|RESOLVE|NSIO)(_|$)/, { 'headers of a newer Linux': fileHeaders }],
  [/^DECLARED_UV_/, { 'headers of libuv': libuv }],
  [/^DECLARED_/, { 'headers of Node-API': nodeApi }],
  [
    /^LOCAL_LEVEL$/,
    {
      'FreeBSD headers': compiles('sys_freebsd.c', 'freebsd-x64'),
      'NetBSD headers': compiles('sys_netbsd.c', 'netbsd-x64'),
      'stand-in': standsIn('dragonfly'),
    },
  ],
];

/** Every `#define NAME NUMBER` of a file, each changed by one. */
function numbers(file) {
  const source = readFileSync(join(native, file), 'utf8');
  return [...source.matchAll(/^#define (\w+) (0x[0-9a-f]+|\d+)$/gm)].map(match => {
    const [line, name, number] = match;
    const changed = `${line.slice(0, -number.length)}${Number(number) + 1}`;
    const witnesses = WITNESSES.find(([pattern]) => pattern.test(name))?.[1];
    if (witnesses === undefined) throw new Error(`nobody is asked about ${name} of ${file}`);
    return {
      what: `${file}: ${name} ${number} -> ${Number(number) + 1}`,
      file,
      text: `${source.slice(0, match.index)}${changed}${source.slice(match.index + line.length)}`,
      witnesses,
    };
  });
}

/** One word of a file for another one that compiles. */
function exchange(file, from, to, witnesses) {
  const source = readFileSync(join(native, file), 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file}: '${from}' is not there once`);
  return { what: `${file}: ${from} -> ${to}`, file, text: source.replace(from, () => to), witnesses };
}

function exchanges() {
  const bsd = (file, system, ...pairs) =>
    pairs.map(([from, to]) => exchange(file, from, to, { 'stand-in': standsIn(system) }));
  const linux = (from, to, cases) => exchange('sys_linux.c', from, to, { 'this kernel': nativeTests(cases) });
  return [
    linux('SO_PEERCRED, &cred', 'SO_PASSCRED, &cred', ['option-numbers', 'ucred-bytes']),
    linux('KERNEL_SO_PEERGROUPS, out', 'KERNEL_SO_PEERPIDFD, out', ['option-numbers', 'long-lists']),
    linux('KERNEL_SO_PEERSEC, out', 'KERNEL_SO_PEERGROUPS, out', ['other-lengths', 'too-little-room']),
    linux('KERNEL_SO_PEERPIDFD, out', 'SO_PEERCRED, out', ['option-numbers', 'other-lengths']),
    linux('&linux_ucred', '&openbsd_sockpeercred', ['ucred-bytes']),
    ...bsd(
      'sys_freebsd.c',
      'freebsd',
      ['LOCAL_PEERCRED, out', 'LOCAL_CREDS, out'],
      ['LOCAL_LEVEL, LOCAL', 'SOL_SOCKET, LOCAL'],
      ['ENOTCONN || status == EINVAL', 'ENOTCONN || status == EBADF'],
      ['.pid_may_be_missing = 1', '.pid_may_be_missing = 0'],
      ['#define LAYOUT freebsd_xucred_lp64', '#define LAYOUT dragonfly_xucred'],
    ),
    ...bsd('sys_freebsd.c', 'dragonfly', [
      '#define LAYOUT dragonfly_xucred',
      '#define LAYOUT freebsd_xucred_lp64',
    ]),
    ...bsd(
      'sys_darwin.c',
      'darwin',
      ['LOCAL_PEERCRED, out', 'LOCAL_PEERPID, out'],
      ['LOCAL_PEERTOKEN, &token', 'LOCAL_PEERPID, &token'],
      ['"kern.bootsessionuuid"', '"kern.uuid"'],
      ['ENOENT ? SYS_UNSUPPORTED', 'ENOENT ? SYS_NO_DATA'],
      ['= size - 1', '= size'],
      ['.pair_names_creator = 1', '.pair_names_creator = 0'],
      ['decode_xucred(&darwin_xucred', 'decode_xucred(&dragonfly_xucred'],
      ['decode_xucred_groups(&darwin_xucred', 'decode_xucred_groups(&freebsd_xucred_ilp32'],
    ),
    ...bsd(
      'sys_openbsd.c',
      'openbsd',
      ['SO_PEERCRED, &cred', 'SO_TYPE, &cred'],
      ['status == ENOTCONN', 'status == EINVAL'],
      ['&openbsd_sockpeercred', '&linux_ucred'],
    ),
    ...bsd(
      'sys_netbsd.c',
      'netbsd',
      ['LOCAL_PEEREID, &cred', 'LOCAL_CREDS, &cred'],
      ['status == EINVAL', 'status == ENOTCONN'],
      ['&netbsd_unpcbid', '&openbsd_sockpeercred'],
    ),
    ...bsd(
      'sys_sunos.c',
      'sunos',
      ['ucred_geteuid', 'ucred_getruid'],
      ['ucred_getegid', 'ucred_getrgid'],
      ['ucred_getsuid', 'ucred_geteuid'],
      ['ucred_getsgid', 'ucred_getegid'],
      ['errno == ENOTCONN || errno == EINVAL', 'errno == ENOTCONN'],
      ['all < 0', 'all < -1'],
    ),
    ...messageExchanges.flatMap(([file, system, ...pairs]) => bsd(file, system, ...pairs)),
  ];
}

/** The witnesses that did not notice. */
function silent({ file, text, witnesses }) {
  const at = join(copy, file);
  const original = readFileSync(at, 'utf8');
  writeFileSync(at, text);
  try {
    return Object.entries(witnesses)
      .filter(([, ask]) => ask() === '')
      .map(([name]) => name);
  } finally {
    writeFileSync(at, original);
  }
}

function main() {
  ensureInstalled();
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  cpSync(native, copy, { recursive: true });
  cpSync(join(packageDirectory, 'cross'), join(scratch, 'cross'), { recursive: true });

  const mutants = [
    ...numbers('layouts.h'),
    ...numbers('linux_options.h'),
    ...numbers('linux_files.h'),
    ...numbers('unix_socket.h'),
    ...numbers('message_freebsd.c'),
    ...numbers('node_api_declarations.h'),
    ...numbers('uv_declarations.h'),
    ...exchanges(),
  ];
  // Unchanged, everybody must be silent, or their noticing means nothing.
  const everybody = new Map(
    mutants.flatMap(({ witnesses }) => Object.entries(witnesses).map(([n, w]) => [w, n])),
  );
  for (const [ask, name] of everybody) {
    const said = ask();
    if (said !== '') throw new Error(`${name}: not silent about the unchanged sources: ${said}`);
  }
  const survivors = mutants.filter(mutant => {
    const missed = silent(mutant);
    const by = Object.keys(mutant.witnesses).filter(name => !missed.includes(name));
    const verdict = missed.length === 0 ? 'noticed ' : 'SURVIVED';
    const but = missed.length === 0 ? '' : ` not by ${missed.join(', ')}`;
    console.log(`${verdict} ${mutant.what.padEnd(76)} ${by.join(', ')}${but}`);
    return missed.length > 0;
  });
  rmSync(scratch, { recursive: true });
  console.log(`${mutants.length - survivors.length} of ${mutants.length} changes were noticed`);
  if (survivors.length > 0) process.exitCode = 1;
}

if (basename(process.argv[1] ?? '') === 'mutations.mjs') main();
