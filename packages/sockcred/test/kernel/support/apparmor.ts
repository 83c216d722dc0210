/** AppArmor profiles for tests: they allow everything, their names are what counts. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** Loads a profile of this name, in bytes; `flags` as apparmor.d(5) has them. */
export function loadProfile(name: string | Buffer, flags = 'attach_disconnected'): void {
  const profile = Buffer.concat([
    Buffer.from('profile "'),
    Buffer.from(name),
    Buffer.from(`" flags=(${flags}) {
  file,
  capability,
  network,
  unix,
  signal,
  ptrace,
  mount,
  change_profile,
}
`),
  ]);
  const { status, stderr } = spawnSync(
    '/usr/sbin/apparmor_parser',
    ['--replace', '--skip-cache', '--quiet'],
    {
      input: profile,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
}
