/** `npm run test:load [CONNECTIONS [ROUNDS]]`: the load test at its full size, and that memory does not grow with rounds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGuard } from './support/load.js';

const [connections = 10_000, rounds = 8] = process.argv.slice(2).map(Number);

test(`${connections} connections at the same time, ${rounds} rounds`, { timeout: 1_800_000 }, async t => {
  const nodeOptions = '--max-old-space-size=64 --max-semi-space-size=1';
  const held = await loadGuard(t, { connections, rounds, nodeOptions, say: line => console.log(line) });
  const kilobytes = held.map(one => one.kilobytes);
  const half = Math.ceil(kilobytes.length / 2);
  const [early, late] = [kilobytes.slice(0, half), kilobytes.slice(half)].map(part => Math.min(...part));
  assert.ok(
    late !== undefined && early !== undefined && late < early * 1.15,
    `memory grows: ${kilobytes.join(', ')} kB`,
  );
});
