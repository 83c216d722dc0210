/**
 * `npm run test:load [CONNECTIONS [ROUNDS]]`: the load test at its full size, and that memory does not grow with rounds. A
 * tenth of that through each of the other ways to serve.
 */

import { test } from 'node:test';
import { assertFlat, SMALL_HEAP } from './support/held.js';
import { loadGuard } from './support/load.js';

const [most = 10_000, rounds = 8] = process.argv.slice(2).map(Number);
const say = (line: string) => console.log(line);

for (const way of ['relay', 'http', 'pass', 'program'] as const) {
  const connections = way === 'relay' ? most : Math.ceil(most / 10);
  const title = `${way}: ${connections} connections at the same time, ${rounds} rounds`;
  test(title, { timeout: 1_800_000 }, async t => {
    say(title);
    assertFlat(await loadGuard(t, { way, connections, rounds, nodeOptions: SMALL_HEAP, say }));
  });
}
