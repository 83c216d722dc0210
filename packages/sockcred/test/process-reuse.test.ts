/** Ten thousand times a process ends and another one gets its number, before, while and after it is read. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCgroup } from './support/cgroups.js';
import { openDirectory } from './support/directories.js';
import { start } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import type { ReuseTally } from './support/reuse-server.js';

const ROUNDS = 10_000;

test('T24: whoever gets the number of a peer’s process, the peer is never taken for them', {
  skip: needs('linux', 'root', 'namespaces', 'cc'),
  timeout: 300_000,
}, async t => {
  const directory = openDirectory(t);
  const attacker = `${directory}/pid-reuse`;
  const source = fileURLToPath(new URL('../test/support/pid-reuse.c', import.meta.url));
  const compiled = spawnSync(
    programPath('cc'),
    ['-O2', '-Wall', '-Werror', '-static', '-o', attacker, source],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(compiled.status, 0, compiled.stderr);
  const victim = `${directory}/victim`;
  copyFileSync(attacker, victim);
  mkdirSync(`${directory}/root`);
  writeFileSync(
    `${directory}/root/.flatpak-info`,
    '[Application]\nname=org.evil.Claims\n[Instance]\ninstance-id=1\n',
  );
  chmodSync(`${directory}/root/.flatpak-info`, 0o644);
  const server = fileURLToPath(new URL('support/reuse-server.js', import.meta.url));
  const child = start(t, [
    programPath('unshare'),
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    process.execPath,
    server,
    `${directory}/s`,
    attacker,
    `${ROUNDS}`,
    `${directory}/root`,
    victim,
    ...(needs('cgroups')
      ? []
      : [makeCgroup(t, `docker-${'1'.repeat(64)}.scope`), makeCgroup(t, 'victim.service')]),
  ]);
  let said = '';
  child.stdout?.on('data', data => {
    said += data;
  });
  await once(child, 'close');
  const tally = JSON.parse(said) as ReuseTally & { readonly code: number };
  t.diagnostic(said.trim());
  assert.equal(tally.code, 0);
  assert.equal(tally.rounds, ROUNDS);
  assert.ok(tally.hits > ROUNDS / 2, 'the attack succeeds in having the number given again');
  assert.ok(tally.fooledByNumber > 1000, 'and would fool whoever reads by number');
  const looks = Object.entries(tally.looks);
  assert.deepEqual(
    looks.filter(([, { wrong }]) => wrong > 0),
    [],
    'nobody else was ever told',
  );
  for (const [name, { right }] of looks) assert.ok(right >= Math.floor(ROUNDS / 4 / looks.length), name);
  assert.ok(looks.reduce((sum, [, { refused }]) => sum + refused, 0) > 1000);
});
