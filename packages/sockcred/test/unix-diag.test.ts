/** The kernel's list of Unix sockets, sock_diag(7), as bytes. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { leadsTo } from '../dist/sys/bound-file.js';
import { hidesProcesses, inodeOfSocket } from '../dist/sys/socket-holders.js';
import { parseUnixDiag, unixSocketRecords } from '../dist/sys/unix-diag.js';
import { ownDirectory } from './support/directories.js';
import { lacksList } from './support/socket-list.js';

test('the kernel’s list of sockets is read as it is, in either byte order, or not at all', () => {
  const listening = (little: boolean) => {
    const bytes = new Uint8Array(16 + 16 + 12 + 16 + 4);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 44, little);
    view.setUint16(4, 20, little);
    view.setUint8(16, 1);
    view.setUint8(17, 1);
    view.setUint8(18, 10);
    view.setUint32(20, 4242, little);
    view.setUint16(32, 9, little);
    view.setUint16(34, 0, little);
    bytes.set([0, 0x61, 0x62, 0x63, 0x64], 36);
    view.setUint32(44, 20, little);
    view.setUint16(48, 3, little);
    return bytes;
  };
  for (const little of [true, false]) {
    assert.deepEqual(parseUnixDiag(listening(little), little), {
      sockets: [
        {
          inode: 4242,
          type: 'stream',
          state: 'listening',
          waiting: [],
          name: Uint8Array.from([0, 0x61, 0x62, 0x63, 0x64]),
        },
      ],
      interrupted: false,
    });
    assert.equal(parseUnixDiag(listening(little).subarray(0, 44), little), undefined, 'without its end');
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(199), fc.nat(255), (bytes, at, value) => {
      parseUnixDiag(bytes, true);
      const changed = listening(true);
      changed[at % changed.length] = value;
      parseUnixDiag(changed, true);
    }),
    { numRuns: 2000 },
  );
});

test('the kernel names the file that a socket was bound to, and a path is compared with it', {
  skip: lacksList(),
}, async t => {
  const path = join(ownDirectory(t), 's');
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const { sockets } = unixSocketRecords();
  const wanted = new TextEncoder().encode(`${path}\0`);
  const file = sockets.find(({ name }) => name !== undefined && Buffer.compare(name, wanted) === 0)?.file;
  assert.ok(file !== undefined);
  // Some file systems give stat(2) another device than their own: then it cannot be told.
  assert.notEqual(leadsTo(path, file), false);
  assert.equal(leadsTo(path, { ...file, inode: file.inode ^ 1 }), false);
  assert.equal(leadsTo(path, { ...file, device: file.device ^ 1 }), undefined);
  assert.equal(leadsTo('s', file), undefined, 'a path from who knows where');
  renameSync(path, `${path}.moved`);
  assert.equal(leadsTo(path, file), false);
  assert.equal(leadsTo(`${path}.moved/s`, file), false);
});

test('sockets and hidden processes are known by the text of proc(5)', () => {
  assert.equal(inodeOfSocket('socket:[4242]'), 4242);
  for (const link of ['', 'pipe:[1]', 'socket:[]', '/socket:[1]', 'socket:[1] (deleted)']) {
    assert.equal(inodeOfSocket(link), undefined);
  }
  const mounted = (options: string) => `24 1 0:22 / /proc rw,nosuid - proc proc rw${options}\n`;
  for (const value of ['2', '4', 'invisible', 'ptraceable']) {
    assert.equal(hidesProcesses(mounted(`,hidepid=${value}`)), true);
    assert.equal(hidesProcesses(mounted(`,gid=7,hidepid=${value},subset=pid`)), true);
    assert.equal(hidesProcesses(mounted(`,hidepid=${value}`) + mounted('')), false, 'the one on top');
  }
  for (const options of ['', ',hidepid=0', ',hidepid=1', ',hidepid=noaccess']) {
    assert.equal(hidesProcesses(mounted(options)), false);
  }
});
