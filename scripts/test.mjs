// Runs the whole test suite, and writes which tests passed and which were
// skipped to build/test-report.json; or the test files named, with a report of
// their own. With SOCKCRED_SKIPS=fail a skipped test fails the run, unless
// it is about another runtime.
//
//   node scripts/test.mjs [--report FILE] [TEST FILE …]

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals: given } = parseArgs({
  options: { report: { type: 'string' } },
  allowPositionals: true,
});
const report =
  values.report ?? join(root, 'build', given.length > 0 ? 'test-report-part.json' : 'test-report.json');
mkdirSync(dirname(report), { recursive: true });

function testFiles() {
  return ['sockcred', 'cli'].flatMap(name => {
    const directory = join(root, 'packages', name, 'build');
    return readdirSync(directory)
      .filter(file => file.endsWith('.test.js'))
      .map(file => join(directory, file));
  });
}

const files = given.length > 0 ? given : testFiles();
const result = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-timeout=60000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${new URL('test-report.mjs', import.meta.url)}`,
    `--test-reporter-destination=${report}`,
    ...files,
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
if (result.status !== 0) process.exit(result.status ?? 1);

const { skipped } = JSON.parse(readFileSync(report, 'utf8'));
for (const { name, reason } of skipped) console.log(`skipped: ${name}: ${reason}`);
// What is about another runtime than this one runs there: scripts/test-runtimes.mjs.
const lacking = skipped.filter(({ reason }) => !/^is about (?:Bun|Deno)$/.test(reason));
if (lacking.length > 0 && process.env.SOCKCRED_SKIPS === 'fail') {
  console.error(`${lacking.length} tests were skipped where all must run`);
  process.exit(1);
}
