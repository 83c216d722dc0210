/** Units of a real systemd, the machine's and a user's: each told as systemd names it, and whose word that is. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { type Claim, type Engine, peerApplication, peerCgroup } from 'sockcred/application';
import { managed } from '../support/containers.js';
import { openDirectory } from '../support/directories.js';
import { connectScript, openServer, python } from '../support/peers.js';
import { needs, programPath } from '../support/requirements.js';
import { asUser, SANDBOXED } from '../support/user-manager.js';

const underSystemd = {
  skip: needs('linux', 'root', 'cgroups', 'python3', 'systemd-run') || (!managed && 'needs systemd as pid 1'),
};
const ID = '3f4e'.repeat(16);
const RUN = [programPath('systemd-run'), '--quiet', '--pipe', '--wait', '--collect'] as const;
const USER_RUN = [...RUN, '--user'] as const;
const USER_SCOPE = [programPath('systemd-run'), '--quiet', '--user', '--scope', '--collect'] as const;
const FORGE = `
at = '/sys/fs/cgroup' + [line for line in open('/proc/self/cgroup').read().split('\\n') if line.startswith('0::')][0][3:]
fake = at + '/docker-${ID}.scope'
os.mkdir(fake)
open(fake + '/cgroup.procs', 'w').write(str(os.getpid()))
say('moved')`;

function claimOf(socket: Socket, engine: Engine): Claim {
  const { claims } = peerApplication(socket);
  const claim = claims.find(each => each.engine === engine);
  assert.ok(claim, JSON.stringify(claims));
  return claim;
}

/** The unit of a process by systemd's own word. */
function unitBySystemd(socket: Socket): string {
  const words = [
    'call',
    'org.freedesktop.systemd1',
    '/org/freedesktop/systemd1',
    'org.freedesktop.systemd1.Manager',
  ];
  const { pid } = peerCredentials(socket);
  const asked = spawnSync('/usr/bin/busctl', [...words, 'GetUnitByPID', 'u', `${pid}`], { encoding: 'utf8' });
  assert.equal(asked.status, 0, asked.stderr);
  const path = /^o "([^"]+)"/.exec(asked.stdout)?.[1] ?? '';
  const got = ['get-property', 'org.freedesktop.systemd1', path, 'org.freedesktop.systemd1.Unit', 'Id'];
  const told = spawnSync('/usr/bin/busctl', got, { encoding: 'utf8' });
  return JSON.parse(told.stdout.trim().slice(2));
}

/** A peer behind command words that may fail: then so does the test, and does not wait. */
async function connect(t: TestContext, before: readonly string[], script = '') {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const peer = python(t, connectScript(script), { before, args: [path] });
  const ended = peer.exited.then(code => assert.fail(`${before.join(' ')} ended with status ${code}`));
  ended.catch(() => {});
  return { socket: await Promise.race([next(), ended]), peer };
}

test(
  'a service of the system is root’s word, under the name that systemd gives it',
  underSystemd,
  async t => {
    for (const [unit, slice] of [
      ['sockcred-plain.service', 'system.slice'],
      ['sockcred-t@a\\x2db.service', 'sockcred-deep.slice'],
    ] as const) {
      const { socket } = await connect(t, [
        ...RUN,
        `--unit=${unit}`,
        `--slice=${slice}`,
        `-pUser=${SANDBOXED}`,
      ]);
      const claim = claimOf(socket, 'systemd');
      assert.deepEqual([claim.unit, claim.slice], [unit, slice]);
      assert.equal(claim.unit, unitBySystemd(socket));
      assert.deepEqual(claim.authority, { of: 'root' });
      const { binding, id } = peerCgroup(socket);
      if (id !== undefined) assert.equal(binding, 'kernel');
    }
  },
);

test('a user’s service and application are that user’s word, escapes and all', underSystemd, async t => {
  const user = asUser(t);
  for (const [words, unit, slice, applicationId] of [
    [[...USER_RUN, '--unit=my\\x2dthing.service'], 'my\\x2dthing.service', 'app.slice', undefined],
    // An instance of a template has a slice of its own by default.
    [
      [...USER_RUN, '--unit=app-org.example.Two@1.service'],
      'app-org.example.Two@1.service',
      'app-app\\x2dorg.example.Two.slice',
      'org.example.Two',
    ],
    [
      [...USER_SCOPE, '--slice=app.slice', '--unit=app-gnome-org.example.App\\x2dOne-7.scope'],
      'app-gnome-org.example.App\\x2dOne-7.scope',
      'app.slice',
      'org.example.App-One',
    ],
  ] as const) {
    const { socket } = await connect(t, [...user, ...words]);
    const claim = claimOf(socket, 'systemd');
    assert.deepEqual(
      [claim.unit, claim.userUnit, claim.slice, claim.slicedUid, claim.applicationId],
      [`user@${SANDBOXED}.service`, unit, slice, SANDBOXED, applicationId],
    );
    assert.deepEqual(claim.authority, { of: 'user', uid: SANDBOXED });
  }
});

test(
  'T52: a snap’s scope that a user made by their own manager is that user’s word',
  underSystemd,
  async t => {
    const unit = 'snap.firefox.firefox-0b3f9a9e-7a52-4a0e-8a67-0c1d2e3f4a5b.scope';
    const { socket } = await connect(t, [...asUser(t), ...USER_SCOPE, `--unit=${unit}`]);
    const claim = claimOf(socket, 'snap');
    assert.equal(claim.applicationId, 'firefox.firefox');
    assert.deepEqual(claim.authority, { of: 'user', uid: SANDBOXED });
  },
);

test(
  'T52: below what systemd has delegated a container’s name is the delegate’s word',
  underSystemd,
  async t => {
    for (const [unit, options, uid] of [
      ['sockcred-given.service', [], 0],
      ['sockcred-given-user.service', [`-pUser=${SANDBOXED}`], SANDBOXED],
    ] as const) {
      const { socket, peer } = await connect(
        t,
        [...RUN, '-pDelegate=yes', `--unit=${unit}`, ...options],
        FORGE,
      );
      assert.equal(await peer.line(), 'moved');
      const forged = claimOf(socket, 'container');
      assert.equal(forged.instanceId, ID);
      assert.deepEqual(forged.authority, { of: 'user', uid });
      const claim = claimOf(socket, 'systemd');
      assert.equal(claim.unit, unit);
      assert.deepEqual(claim.authority, uid === 0 ? { of: 'root' } : { of: 'user', uid });
    }
  },
);

test('a login session is told by its number and its user’s slice', underSystemd, async t => {
  const { socket } = await connect(t, [
    ...RUN,
    '--unit=sockcred-login.service',
    '-pPAMName=login',
    '-pUser=root',
  ]);
  const claim = claimOf(socket, 'systemd');
  assert.match(claim.session ?? '', /^c?\d+$/, JSON.stringify(claim));
  assert.equal(claim.unit, `session-${claim.session}.scope`);
  assert.deepEqual([claim.slice, claim.slicedUid], ['user-0.slice', 0]);
  assert.deepEqual(claim.authority, { of: 'root' });
});
