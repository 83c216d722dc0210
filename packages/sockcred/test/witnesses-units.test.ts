/** The units and containers that cgroups name: whose word each name is, and what that is worth to a rule. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { formatDecision } from 'sockcred/authorization';
import { identifyPeer } from 'sockcred/witnesses';
import { acceptInCgroup, acceptInOwnCgroup } from './support/cgroups.js';
import { acceptFrom, USER } from './support/peers.js';
import { needs } from './support/requirements.js';
import { allow, decide, denied, verdict } from './support/witnessed.js';

const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };

const ID = '3f4e'.repeat(16);

test('a unit that root named lets its processes in, and nobody else', asRoot, async t => {
  const inside = await acceptInCgroup(t, 'x.service');
  assert.equal(verdict(inside, allow({ unit: 'x.service' })), 'yes');
  assert.equal(verdict(inside, allow({ unit: 'y.service' })), 'no');
  assert.equal(verdict(inside, allow({ unit: 'x.servic' })), 'no');
  assert.equal(denied(inside, { unit: 'x.service' }), 'denied');
  const outside = (await acceptFrom(t, USER)).socket;
  assert.notEqual(verdict(outside, allow({ unit: 'x.service' })), 'yes');
  assert.equal(denied(outside, { unit: 'x.service' }), 'allowed');
});

test('that a peer is in no unit is never sure: it raises no trust by itself', asRoot, async t => {
  const { socket } = await acceptFrom(t, USER);
  const elsewhere = allow({ not: { unit: 'x.service' } });
  const told = identifyPeer(peerCredentials(socket), socket).unit?.();
  if (told?.known === true && told.value !== null) return t.skip('this machine puts the test into a unit');
  assert.equal(verdict(socket, elsewhere), 'unknown');
  assert.equal(verdict(socket, { ...elsewhere, believeForgeable: ['unit'] }), 'yes');
  assert.equal(denied(socket, { not: { unit: 'x.service' } }), 'deny-unknown');
});

test(
  'T52: a unit in a directory that was given to a user counts for nothing, unless a rule believes it',
  asRoot,
  async t => {
    const socket = await acceptInOwnCgroup(t, 'deleg.slice', 'backup.service');
    const wary = decide(socket, allow({ unit: 'backup.service' }));
    assert.equal(wary.tried[0]?.verdict, 'unknown');
    assert.match(formatDecision(wary), /weak authority.*uid 1234/);
    assert.equal(verdict(socket, allow({ unit: 'backup.service' }, 'unit')), 'yes');
    assert.equal(denied(socket, { unit: 'backup.service' }), 'denied', 'to lower trust any claim will do');
    assert.equal(denied(socket, { not: { unit: 'backup.service' } }), 'deny-unknown');
  },
);

test('a user’s own unit is the user’s word, below the manager that root named', asRoot, async t => {
  const socket = await acceptInOwnCgroup(t, 'user@1234.service', 'app-org.example.App-1.scope');
  const own = { userUnit: 'app-org.example.App-1.scope' };
  assert.equal(verdict(socket, allow(own, 'userUnit')), 'yes');
  assert.equal(
    verdict(socket, allow({ unit: 'user@1234.service' })),
    'unknown',
    'the manager’s directory is the user’s',
  );
  assert.equal(denied(socket, own), 'denied');
});

test('of nested containers the outermost counts, which what is inside cannot name', asRoot, async t => {
  const socket = await acceptInCgroup(t, `docker-${ID}.scope`, 'docker', '09ab'.repeat(16));
  assert.equal(verdict(socket, allow({ container: ID }, 'container')), 'yes');
  assert.equal(denied(socket, { container: ID }), 'denied');
});
