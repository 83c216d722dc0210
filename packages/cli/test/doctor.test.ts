/** `sockcred doctor` on this machine, and where things are missing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnosis } from 'sockcred';
import { runAs } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { type CommandOptions, needsOtherUsers, run } from './support/command.js';

const KERNEL = [
  'addon',
  'self-test',
  'SO_PEERCRED',
  'SO_PEERGROUPS',
  'SO_PEERSEC',
  'SO_PEERPIDFD',
  'id maps',
];
const RUNTIME = ['net.Server', 'net.Socket', 'node:http'];

async function diagnosis(t: Parameters<typeof run>[0], options?: CommandOptions) {
  const { status, stdout, stderr } = await run(t, ['doctor', '--json'], options);
  assert.equal(stderr, '');
  const found: Diagnosis = JSON.parse(stdout);
  const state = (name: string) => found.mechanisms.find(mechanism => mechanism.name === name)?.state;
  return { status, found, state };
}

test('every mechanism of this system is tried, and what must work on it does', {
  skip: needs('linux'),
}, async t => {
  const { status, found, state } = await diagnosis(t);
  assert.deepEqual(
    found.mechanisms.map(({ name }) => name),
    [...KERNEL, ...RUNTIME],
  );
  for (const name of ['addon', 'self-test', 'SO_PEERCRED', 'SO_PEERGROUPS', 'net.Server', 'net.Socket']) {
    assert.equal(state(name), 'works', name);
  }
  assert.equal(found.ok, true);
  assert.equal(status, 0);
});

test('another user with groups finds the same as root', { skip: needsOtherUsers() }, async t => {
  const before = runAs({ uid: 2001, gid: 2002, groups: [44, 27] });
  const { status, found, state } = await diagnosis(t, { before });
  assert.equal(status, 0);
  assert.equal(state('SO_PEERGROUPS'), 'works');
  const groups = found.mechanisms.find(({ name }) => name === 'SO_PEERGROUPS');
  assert.match(groups?.detail ?? '', /3 of ours/);
});

test('ids that a user namespace hides are absent, which is nothing broken', {
  skip: needs('linux', 'root', 'namespaces'),
}, async t => {
  const { status, state } = await diagnosis(t, { before: [programPath('unshare'), '--user'] });
  assert.equal(status, 0);
  assert.deepEqual(
    [state('SO_PEERCRED'), state('SO_PEERGROUPS'), state('id maps')],
    ['absent', 'absent', 'absent'],
  );
});

test('without an addon for the machine that is broken, and nothing else is asked', {
  skip: needs('linux'),
}, async t => {
  const hook = 'data:text/javascript,Object.defineProperty(process,%22arch%22,{value:%22vax%22})';
  const { status, found } = await diagnosis(t, { env: { NODE_OPTIONS: `--import=${hook}` } });
  assert.equal(status, 1);
  assert.equal(found.ok, false);
  assert.deepEqual(
    found.mechanisms.map(({ name, state }) => [name, state]),
    [['addon', 'broken']],
  );
});

test('for a person: a line a mechanism, and a verdict', { skip: needs('linux') }, async t => {
  const { status, stdout } = await run(t, ['doctor']);
  assert.equal(status, 0);
  for (const name of [...KERNEL, ...RUNTIME])
    assert.match(stdout, new RegExp(`^${name} +(works|absent) `, 'm'));
  assert.match(stdout, /^Nothing is broken\.$/m);
  assert.doesNotMatch(stdout, /\x1b/, 'no colour into a pipe');
});

test('a wrong flag is a usage error', async t => {
  const { status, stderr } = await run(t, ['doctor', '--jsn']);
  assert.equal(status, 2);
  assert.match(stderr, /--jsn/);
});
