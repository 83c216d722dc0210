/** A kernel whose security module, if there is one, gives sockets no label. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatPeer, peerCredentials, peerToJson } from 'sockcred';
import { acceptFrom } from '../support/peers.js';
import { needs } from '../support/requirements.js';
import { loadProfile } from './support/apparmor.js';
import { asking, labelOfProcess, messageFrom } from './support/labelled.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
const modules = existsSync('/sys/kernel/security/lsm')
  ? readFileSync('/sys/kernel/security/lsm', 'utf8')
  : '';

test(
  `T49: no module gives a label (here: ${modules}), and it is absent as unsupported, never ""`,
  asRoot,
  async t => {
    assert.doesNotMatch(modules, /selinux|smack/);
    const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [] });
    const found = peerCredentials(socket);
    assert.ok(!('label' in found));
    assert.ok(!found.evidence.label.known);
    assert.equal(found.evidence.label.reason, 'unsupported');
    assert.ok(!('label' in peerToJson(found)));
    assert.match(formatPeer(found), /^label +unknown +unsupported: /m);
    assert.deepEqual([found.uid, found.gid, found.groups], [1234, 4321, [4321]]);
  },
);

if (modules.includes('apparmor')) {
  test('T49: a process that AppArmor confines has no label at its socket before 6.17', asRoot, async t => {
    loadProfile('sockcred_silent');
    const before = asking('exec', Buffer.from('exec sockcred_silent'));
    const { socket, peer } = await acceptFrom(t, { before });
    assert.equal(labelOfProcess(peer.child.pid).toString(), 'sockcred_silent (enforce)\n');
    const { label, evidence } = peerCredentials(socket);
    assert.equal(label, undefined);
    assert.ok(!evidence.label.known && evidence.label.reason === 'unsupported');
  });
}

test('T49: a message comes without a label', asRoot, async t => {
  const message = await messageFrom(t, []);
  assert.ok(!('label' in message));
  assert.equal(message.sender.uid, 0);
});
