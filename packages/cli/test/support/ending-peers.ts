/** Peers of a guard, on both of its sides, whose connections end in every way. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { python } from '../../../sockcred/build/support/peers.js';

/** A server that says how far it has come, and can be killed. */
export const SERVER = `
import select
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); s.listen(); say('ready')
c, _ = s.accept()
c.sendall(b'hello')
if sys.argv[2] == 'unread': select.select([c], [], [])
else:
    while c.recv(100): pass
say('there')
hear()
`;

/** A client that says so too. */
export const CLIENT = `
import select
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
if sys.argv[2] == 'unread': select.select([s], [], [])
else: s.recv(1000)
say('there')
hear()
`;

/** A server that takes nothing, so that its second client waits. */
export const FULL = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); s.listen(0); say('ready')
hear()
`;

const RECEIVER = `
import json
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1]); s.listen(); say('ready')
g, _ = s.accept()
data, fds, _, _ = socket.recv_fds(g, 65536, 4)
if sys.argv[2] == 'tells':
    os.close(fds[0])
    g.send(b'{"ended":%d}' % json.loads(data)['connection'])
say('got')
hear()
`;

export async function receiver(t: TestContext, behind: string, what: 'tells' | 'is silent') {
  const peer = python(t, RECEIVER, { args: [behind, what] });
  assert.equal(await peer.line(), 'ready');
  return peer;
}

/** Answers, does not, breaks off, and goes on in another protocol. */
export async function httpServer(t: TestContext, behind: string): Promise<string[]> {
  const asked: string[] = [];
  const made = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/') response.end('fine');
    if (request.url === '/broken') {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half', () => response.destroy());
    }
  });
  made.on('upgrade', (request, socket: Socket) => {
    asked.push(request.url ?? '');
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    if (request.url === '/')
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nthere',
      );
  });
  made.listen(behind);
  await once(made, 'listening');
  t.after(() => {
    made.closeAllConnections();
    made.close();
  });
  return asked;
}
