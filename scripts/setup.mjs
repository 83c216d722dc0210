// Makes a clone ready to run: installs what package-lock.json names if that
// has not been done, compiles what has changed. Runs before `npm start` and
// `npm test`, so that nothing else has to be typed first.
//
//   node scripts/setup.mjs [--tests]

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const withTests = process.argv.includes('--tests');

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.error !== undefined) console.error(`${command}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

const [major] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(`sockcred needs Node 20 or newer; this is ${process.version}`);
  process.exit(1);
}

if (modified(join(root, 'node_modules', '.package-lock.json')) < modified(join(root, 'package-lock.json'))) {
  console.log('sockcred: installing …');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
}

const library = join(root, 'packages', 'sockcred');
const addon = join(library, 'prebuilds', `${process.platform}-${process.arch}`, 'sockcred.node');
const sources = [
  join(library, 'build-native.mjs'),
  ...readdirSync(join(library, 'native'), { recursive: true }).map(file => join(library, 'native', file)),
];
if (modified(addon) < Math.max(...sources.map(modified))) {
  console.log('sockcred: compiling the native addon …');
  run(process.execPath, [join(library, 'build-native.mjs')]);
}

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
run(process.execPath, [tsc, '-b', withTests ? '.' : 'packages/cli']);
run(process.execPath, [join(library, 'build-bundle.mjs')]);
chmodSync(join(root, 'packages', 'cli', 'dist', 'main.js'), 0o755);
