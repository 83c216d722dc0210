/** The accepting side: who connected, as captured in connect(2). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { acceptFrom } from './support/peers.js';
import { needs } from './support/requirements.js';

test('names the uid, gid, pid and groups of a connector', {
  skip: needs('linux', 'root', 'python3', 'setpriv'),
}, async t => {
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27, 100] });
  const found = peerCredentials(socket);
  assert.equal(found.uid, 1234);
  assert.equal(found.gid, 4321);
  assert.equal(found.pid, peer.child.pid);
  assert.deepEqual(found.groups, [27, 100, 4321]);
  assert.equal(found.role, 'connector');
  assert.deepEqual(found.evidence.uid, {
    known: true,
    about: 'connector',
    source: 'SO_PEERCRED',
    captured: 'connect',
  });
});
