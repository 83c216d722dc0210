/** A user's own systemd, and command words that run something under it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openDirectory } from './directories.js';
import { programPath } from './requirements.js';
import { SANDBOXED } from './sandboxes.js';

export { SANDBOXED };

/** Command words that run what follows as the sandboxed user, with a home and its manager at hand. */
export function asUser(t: TestContext): readonly string[] {
  const started = spawnSync('/bin/systemctl', ['start', `user@${SANDBOXED}.service`], { encoding: 'utf8' });
  assert.equal(started.status, 0, started.stderr);
  const home = join(openDirectory(t), 'home');
  mkdirSync(home);
  chownSync(home, SANDBOXED, SANDBOXED);
  const run = `/run/user/${SANDBOXED}`;
  const env = { HOME: home, XDG_RUNTIME_DIR: run, DBUS_SESSION_BUS_ADDRESS: `unix:path=${run}/bus` };
  return [
    ...[programPath('systemd-run'), '--quiet', '--pipe', '--wait', '--collect', `--uid=${SANDBOXED}`],
    ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
    ...[`--working-directory=${home}`, '--'],
  ];
}
