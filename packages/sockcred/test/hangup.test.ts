/** A hang-up is told while bytes are still unread, once, and of nothing that has no other end. */

import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PeerError } from 'sockcred';
import { onHangup } from 'sockcred/relay';
import { openDirectory } from './support/directories.js';
import { acceptFrom, descriptorNumber } from './support/peers.js';
import { needs } from './support/requirements.js';
import { until } from './support/waiting.js';

const skip = needs('linux', 'python3');

test('that nobody is at the other end any more is told once, before anything is read', { skip }, async t => {
  const { socket, peer } = await acceptFrom(t, { script: `s.send(b'unread')\nsay('sent')` });
  let [told, others] = [0, 0];
  const fd = descriptorNumber(socket);
  onHangup(fd, () => told++);
  await peer.line();
  assert.equal(told, 0, 'bytes are no hang-up');
  peer.tell('go');
  await until(() => told > 0);
  onHangup(fd, () => others++);
  await until(() => others > 0);
  assert.deepEqual([told, others], [1, 1], 'told too to whoever asks later, and to nobody twice');
});

test('of a watch that was closed nothing is told, and a file has no other end', { skip }, async t => {
  const { socket, peer } = await acceptFrom(t);
  const other = await acceptFrom(t);
  let told = false;
  onHangup(descriptorNumber(socket), () => {
    told = true;
  }).close();
  peer.tell('go');
  await peer.exited;
  let last = false;
  onHangup(descriptorNumber(other.socket), () => {
    last = true;
  });
  other.peer.tell('go');
  await until(() => last);
  assert.equal(told, false);
  const path = join(openDirectory(t), 'file');
  writeFileSync(path, '');
  const fd = openSync(path, 'w');
  t.after(() => closeSync(fd));
  assert.throws(
    () => onHangup(fd, () => {}),
    (error: PeerError) => error.code === 'ERR_PEER_SYSTEM' && error.errno === 'EPERM',
  );
});
