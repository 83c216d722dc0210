// Runs the library's tests with the native core under AddressSanitizer and
// UndefinedBehaviorSanitizer. The addon is built with both into its usual
// place, the sanitizers' run times are preloaded into Node (and into every
// program that the tests start), and the plain addon is put back at the end.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const library = join(root, 'packages', 'sockcred');

function node(words, env = {}) {
  const { status } = spawnSync(process.execPath, words, {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status ?? 1;
}

function buildAddon(...words) {
  if (node([join(library, 'build-native.mjs'), ...words]) !== 0) process.exit(1);
}

/** Where the compiler keeps a run time; it prints the bare name of one that it lacks. */
function runTime(name) {
  const { stdout } = spawnSync(process.env.CC ?? 'cc', [`-print-file-name=${name}`], { encoding: 'utf8' });
  const file = stdout.trim();
  if (file.startsWith('/')) return file;
  console.error(`sanitize: the compiler has no ${name}`);
  process.exit(1);
}

const environment = {
  SOCKCRED_SANITIZE: '1',
  LD_PRELOAD: [runTime('libasan.so'), runTime('libubsan.so')].join(' '),
  // Node keeps what it has until the process ends: leaks are counted by tests of their own.
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:allocator_may_return_null=1',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
};
const tests = readdirSync(join(library, 'build')).filter(file => file.endsWith('.test.js'));

buildAddon('--sanitize');
let status = 1;
try {
  status = node(
    [join(root, 'scripts', 'test.mjs'), ...tests.map(file => join(library, 'build', file))],
    environment,
  );
} finally {
  buildAddon();
}
process.exitCode = status;
