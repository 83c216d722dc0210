// Runs the tests whose outcome the kernel decides on other Linux kernels, each
// booted in an emulated machine over this machine's own files.
//
//   node scripts/test-kernels.mjs [5.10 6.1 6.12 6.17 7.3 uml]
//   node scripts/test-kernels.mjs --install      what the above needs, with apt-get, as root
//
// The machines come from ../shared/vm, or from SOCKCRED_VM=DIR: programs
// `get-kernel NAME`, `run DIR ARGS COMMAND` and `run-uml`. Without them nothing
// is run and the exit status is 77. SOCKCRED_SKIPS=fail fails on skipped tests.
// All output of kernel NAME goes to build/kernels/NAME.log, the titles of the
// tests that passed to build/kernels/report.json.

import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nativeTestSources } from '../packages/sockcred/native-systems.mjs';
import { KERNELS } from './kernels.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const machines = resolve(root, process.env.SOCKCRED_VM ?? '../shared/vm');
const logs = join(root, 'build', 'kernels');
const library = join(root, 'packages', 'sockcred');
const NOT_RUN = 77;

const PACKAGES = [
  ...['qemu-system-x86', 'busybox-static', 'kmod', 'cpio', 'xz-utils'],
  ...['apparmor', 'checkpolicy', 'gcc', 'libc6-dev', 'python3-minimal', 'util-linux'],
  ...['systemd', 'dbus-user-session', 'libpam-systemd', 'systemd-container'],
  ...['podman', 'crun', 'runc', 'docker.io', 'lxc', 'uidmap'],
];

/** What booting needs, and what the label tests need to make policies. */
function install() {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { stdio: 'inherit', env };
  const { status } = spawnSync('apt-get', ['update', '-qq'], options);
  if (status !== 0) return 1;
  return spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], options)
    .status;
}

/** native-core's program, compiled here: a compiler takes long in there. */
function compileNativeTests() {
  const program = join(logs, 'native-tests');
  const { status } = spawnSync(
    'cc',
    [
      ...['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program],
      ...['getsockopt', 'getsockname', 'getpeername'].map(name => `-Wl,--wrap=${name}`),
      ...nativeTestSources(),
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) throw new Error('the native tests do not compile');
  return program;
}

function kernelDirectory(name) {
  const { status, stdout } = spawnSync(join(machines, 'get-kernel'), [name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`no kernel ${name}`);
  return stdout.trim();
}

function shell(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that runs in the machine. */
function command({ files, systemd }, program, processors) {
  const words = [
    process.execPath,
    '--test',
    `--test-concurrency=${processors}`,
    `--test-timeout=${systemd ? 480_000 : 240_000}`,
    `--test-reporter=${join(root, 'scripts', 'kernel-report.mjs')}`,
    '--test-reporter-destination=stdout',
    ...files.map(name => join(library, 'build', name)),
  ];
  return [
    'echo "@@booted $(uname -r)"',
    `export SOCKCRED_NATIVE_TESTS=${shell(program)}`,
    words.map(shell).join(' '),
    'echo "@@done $?"',
  ].join('\n');
}

/**
 * run-uml starts its command in a chroot, where the kernel refuses user
 * namespaces; a mount namespace with the same files as its root is none. And
 * user-mode Linux has IPv6 as a module, where the others have it built in.
 */
function inUserModeLinux(text, directory) {
  const modules = `${shell(directory)}/usr/lib/uml/modules`;
  const ipv6 = `mkdir -p /lib/modules && ln -s ${modules}/* /lib/modules/ && modprobe -a ipv6 unix_diag`;
  const move = 'cd /mnt/n && mount -n --move . / && exec chroot . /bin/bash -c "$1"';
  const words = [
    'unshare',
    '--mount',
    'nsenter',
    '--mount=/proc/self/ns/mnt',
    '/bin/bash',
    '-c',
    move,
    'bash',
  ];
  return `${ipv6}\n${[...words, `cd ${shell(root)}\n${text}`].map(shell).join(' ')}`;
}

/** One boot: every test's outcome, and whether the machine came to the end of its command. */
async function boot(name, plan, { directory, program, log }) {
  const uml = name === 'uml';
  const text = command(plan, program, uml ? 1 : 2);
  const words = [directory, plan.args, uml ? inUserModeLinux(text, directory) : text];
  if (plan.systemd) words.unshift('--systemd');
  // unix_diag: for the list of all sockets.
  const room = plan.systemd
    ? { VMTIMEOUT: '560', MEM: '3500', MODS: 'unix_diag overlay fuse' }
    : { VMTIMEOUT: '560', MODS: 'unix_diag' };
  const child = spawn(join(machines, uml ? 'run-uml' : 'run'), words, {
    cwd: root,
    env: { ...room, ...process.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.pipe(log, { end: false });
  const found = { release: '', status: undefined, tests: [] };
  for await (const line of createInterface({ input: child.stdout })) {
    log.write(`${line}\n`);
    const [, mark, rest = ''] = line.match(/^@@(\w+) ?(.*)$/) ?? [];
    if (mark === 'booted') found.release = rest;
    if (mark === 'done') found.status = Number(rest);
    if (mark === 'test') found.tests.push(JSON.parse(rest));
  }
  return found;
}

/** What is wrong beyond the tests that failed: a file or a kernel that was not run is no success. */
function faults(name, { tests, status, release }, { files }) {
  const missing = files
    .map(file => file.split('/').at(-1))
    .filter(file => !tests.some(test => test.file === file && test.name !== file))
    .map(file => `no test of ${file} was run`);
  const failed = tests.some(test => test.state === 'failed');
  return [
    ...missing,
    ...(name === 'uml' || release.startsWith(`${name}.`) ? [] : [`another kernel was run: ${release}`]),
    ...(status === undefined ? ['the machine did not come to the end of the tests'] : []),
    ...(status !== 0 && status !== undefined && !failed ? [`the tests ended with status ${status}`] : []),
  ].map(text => ({ file: '', name: 'the run as a whole', state: 'failed', text }));
}

async function runKernel(name, program) {
  const directory = kernelDirectory(name);
  const log = createWriteStream(join(logs, `${name}.log`));
  const results = [];
  for (const plan of KERNELS.get(name)) {
    const from = Date.now();
    let found = await boot(name, plan, { directory, program, log });
    if (found.status === undefined && found.tests.length === 0) {
      console.log(`${name}: the machine did not come up and is started once more`);
      found = await boot(name, plan, { directory, program, log });
    }
    const outcomes = [...found.tests, ...faults(name, found, plan)];
    const seconds = Math.round((Date.now() - from) / 1000);
    console.log(
      `${name}: Linux ${found.release}${plan.systemd ? ', systemd' : ''}, ${plan.args}: ${count(outcomes)} (${seconds} s)`,
    );
    for (const { state, file, name: test, text } of outcomes) {
      if (state === 'failed')
        console.log(`  failed: ${file}: ${test}\n    ${text.split('\n').join('\n    ')}`);
      if (state === 'skipped') console.log(`  skipped: ${file}: ${test}: ${text}`);
    }
    results.push(...outcomes);
  }
  log.end();
  return results;
}

function having(outcomes, state) {
  return outcomes.filter(outcome => outcome.state === state).length;
}

function count(outcomes) {
  return ['passed', 'failed', 'skipped'].map(state => `${having(outcomes, state)} ${state}`).join(', ');
}

async function main(names) {
  if (names.includes('--install')) return install();
  const unknown = names.find(name => !KERNELS.has(name));
  if (unknown !== undefined) {
    console.error(`no kernel ${unknown}; there are ${[...KERNELS.keys()].join(' ')}`);
    return 2;
  }
  if (!existsSync(join(machines, 'run'))) {
    console.error(`not run: no machines to boot in ${machines} (SOCKCRED_VM=DIR names another place)`);
    return NOT_RUN;
  }
  mkdirSync(logs, { recursive: true });
  const program = compileNativeTests();
  const all = [];
  for (const name of names.length > 0 ? names : KERNELS.keys()) all.push(...(await runKernel(name, program)));
  console.log(count(all));
  const passed = all.filter(({ state }) => state === 'passed').map(({ name: title }) => title);
  writeFileSync(join(logs, 'report.json'), `${JSON.stringify({ passed }, null, 1)}\n`);
  const skipsFail = process.env.SOCKCRED_SKIPS === 'fail' && having(all, 'skipped') > 0;
  return having(all, 'failed') > 0 || skipsFail ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
