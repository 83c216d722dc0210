/** Many users at once: each is told exactly who they are, never who somebody else is. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { curl } from './support/clients.js';
import { needsOtherUsers, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const asRoot = { skip: needsOtherUsers('curl') };

const USERS = Array.from({ length: 8 }, (_, index) => ({
  uid: 3001 + index,
  gid: 5001 + 2 * index,
  groups: Array.from({ length: index }, (_, member) => 100 * (index + 1) + member),
}));

test('eight users at once are each told their own ids, as JSON', asRoot, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path, '--mode', '0666']);
  const requests = [...USERS, ...USERS].map(async user => {
    const { body, pid } = await curl(t, path, { ...user, args: ['-H', 'Accept: application/json'] });
    const peer = recordedPeer(body);
    assert.equal(peer.uid, user.uid);
    assert.equal(peer.gid, user.gid);
    assert.equal(peer.pid, pid);
    assert.deepEqual(
      peer.groups,
      [...user.groups, user.gid].sort((a, b) => a - b),
    );
  });
  await Promise.all(requests);
});

test('eight users at once are each told their own ids, as text', asRoot, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path, '--mode', '0666']);
  const requests = USERS.map(async user => {
    const { body, pid } = await curl(t, path, user);
    assert.match(body, new RegExp(`uid ${user.uid}, gid ${user.gid}, pid ${pid}\\b`));
    const groups = [...user.groups, user.gid].sort((a, b) => a - b).join(' ');
    assert.match(body, new RegExp(`^groups +${groups} +SO_PEERGROUPS`, 'm'));
    for (const other of USERS) {
      if (other !== user) assert.doesNotMatch(body, new RegExp(`\\b(${other.uid}|${other.gid})\\b`));
    }
  });
  await Promise.all(requests);
});

test('the log names each of the users that asked at once', asRoot, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path, '--mode', '0666', '--log', 'json']);
  const replies = await Promise.all(USERS.map(user => curl(t, path, user)));
  running.child.kill('SIGTERM');
  const { stdout } = await running.ended;
  const seen = stdout
    .split('\n')
    .filter(line => line.includes('"request"'))
    .map(line => recordedPeer((JSON.parse(line) as { peer: unknown }).peer))
    .map(({ uid, gid, pid }) => `${uid} ${gid} ${pid}`);
  const asked = USERS.map(({ uid, gid }, index) => `${uid} ${gid} ${replies[index]?.pid}`);
  assert.deepEqual(seen.sort(), asked.sort());
});

test(
  'more groups than a line has room for are complete in the JSON and counted in the text',
  asRoot,
  async t => {
    const path = join(ownDirectory(t), 's');
    await serve(t, ['--listen', path, '--mode', '0666']);
    const groups = Array.from({ length: 200 }, (_, index) => 7000 + index);
    const user = { uid: 3001, gid: 7000, groups };
    const { body } = await curl(t, path, { ...user, args: ['-H', 'Accept: application/json'] });
    assert.deepEqual(recordedPeer(body).groups, groups);
    const { body: shown } = await curl(t, path, user);
    const [, listed = '', rest = '0'] = /^groups +([\d ]+\d)(?: and (\d+) more)?/m.exec(shown) ?? [];
    assert.equal(listed.split(' ').length + Number(rest), 200);
  },
);

test('a socket with the default mode shuts other users out, and root itself never', asRoot, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  const { status, body } = await curl(t, path, { uid: 3001, gid: 5001, groups: [] });
  assert.equal(status, 7, 'curl cannot connect');
  assert.equal(body, '');
  assert.equal((await curl(t, path)).status, 0);
});
