/** What goes through whatever is between a client and a server behind: every byte, and no more than somebody reads. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { connection } from './clients.js';
import { server } from './guards.js';

const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/**
 * A server that sends while it receives, and a client of what is in front of it that finishes first: all arrives as it was sent. Gives how much it was.
 */
export async function assertBothWays(
  t: TestContext,
  { front, behind }: { readonly front: string; readonly behind: string },
): Promise<{ readonly toServer: number; readonly toClient: number }> {
  const sent = randomBytes(9_000_000);
  const back = randomBytes(7_000_000);
  const last = Buffer.from('the end');
  const got: Promise<Buffer>[] = [];
  await server(t, behind, socket => {
    socket.write(back);
    got.push(buffer(socket));
    // The client's end has come through before anything says that ours has.
    socket.on('end', () => socket.end(last));
  });
  const client = await connection(t, front, { allowHalfOpen: true });
  client.end(sent);
  assert.equal(digest(await buffer(client)), digest(Buffer.concat([back, last])));
  assert.equal(digest((await got[0]) ?? Buffer.alloc(0)), digest(sent));
  return { toServer: sent.length, toClient: back.length + last.length };
}

/** How much a client gets rid of that writes as long as it may, until nothing has been taken for half a second. */
export async function takenFrom(client: Socket): Promise<number> {
  const megabyte = Buffer.alloc(1 << 20);
  let taken = 0;
  for (let idle = 0; idle < 5; idle++) {
    while (client.write(megabyte)) idle = 0;
    const before = client.bytesWritten - client.writableLength;
    await new Promise(done => setTimeout(done, 100));
    taken = client.bytesWritten - client.writableLength;
    if (taken !== before) idle = 0;
  }
  return taken;
}
