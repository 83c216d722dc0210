/** A server under load, to be killed at any moment: says on each connection whom the kernel names, then echoes. */

import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { listenAt, peerCredentials } from 'sockcred';

const path = process.argv[2] ?? '';
const server = createServer({ allowHalfOpen: true, noDelay: false }, socket => {
  socket.on('error', () => {});
  const { uid, gid, groups } = peerCredentials(socket, { side: 'accepted' });
  socket.write(`${uid} ${gid} ${groups?.join(',')}\n`);
  socket.pipe(socket);
});
await listenAt(server, path, { mode: 0o666, backlog: 4096 });
chmodSync(path, 0o666);
process.stdout.write('ready\n');
