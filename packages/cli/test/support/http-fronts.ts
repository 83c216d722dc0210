/** An HTTP front behind a gate, in front of a server of the test: the way that a request takes through the guard. */

import { once } from 'node:events';
import {
  type Agent,
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  request as sendRequest,
} from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { createGate, type GateOptions } from 'sockcred/gate';
import type { Upstream } from 'sockcred/relay';
import { ownDirectory } from '../../../sockcred/build/support/directories.js';
import { createHttpFront, type HttpFrontOptions } from '../../dist/guard/http/http-front.js';
import { socketTo } from '../../dist/guard/http/http-upstream.js';

/** A front in front of `to`, that everybody may come in to unless told otherwise. Closed with the test. */
export async function openFront(
  t: TestContext,
  to: Upstream,
  options: Partial<HttpFrontOptions> = {},
  gateOptions: Partial<GateOptions> = {},
): Promise<string> {
  const front = createHttpFront({ connect: socketTo(to), ...options });
  const gate = createGate({ authorize: () => true, ...gateOptions }).handTo(front);
  const path = `${ownDirectory(t)}/front`;
  await gate.listen(path, { mode: 0o666 });
  t.after(() => gate.close({ graceMs: 0 }));
  return path;
}

/** Listens at a path of its own, until the test ends. */
export async function listening(t: TestContext, server: Server): Promise<{ readonly path: string }> {
  const path = `${ownDirectory(t)}/behind`;
  await once(server.listen(path), 'listening');
  t.after(() => {
    server.close();
    if ('closeAllConnections' in server) (server.closeAllConnections as () => void).call(server);
  });
  return { path };
}

/** A server that writes down every byte of each of its connections, and answers whatever has the look of a request. */
export async function recorder(
  t: TestContext,
  answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
): Promise<{ readonly to: Upstream; readonly connections: string[] }> {
  const connections: string[] = [];
  const server = createServer(socket => {
    const index = connections.push('') - 1;
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (data: string) => {
      const before = connections[index] ?? '';
      connections[index] = before + data;
      // One answer for each head that has become complete.
      const heads = (text: string) => text.split('\r\n\r\n').length;
      for (let left = heads(before + data) - heads(before); left > 0; left--) socket.write(answer, 'latin1');
    });
  });
  return { to: await listening(t, server), connections };
}

/** Sends bytes as they are and gives everything that comes back until the connection ends; latin1. */
export async function exchangeBytes(
  t: TestContext,
  path: string,
  bytes: string | Uint8Array,
): Promise<string> {
  const socket = connect(path);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  let received = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    received += data;
  });
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await new Promise(closed => socket.once('close', closed));
  return received;
}

/** A server behind the front, and what it was asked. */
export async function behind(t: TestContext, handle: RequestListener) {
  const requests: IncomingMessage[] = [];
  const server = createHttpServer((request, response) => {
    requests.push(request);
    request.on('error', () => {});
    response.on('error', () => {});
    handle(request, response);
  });
  return { server, requests, to: await listening(t, server) };
}

/** One request, and what it carries. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

/** Sends a request through a front and reads the whole answer. */
export async function ask(socketPath: string, { body, agent, ...options }: Sent = {}) {
  const outgoing = sendRequest({ socketPath, path: '/a', agent: agent ?? false, ...options });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: incoming.statusCode, incoming, body: await text(incoming) };
}

/** What the guard itself has to say. */
export const problem = (body: string) =>
  JSON.parse(body) as { status: number; title: string; detail: string };
