/** `npm run fuzz:http [-- --seconds 300] [--seed N]`: the fuzz test of `--http` for a longer time, from another seed each time. */

import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { fuzzGuard } from './support/http-fuzz.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '300' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const milliseconds = Number(values.seconds) * 1000;

test(`${values.seconds} seconds from seed ${seed}`, { timeout: milliseconds + 120_000 }, async t => {
  await fuzzGuard(t, { seed, milliseconds, say: line => console.log(line) });
});
