// Does docs/test-matrix.md tell the truth? Every number has one row; a covered
// one names files in which tests carry that number, and no other test does.
// With --report (several times), the numbers must also be among the tests that
// passed in those runs; give the report of the kernels too where they were run,
// for some cases are covered on other kernels only.
//
//   node scripts/check-matrix.mjs [--report build/test-report.json] [--report build/kernels/report.json]

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { report: { type: 'string', multiple: true } } });

const numbered = (letter, count) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
const CASES = [...numbered('T', 73), ...numbered('V', 16)];
const STATES = ['covered', 'not yet'];

const faults = [];

/** `T1, V2: a title` carries T1 and V2. */
function numbersOf(title) {
  const [prefix] = /^(?:[TV]\d+(?:, |(?=:)))+(?=:)/.exec(title) ?? [];
  return prefix === undefined ? [] : prefix.split(', ');
}

/** Every number, with the test files whose titles carry it. */
function numbersInTests() {
  const found = new Map(CASES.map(number => [number, new Set()]));
  const directories = readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name, 'test'));
  for (const directory of directories.filter(existsSync)) {
    for (const entry of readdirSync(directory, { recursive: true })) {
      if (!entry.endsWith('.test.ts')) continue;
      const file = join(directory, entry);
      for (const [, title] of readFileSync(file, 'utf8').matchAll(/['"`]((?:[TV]\d+, )*[TV]\d+: )/g)) {
        for (const number of numbersOf(title)) {
          if (!found.has(number)) faults.push(`${relative(root, file)}: there is no case ${number}`);
          found.get(number)?.add(relative(root, file));
        }
      }
    }
  }
  return found;
}

/** The rows of the tables: case, what, state, where. */
function rows() {
  const text = readFileSync(join(root, 'docs', 'test-matrix.md'), 'utf8');
  return text
    .split('\n')
    .map(line => line.split('|').map(cell => cell.trim()))
    .filter(cells => /^[TV]\d+$/.test(cells[1] ?? ''))
    .map(([, number, what, state, where]) => ({ number, what, state, where }));
}

function checkRow({ number, what, state, where }, inTests, passed) {
  const files = [...where.matchAll(/`([^`]+)`/g)].map(([, file]) => file);
  if (what === '') faults.push(`${number}: says nothing`);
  if (!STATES.includes(state)) faults.push(`${number}: '${state}' is no state`);
  if (state === 'not yet') {
    if (where === '') faults.push(`${number}: not covered, and no reason`);
    if (inTests.size > 0) faults.push(`${number}: 'not yet', but ${[...inTests].join(', ')} carries it`);
    return;
  }
  const named = new Set(files);
  if (named.size === 0) faults.push(`${number}: covered, and no file`);
  for (const file of named) if (!inTests.has(file)) faults.push(`${number}: no test of it in ${file}`);
  for (const file of inTests)
    if (!named.has(file)) faults.push(`${number}: ${file} carries it, and is not named`);
  if (passed !== undefined && !passed.has(number)) faults.push(`${number}: none of its tests passed`);
}

const tests = numbersInTests();
const table = rows();
const reports = values.report?.map(file => JSON.parse(readFileSync(file, 'utf8')));
const passed = reports && new Set(reports.flatMap(report => report.passed.flatMap(numbersOf)));

for (const number of CASES) {
  const count = table.filter(row => row.number === number).length;
  if (count !== 1) faults.push(`${number}: ${count} rows`);
}
for (const row of table) checkRow(row, tests.get(row.number) ?? new Set(), passed);

for (const line of faults) console.error(line);
const covered = table.filter(row => row.state === 'covered').length;
console.log(`matrix: ${covered} of ${CASES.length} cases covered, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
