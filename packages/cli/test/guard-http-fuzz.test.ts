/** Some hundred connections that are nearly HTTP; `npm run fuzz:http` goes on for as long as is said. */

import { test } from 'node:test';
import { needsOtherUsers } from './support/command.js';
import { fuzzGuard } from './support/http-fuzz.js';

test('clients and a server that are nearly right end no guard, and leave nothing in it', {
  skip: needsOtherUsers(),
}, async t => {
  await fuzzGuard(t, { seed: 1, milliseconds: 60_000, connections: 250, say: line => t.diagnostic(line) });
});
