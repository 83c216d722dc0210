// Runs the tests whose outcome the kernel decides on other Linux kernels, each
// booted in an emulated machine over this machine's own files.
//
//   node scripts/test-kernels.mjs [5.10 6.1 6.12 6.17 7.3 uml]
//   node scripts/test-kernels.mjs --install      what the above needs, with apt-get, as root
//
// The machines come from ../shared/vm, or from SOCKCRED_VM=DIR: programs
// `get-kernel NAME`, `run DIR ARGS COMMAND` and `run-uml`. Without them nothing
// is run and the exit status is 77. SOCKCRED_SKIPS=fail fails on skipped tests.
// All output of kernel NAME goes to build/kernels/NAME.log.

import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { KERNELS } from './kernels.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const machines = resolve(root, process.env.SOCKCRED_VM ?? '../shared/vm');
const logs = join(root, 'build', 'kernels');
const library = join(root, 'packages', 'sockcred');
const NOT_RUN = 77;

const PACKAGES = [
  ...['qemu-system-x86', 'busybox-static', 'kmod', 'cpio', 'xz-utils'],
  ...['apparmor', 'checkpolicy', 'gcc', 'libc6-dev', 'python3-minimal', 'util-linux'],
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
  const native = join(library, 'native');
  const program = join(logs, 'native-tests');
  const tests = readdirSync(join(native, 'test')).filter(file => file.endsWith('.c'));
  const { status } = spawnSync(
    'cc',
    [
      ...['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program],
      ...['getsockopt', 'getsockname', 'getpeername'].map(name => `-Wl,--wrap=${name}`),
      join(native, 'sys_linux.c'),
      ...tests.map(file => join(native, 'test', file)),
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

/** The command that runs in the machine: label tests last and alone, they load policies. */
function command(files, program, processors) {
  const node = (names, concurrency) => {
    if (names.length === 0) return 'true';
    return [
      shell(process.execPath),
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=180000',
      `--test-reporter=${shell(join(root, 'scripts', 'kernel-report.mjs'))}`,
      '--test-reporter-destination=stdout',
      ...names.map(name => shell(join(library, 'build', name))),
    ].join(' ');
  };
  const labels = files.filter(file => file.includes('/label-'));
  const others = files.filter(file => !labels.includes(file));
  return [
    'echo "@@booted $(uname -r)"',
    `export SOCKCRED_NATIVE_TESTS=${shell(program)}`,
    node(others, processors),
    node(labels, 1),
    'echo "@@done"',
  ].join('\n');
}

/** One boot: every test's outcome, and whether the machine came to the end of its command. */
async function boot(name, { args, files }, { directory, program, log }) {
  const uml = name === 'uml';
  const words = [directory, args, command(files, program, uml ? 1 : 2)];
  const child = spawn(join(machines, uml ? 'run-uml' : 'run'), words, {
    cwd: root,
    env: { VMTIMEOUT: '420', ...process.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.pipe(log, { end: false });
  const found = { release: undefined, ended: false, tests: [] };
  for await (const line of createInterface({ input: child.stdout })) {
    log.write(`${line}\n`);
    const [, mark, rest = ''] = line.match(/^@@(\w+) ?(.*)$/) ?? [];
    if (mark === 'booted') found.release = rest;
    if (mark === 'done') found.ended = true;
    if (mark === 'test') found.tests.push(JSON.parse(rest));
  }
  return found;
}

/** A file that ended without one test has not been run, whatever its status. */
function judged({ tests, ended }, { files }, where) {
  const silent = files
    .map(file => file.split('/').at(-1))
    .filter(file => !tests.some(test => test.file === file && test.name !== file))
    .map(file => ({ file, name: file, state: 'failed', text: 'no test of this file was run' }));
  const unfinished = { file: '', name: where, state: 'failed', text: 'the machine did not come to an end' };
  return [...tests, ...silent, ...(ended ? [] : [unfinished])];
}

async function runKernel(name, program) {
  const directory = kernelDirectory(name);
  const log = createWriteStream(join(logs, `${name}.log`));
  const results = [];
  for (const plan of KERNELS.get(name)) {
    const from = Date.now();
    let found = await boot(name, plan, { directory, program, log });
    if (!found.ended && found.tests.length === 0) {
      console.log(`${name}: the machine did not come up and is started once more`);
      found = await boot(name, plan, { directory, program, log });
    }
    const outcomes = judged(found, plan, `${name}, ${plan.args}`);
    const seconds = Math.round((Date.now() - from) / 1000);
    console.log(
      `${name}: Linux ${found.release ?? 'did not boot'}, ${plan.args}: ${count(outcomes)} (${seconds} s)`,
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
  const skipsFail = process.env.SOCKCRED_SKIPS === 'fail' && having(all, 'skipped') > 0;
  return having(all, 'failed') > 0 || skipsFail ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
