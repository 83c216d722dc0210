/** Gates at paths that every user may connect to, and clients of this process. */

import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createGate, type Gate, type GateOptions, peerOf, type Target } from 'sockcred/gate';
import { ownDirectory } from './directories.js';

/** A gate that listens and lets everybody in unless it is told otherwise, closed with the test. */
export async function openGate(
  t: TestContext,
  target: Target,
  options: Partial<GateOptions> = {},
): Promise<{ gate: Gate; path: string }> {
  const gate = createGate({ authorize: () => true, ...options }).handTo(target);
  const path = `${ownDirectory(t)}/gate`;
  await gate.listen(path, { mode: 0o666 });
  t.after(() => gate.close({ graceMs: 0 }));
  return { gate, path };
}

/**
 * A connected socket of this process, destroyed with the test. In Bun one that was closed by the other end at
 * once is never told that it had connected.
 */
export async function dial(t: TestContext, path: string): Promise<Socket> {
  const socket = connect(path);
  t.after(() => socket.destroy());
  await new Promise<void>((done, failed) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') done();
      else failed(error);
    });
    socket.once('connect', done);
  });
  return socket;
}

/** Everything that comes until the other end closes; also of a connection that is reset. */
export async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  if (!socket.closed) await new Promise(closed => socket.on('error', () => {}).once('close', closed));
  return text;
}

/** A server that tells each client who it is. */
export const greet = (socket: Socket) => socket.resume().end(`hello ${peerOf(socket).uid}\n`);

/** A client for connectScript() that says what it was told, or that it was cut off. */
export const TALK = `
s.settimeout(20)
try:
    s.sendall(b'x')
    text = s.recv(100).decode().strip()
    say('got ' + text if text else 'cut')
except ConnectionError as e:
    say('cut')
`;

/** An HTTP response's status and body. */
export function get(
  path: string,
  url = '/',
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((done, failed) => {
    const outgoing = request(
      { socketPath: path, path: url, headers, agent: false },
      (response: IncomingMessage) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        response.on('end', () => done({ status: response.statusCode ?? 0, body }));
      },
    );
    outgoing.on('error', failed).end();
  });
}
