/** Sockets of our own: the mode of a path on kernels where a socket without a name takes none. */

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addon } from '../dist/sys/addon.js';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { boundWithMode, connectedSocket, nameBytes } from '../dist/sys/unix-socket.js';
import { openDirectory } from './support/directories.js';
import { needs } from './support/requirements.js';

/** SYS_UNSUPPORTED of native/sys.h. */
const UNSUPPORTED = 0x10002;
const skip = needs('linux');

/** Listens as on a kernel that answers so when it is asked to set the mode of a socket without a name. */
function listenWithout(status: number, fd: number, path: string, mode: number): number {
  const name = { kind: 'path', path } as const;
  const bind = () => addon().bindListen(fd, nameBytes(name), 1);
  return boundWithMode({ setMode: () => -status }, fd, name, mode, bind);
}

test('the umask gives the mode instead, is never wider than it was, and is put back', { skip }, t => {
  const before = process.umask();
  t.after(() => process.umask(before));
  for (const umask of [0, 0o027, 0o777]) {
    for (const mode of [0o600, 0o666, 0o777, 0]) {
      process.umask(umask);
      const path = join(openDirectory(t), `${umask}-${mode}`);
      const fd = addon().streamSocket();
      assert.equal(listenWithout(UNSUPPORTED, fd, path, mode), 0);
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
  assert.ok(listenWithout(UNSUPPORTED, fd, path, 0o600) < 0);
  assert.equal(process.umask(), before);
  const EACCES = 13;
  assert.equal(listenWithout(EACCES, fd, path, 0o600), -EACCES);
  assert.ok('refused' in connectedSocket({ kind: 'path', path }), 'nothing was bound');
});

test('a descriptor that is not open is a fault that is told', { skip }, () => {
  const fd = addon().streamSocket();
  closeDescriptor(fd);
  assert.throws(() => closeDescriptor(fd), { code: 'ERR_PEER_SYSTEM', errno: 'EBADF' });
});
