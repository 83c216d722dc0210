/** Mistakes on the command line: each named, with the help that has the rest. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './support/command.js';

for (const [args, said] of [
  [['guard', '--nonsense'], 'there is no option --nonsense'],
  [['guard', '--listen'], '--listen: the value is missing'],
  [['who', '--json=1', '/x'], '--json: takes no value'],
  [['serve', 'x'], "'x' is one too many"],
  [['guard', '--listen', '@a', '--listen', '@b', '--same-user', '--', 'cat'], '--listen: is given twice'],
  [['policy', 'test', 'p', '--peer', '{}', '--peer', '{}'], '--peer: is given twice'],
  [
    ['guard', '--listen', '@a', '--same-user', '--connections', '0', '--', 'cat'],
    '--connections: 0 would let nobody in',
  ],
  [['guard', '--listen', '@a', '--same-user', '--first-byte', '0', '--', 'cat'], '--first-byte: nobody says'],
] as const) {
  test(`a mistake is told in our own words: ${args.join(' ')}`, async t => {
    const { status, stderr } = await run(t, args);
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(`sockcred: ${said}`), stderr);
    assert.ok(stderr.endsWith(`Try 'sockcred ${args[0]} --help'.\n`), stderr);
  });
}
