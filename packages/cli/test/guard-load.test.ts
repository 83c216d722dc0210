/** A thousand connections at the same time, with deaths on both sides; `npm run test:load` has ten thousand. */

import { test } from 'node:test';
import { needsOtherUsers } from './support/command.js';
import { loadGuard } from './support/load.js';

test('T66: a thousand connections of several users: nobody mixed up, and no descriptor left', {
  skip: needsOtherUsers(),
}, async t => {
  await loadGuard(t, { connections: 1000, rounds: 2, say: line => t.diagnostic(line) });
});
