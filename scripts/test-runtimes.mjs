// Runs the tests in every JavaScript runtime that the library supports, and a
// program with the packed library in each of them.
//
//   node scripts/test-runtimes.mjs [node-20 node-22 node-24 node-26 bun deno]
//
// Node: the whole suite, except in the major version that runs this script,
// where `npm test` did it. Bun and Deno: every test file of the library; tests
// that need Node are skipped there. All: test/runtimes/, and an install from
// the packed package. Runtimes are installed into build/runtimes; a test's
// output goes to build/runtimes/NAME.log.

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { targets } from '../packages/sockcred/cross/targets.mjs';
import { packedEverywhere } from './packed.mjs';
import { RUNTIMES, TEST } from './runtimes.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const directory = join(root, 'build', 'runtimes');
const built = join(root, 'packages', 'sockcred', 'build');

/** Installs a runtime's package, unless this very version is there; returns its program. */
function install({ name, package: wanted, binary }) {
  const into = join(directory, name);
  const [, packageName] = wanted.match(/^(.+)@[^@]+$/);
  const program = join(into, 'node_modules', packageName, binary);
  const mark = join(into, 'installed');
  if (existsSync(program) && existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return program;
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  writeFileSync(join(into, 'package.json'), '{ "private": true }\n');
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', wanted];
  const { status } = spawnSync('npm', words, { cwd: into, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${wanted} cannot be installed`);
  writeFileSync(mark, wanted);
  return program;
}

/** The package is complete only with every prebuilt file: Bun's compiler wants them all. */
function ensurePrebuilt() {
  const all = targets.every(({ name }) =>
    existsSync(join(root, 'packages', 'sockcred', 'prebuilds', name, 'sockcred.node')),
  );
  if (all) return;
  const { status } = spawnSync('npm', ['run', '--silent', 'prebuild'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('npm run prebuild failed');
}

function testFiles(inside) {
  const all = readdirSync(join(built, inside));
  return all.filter(file => file.endsWith('.test.js')).map(file => join(built, inside, file));
}

/** How many tests of a JUnit report passed, failed and were skipped. */
function outcomes(report) {
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const cases = text.match(/<testcase\b[^>]*?(\/>|>.*?<\/testcase>)/gs) ?? [];
  const failed = cases.filter(each => /<(failure|error)\b/.test(each)).length;
  const skipped = cases.filter(each => /<skipped\b/.test(each)).length;
  return { passed: cases.length - failed - skipped, failed, skipped };
}

/** One file in one runtime. A program that ends badly counts as a failure, whatever it reported. */
function runFile({ name, kind, program }, file) {
  const report = join(directory, `${name}.xml`);
  rmSync(report, { force: true });
  const run = spawnSync(program, TEST[kind](file, report), {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
    timeout: 180_000,
    killSignal: 'SIGKILL',
  });
  const found = outcomes(report);
  appendFileSync(join(directory, `${name}.log`), `== ${file}\n${run.stdout}${run.stderr}`);
  if (run.status !== 0 && found.failed === 0) found.failed = 1;
  if (found.failed > 0)
    console.error(`${name}: ${file}\n${run.stdout.slice(-6000)}${run.stderr.slice(-6000)}`);
  return found;
}

/** The whole suite, as `npm test` runs it, in another Node. */
function wholeSuite({ name, program }) {
  const report = join(directory, `${name}.json`);
  const run = spawnSync(program, [join(root, 'scripts', 'test.mjs'), '--report', report], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  appendFileSync(join(directory, `${name}.log`), `${run.stdout}${run.stderr}`);
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const { passed, failed, skipped } = JSON.parse(readFileSync(report, 'utf8'));
  for (const test of failed) console.error(`${name}: failed: ${test}`);
  if (run.status !== 0 && failed.length === 0)
    console.error(run.stdout.slice(-6000), run.stderr.slice(-6000));
  return {
    passed: passed.length,
    failed: Math.max(failed.length, run.status === 0 ? 0 : 1),
    skipped: skipped.length,
  };
}

function versionOf({ program }) {
  return spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0].trim();
}

function runRuntime(runtime) {
  rmSync(join(directory, `${runtime.name}.log`), { force: true });
  const from = Date.now();
  const ownMajor = process.version.split('.')[0];
  const version = versionOf(runtime);
  const parts = testFiles('runtimes').map(file => runFile(runtime, file));
  if (runtime.kind !== 'node') {
    parts.push(...testFiles('.').map(file => runFile(runtime, file)));
  } else if (version.split('.')[0] !== ownMajor) parts.push(wholeSuite(runtime));
  const sum = state => parts.reduce((total, each) => total + each[state], 0);
  const seconds = Math.round((Date.now() - from) / 1000);
  console.log(
    `${runtime.name} ${version}: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped (${seconds} s)`,
  );
  return { passed: sum('passed'), failed: sum('failed') };
}

function main(names) {
  const unknown = names.find(name => !RUNTIMES.some(each => each.name === name));
  if (unknown !== undefined)
    throw new Error(`no runtime ${unknown}; there are ${RUNTIMES.map(each => each.name)}`);
  mkdirSync(directory, { recursive: true });
  const wanted = RUNTIMES.filter(({ name }) => names.length === 0 || names.includes(name));
  const runtimes = wanted.map(each => ({ ...each, program: install(each) }));
  ensurePrebuilt();
  const packed = packedEverywhere(runtimes, join(directory, 'packed'));
  const all = runtimes.map(runRuntime);
  const bad = packed + all.reduce((total, { failed, passed }) => total + failed + (passed === 0 ? 1 : 0), 0);
  return bad === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
