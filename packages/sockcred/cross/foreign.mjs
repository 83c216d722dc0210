// Kernels that do not run here: their files, compiled against their own
// headers for this processor (x64), linked with native/test/foreign_test.c,
// which stands where the kernel would, and run. What that kernel really does
// is not shown by this; which question it is asked, and what its answers and
// errors are taken for, is.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { kernelSources, native } from '../native-systems.mjs';
import { onlyHeaders, runZig, zigDirectory } from './toolchain.mjs';

const XUCRED = { AT_UID: 4, AT_GID: 12, AT_GROUPS: 12, HAS_PID: 0, AT_PID: 0, PID_MAY_BE_MISSING: 1 };
const LOCAL_PEERCRED = { QUESTION_LEVEL: 0, QUESTION: 1, NONE_ERRORS: '57, 22' };

/** Waiting, for processes too, by the filters' numbers: see foreign_readiness.h. */
const KQUEUE = { KEVENT: 'DRAGONFLY_KEVENT', READ_FILTER: -1, WRITE_FILTER: -2, PROCESS_FILTER: -5 };

/** What travels with messages: see foreign_messages.h. */
const NO_MESSAGES = { MESSAGES: 0, OPTION_LEVEL: -1, OPTION: -1, ...KQUEUE, USER_FILTER: -10 };
const CONTROL = { MESSAGES: 1, CONTROL_BEGINS: 16, CONTROL_ALIGNED: 8, RIGHTS: 1, ATTACHED: -1 };
const CMSGCRED = { C_VERSION: -1, C_PID: 0, C_UID: 4, C_EUID: 8, C_GID: 12, C_EGID: -1, C_COUNT: 16 };
const MESSAGES = {
  freebsd: {
    ...{
      ...CONTROL,
      CREDENTIALS: 8,
      ATTACHED: 3,
      OPTION_LEVEL: 0,
      OPTION: 3,
      FOR_DATAGRAMS: 0,
    },
    ...{ MSG_CLOEXEC: 0x40000, MSG_NOSIGNAL: 0x20000, RECORD_PIECES: 1, C_VERSION: 0, C_PID: 4, C_UID: 8 },
    ...{
      C_EUID: 12,
      C_GID: 16,
      C_EGID: 20,
      C_COUNT: 24,
      C_COUNT_WIDTH: 4,
      C_GROUPS: 28,
      C_SIZE: 0,
      C_MOST: 16,
    },
    ...{ ...KQUEUE, KEVENT: 'FREEBSD_KEVENT', USER_FILTER: -11 },
  },
  dragonfly: {
    ...{ ...CONTROL, CREDENTIALS: 3, ATTACHED: 3, OPTION_LEVEL: 0xffff, OPTION: 0x4000, FOR_DATAGRAMS: 1 },
    ...{ MSG_CLOEXEC: 0x1000, MSG_NOSIGNAL: 0x400, RECORD_PIECES: 0, ...CMSGCRED },
    ...{ C_COUNT_WIDTH: 2, C_GROUPS: 20, C_SIZE: 84, C_MOST: 16 },
    ...{ ...KQUEUE, USER_FILTER: -9 },
  },
  netbsd: {
    ...{ ...CONTROL, CREDENTIALS: 0x10, OPTION_LEVEL: 0, OPTION: 4, FOR_DATAGRAMS: 0 },
    ...{ MSG_CLOEXEC: 0x800, MSG_NOSIGNAL: 0x400, RECORD_PIECES: 0, C_VERSION: -1, C_PID: 0, C_UID: 4 },
    ...{
      C_EUID: 8,
      C_GID: 12,
      C_EGID: 16,
      C_COUNT: 20,
      C_COUNT_WIDTH: 4,
      C_GROUPS: 24,
      C_SIZE: 0,
      C_MOST: 0,
    },
    ...{ KEVENT: 'NETBSD_KEVENT', READ_FILTER: 0, WRITE_FILTER: 1, PROCESS_FILTER: 4, USER_FILTER: 8 },
  },
  sunos: {
    ...{ ...CONTROL, CONTROL_BEGINS: 12, CONTROL_ALIGNED: 4, RIGHTS: 0x1010, CREDENTIALS: 0x1012 },
    ...{ OPTION_LEVEL: 0xffff, OPTION: 0x400, FOR_DATAGRAMS: 1, MSG_CLOEXEC: 0x1000 },
    ...{ MSG_NOSIGNAL: 0x200, RECORD_PIECES: 0, C_VERSION: -1, C_PID: 8, C_UID: 12, C_EUID: 0, C_GID: 20 },
    ...{ C_EGID: 4, C_COUNT: -1, C_COUNT_WIDTH: 0, C_GROUPS: 0, C_SIZE: 0, C_MOST: 0, KEVENT: 'PORTS' },
  },
};

/** Facts of each kernel, as numbers; see foreign_test.c for what they mean. */
export const foreignSystems = {
  freebsd: {
    ...MESSAGES.freebsd,
    ...{ files: 'freebsd', triple: 'x86_64-freebsd', FAMILY: 'BSD', ...LOCAL_PEERCRED, ...XUCRED },
    ...{ ROOM: 88, HAS_PID: 1, AT_PID: 80, GROUPS: 2, PAIR: 'MAY' },
  },
  dragonfly: {
    ...MESSAGES.dragonfly,
    ...{ files: 'freebsd', declarations: 'dragonfly', triple: 'x86_64-unknown-dragonfly', FAMILY: 'BSD' },
    ...{ ...LOCAL_PEERCRED, ...XUCRED, ROOM: 88, GROUPS: 2, PAIR: 'MAY' },
  },
  darwin: {
    ...NO_MESSAGES,
    ...{
      files: 'darwin',
      apple: true,
      triple: 'x86_64-linux-gnu',
      FAMILY: 'BSD',
      ...LOCAL_PEERCRED,
      ...XUCRED,
    },
    ...{ ROOM: 76, GROUPS: -2, PAIR: 'MUST', TOKEN: 6 },
  },
  openbsd: {
    ...NO_MESSAGES,
    ...{
      files: 'openbsd',
      triple: 'x86_64-openbsd',
      FAMILY: 'BSD',
      QUESTION_LEVEL: 0xffff,
      QUESTION: 0x1022,
    },
    ...{ NONE_ERRORS: '57', ROOM: 12, AT_UID: 0, AT_GID: 4, AT_GROUPS: 0, HAS_PID: 1, AT_PID: 8, GROUPS: -1 },
    ...{ PAIR: 'MUST', PID_MAY_BE_MISSING: 0 },
  },
  netbsd: {
    ...MESSAGES.netbsd,
    ...{ files: 'netbsd', triple: 'x86_64-netbsd', FAMILY: 'BSD', QUESTION_LEVEL: 0, QUESTION: 3 },
    ...{ NONE_ERRORS: '22', ROOM: 12, AT_PID: 0, AT_UID: 4, AT_GID: 8, AT_GROUPS: 0, HAS_PID: 1, GROUPS: -1 },
    ...{ PAIR: 'MAY', PID_MAY_BE_MISSING: 0 },
  },
  sunos: {
    ...MESSAGES.sunos,
    ...{ files: 'sunos', declarations: 'sunos', triple: 'x86_64-unknown-solaris2.11', FAMILY: 'SYSV' },
    ...{ QUESTION_LEVEL: -1, QUESTION: -1, NONE_ERRORS: '134, 22', ROOM: 128, AT_UID: 0, AT_GID: 4 },
    ...{ AT_GROUPS: 0, HAS_PID: 1, AT_PID: 8, GROUPS: 3, PAIR: 'MAY', PID_MAY_BE_MISSING: 0 },
  },
};

const TESTS = [
  ...['foreign_kernel.c', 'foreign_test.c', 'foreign_readiness.c'],
  ...['foreign_readiness_test.c', 'foreign_process_test.c'],
];
const MESSAGE_TESTS = ['foreign_messages.c', 'foreign_messages_test.c', 'foreign_sending_test.c'];

/** Apple's headers, but objects that a linker here takes: the same processor, and the same rules for structures. */
function appleHeaders() {
  const version = ['MAC_OS_X_VERSION_MIN_REQUIRED', 'OS_VERSION_MIN_REQUIRED'];
  return [
    ...onlyHeaders([join(zigDirectory, 'lib', 'libc', 'include', 'any-darwin-any')]),
    ...['-U__linux__', '-U__linux', '-Ulinux', '-U__gnu_linux__', '-D__APPLE__=1', '-D__MACH__=1'],
    ...version.map(name => `-D__ENVIRONMENT_${name}__=110000`),
  ];
}

function compilerFor({ triple, apple, declarations }) {
  if (apple) return ['clang', `--target=${triple}`, ...appleHeaders()];
  if (declarations === undefined) return ['cc', '-target', triple];
  const at = name => join(native, 'declarations', name);
  return ['clang', `--target=${triple}`, '-ffreestanding', ...onlyHeaders([at(declarations), at('posix')])];
}

/**
 * Compiles, links and runs one system's files; '' or what went wrong. `moved`
 * gives the place of each file, for the mutation check.
 */
export function runForeign(name, directory, moved = file => file) {
  const { files, triple, apple, declarations, ...facts } = foreignSystems[name];
  mkdirSync(directory, { recursive: true });
  const flags = [
    '-std=c11',
    '-O1',
    '-g0',
    '-fno-sanitize=all',
    '-fno-stack-protector',
    '-D_FORTIFY_SOURCE=0',
    '-fPIC',
  ];
  const objects = [];
  for (const file of kernelSources(files)) {
    const object = join(directory, `${basename(file)}.o`);
    const { ok, output } = runZig([
      ...compilerFor({ triple, apple, declarations }),
      ...['-U_FORTIFY_SOURCE', ...flags, '-c', moved(file), '-o', object],
    ]);
    if (!ok) return output;
    objects.push(object);
  }
  const program = join(directory, 'foreign-test');
  const sources = [...TESTS, ...(facts.MESSAGES === 1 ? MESSAGE_TESTS : [])];
  const compiled = spawnSync(
    process.env.CC ?? 'cc',
    [
      ...['-std=c11', '-O1', '-fno-builtin', '-Wall', '-Wextra', '-Wno-builtin-declaration-mismatch'],
      ...['-DMAY=1', '-DMUST=2', `-DSYSTEM="${name}"`],
      ...Object.entries({ TOKEN: -1, ...facts }).map(([fact, value]) => `-D${fact}=${value}`),
      ...sources.map(file => moved(join(native, 'test', file))),
      ...[...objects, '-o', program],
    ],
    { encoding: 'utf8' },
  );
  if (compiled.status !== 0) return compiled.stderr;
  // A wrong one may wait for ever.
  const { status, signal, stderr } = spawnSync(program, { encoding: 'utf8', timeout: 30_000 });
  return status === 0 ? '' : `${signal ?? ''}${stderr}`;
}
