/** The kernel's list of Unix sockets, sock_diag(7), as bytes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseUnixDiag } from '../dist/sys/unix-diag.js';

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
