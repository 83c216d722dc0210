/**
 * A server under load, to be killed at any moment: says on each connection whom it was told of, then echoes. Arguments:
 * where it listens, and how connections come to it.
 */

import { chmodSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listenAt, type Peer, peerCredentials } from 'sockcred';
import { UnixSeqpacketServer, type UnixSeqpacketSocket } from 'sockcred/messages';

const [, , path = '', way = 'relay'] = process.argv;
const LISTEN = { mode: 0o666, backlog: 4096 };

const line = ({ uid, gid, groups }: Pick<Peer, 'uid' | 'gid' | 'groups'>) =>
  `${uid} ${gid} ${groups?.join(',')}\n`;

function tellAndEcho(socket: Duplex, told: string): void {
  socket.on('error', () => {});
  socket.write(told);
  socket.pipe(socket);
}

/** Who the headers say it is; who the connection says it is has to be the same. */
function toldBy(request: IncomingMessage): string {
  const { 'sockcred-uid': uid, 'sockcred-gid': gid, 'sockcred-groups': groups } = request.headers;
  const told = `${uid} ${gid} ${String(groups).replaceAll(' ', ',')}\n`;
  return told === line(peerCredentials(request.socket, { side: 'accepted' })) ? told : `not ${told}`;
}

async function http(): Promise<void> {
  const server = createHttpServer({ keepAliveTimeout: 0 }, (request, response) => {
    const told = toldBy(request);
    response.writeHead(200, { 'content-length': told.length }).end(told);
  });
  server.on('upgrade', (request, socket: Duplex, first: Buffer) => {
    socket.unshift(first);
    const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    tellAndEcho(socket, `${head}${toldBy(request)}`);
  });
  await listenAt(server, path, LISTEN);
}

/** Takes each connection that a guard passes, and tells it when that has ended. */
async function pass(): Promise<void> {
  const server = new UnixSeqpacketServer({ ...LISTEN, acceptFds: 1 });
  server.on('connection', (guard: UnixSeqpacketSocket) => {
    guard.on('message', (data, { fds: [passed] }) => {
      const { connection, peer } = JSON.parse(String(data));
      const fd = passed?.take() ?? -1;
      const same = line(peerCredentials(fd, { side: 'accepted' })) === line(peer);
      const socket = new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
      tellAndEcho(socket, same ? line(peer) : `not ${line(peer)}`);
      socket.on('close', () => guard.send(`{"ended":${connection}}`));
    });
  });
  await server.listen(path);
}

async function relay(): Promise<void> {
  const server = createServer({ allowHalfOpen: true, noDelay: false }, socket =>
    tellAndEcho(socket, line(peerCredentials(socket, { side: 'accepted' }))),
  );
  await listenAt(server, path, LISTEN);
}

await (way === 'http' ? http() : way === 'pass' ? pass() : relay());
chmodSync(path, 0o666);
process.stdout.write('ready\n');
