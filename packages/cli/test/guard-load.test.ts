/** Many connections at the same time, with deaths on both sides; `npm run test:load` has ten times as many. */

import { test } from 'node:test';
import { needsOtherUsers } from './support/command.js';
import { loadGuard } from './support/load.js';

for (const [way, connections] of [
  ['relay', 1000],
  ['http', 200],
  ['pass', 200],
  ['program', 100],
] as const) {
  test(`T66: ${connections} connections of several users, ${way}: nobody mixed up, and no descriptor left`, {
    skip: needsOtherUsers(),
  }, async t => {
    await loadGuard(t, { way, connections, rounds: 2, say: line => t.diagnostic(line) });
  });
}
