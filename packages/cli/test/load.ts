/** `npm run test:load [CONNECTIONS [ROUNDS]]`: the load test at its full size, and that memory does not grow with rounds. */

import { test } from 'node:test';
import { assertFlat, SMALL_HEAP } from './support/held.js';
import { loadGuard } from './support/load.js';

const [connections = 10_000, rounds = 8] = process.argv.slice(2).map(Number);

test(`${connections} connections at the same time, ${rounds} rounds`, { timeout: 1_800_000 }, async t => {
  const say = (line: string) => console.log(line);
  assertFlat(await loadGuard(t, { connections, rounds, nodeOptions: SMALL_HEAP, say }));
});
