/** Sockets of our own: the mode of a path on kernels where a socket without a name takes none. */

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addon } from '../dist/sys/addon.js';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { bindListen, connectedSocket } from '../dist/sys/unix-socket.js';
import { openDirectory } from './support/peers.js';
import { needs } from './support/requirements.js';

/** SYS_UNSUPPORTED of native/sys.h. */
const UNSUPPORTED = 0x10002;
const skip = needs('linux');

/** This kernel's answers, but for the mode: that one is a BSD's. */
function withoutMode(status: number) {
  const native = addon();
  return {
    setMode: () => -status,
    bindListen: (fd: number, name: Uint8Array, backlog: number) => native.bindListen(fd, name, backlog),
  };
}

test('the umask gives the mode instead, is never wider than it was, and is put back', { skip }, t => {
  const before = process.umask();
  t.after(() => process.umask(before));
  for (const umask of [0, 0o027, 0o777]) {
    for (const mode of [0o600, 0o666, 0o777, 0]) {
      process.umask(umask);
      const path = join(openDirectory(t), `${umask}-${mode}`);
      const fd = addon().streamSocket();
      assert.equal(bindListen(withoutMode(UNSUPPORTED), fd, { kind: 'path', path }, mode, 1), 0);
      process.umask(before);
      closeDescriptor(fd);
      assert.equal(statSync(path).mode & 0o777, mode & ~umask, path);
    }
  }
});

test('the umask is put back where binding fails, and left alone where the mode is refused otherwise', {
  skip,
}, t => {
  const before = process.umask();
  const path = join(openDirectory(t), 'missing', 's');
  const fd = addon().streamSocket();
  t.after(() => closeDescriptor(fd));
  assert.ok(bindListen(withoutMode(UNSUPPORTED), fd, { kind: 'path', path }, 0o600, 1) < 0);
  assert.equal(process.umask(), before);
  const EACCES = 13;
  assert.equal(bindListen(withoutMode(EACCES), fd, { kind: 'path', path }, 0o600, 1), -EACCES);
  assert.ok('refused' in connectedSocket({ kind: 'path', path }), 'nothing was bound');
});

test('a descriptor that is not open is a fault that is told', { skip }, () => {
  const fd = addon().streamSocket();
  closeDescriptor(fd);
  assert.throws(() => closeDescriptor(fd), { code: 'ERR_PEER_SYSTEM', errno: 'EBADF' });
});
