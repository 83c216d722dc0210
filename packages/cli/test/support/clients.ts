/** Clients of the whoami server: curl as anybody, plain HTTP, and bytes as they are. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { type Identity, runAs, start } from '../../../sockcred/build/support/peers.js';
import { programPath } from '../../../sockcred/build/support/requirements.js';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request of this process, without an Accept header unless one is given. */
export async function ask(
  path: string,
  { method = 'GET', url = '/', headers = {} }: { method?: string; url?: string; headers?: object } = {},
): Promise<Reply> {
  const client = request({
    socketPath: path,
    method,
    path: url,
    headers: { connection: 'close', ...headers },
  });
  client.end();
  const [response] = await once(client, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** Makes sure that the server at this path answers, and says which process it is. */
export async function answersAt(path: string): Promise<void> {
  const reply = await ask(path);
  assert.equal(reply.status, 200);
  assert.match(reply.body, new RegExp(`\\bpid ${process.pid}\\b`));
}

export interface CurlReply {
  readonly pid: number | undefined;
  readonly status: number | null;
  readonly body: string;
}

/** curl(1) with these options, as somebody; `@name` is an abstract name, which Node 20 cannot connect to. */
export async function curl(
  t: TestContext,
  path: string,
  options: Identity & { readonly args?: readonly string[]; readonly url?: string } = {},
): Promise<CurlReply> {
  const child = start(t, [
    ...runAs(options),
    programPath('curl'),
    '-q',
    '--silent',
    ...(path.startsWith('@') ? ['--abstract-unix-socket', path.slice(1)] : ['--unix-socket', path]),
    ...(options.args ?? []),
    options.url ?? 'http://localhost/',
  ]);
  if (child.stdout === null) throw new Error('no stdout');
  const [[status], body] = await Promise.all([once(child, 'close'), text(child.stdout)]);
  return { pid: child.pid, status, body };
}

/** An open connection of this process, closed with the test. */
export async function connection(
  t: TestContext,
  path: string,
  options: { readonly allowHalfOpen?: boolean } = {},
): Promise<Socket> {
  const socket = connect({ path, ...options });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** Sends bytes and returns, as latin1, what comes back until the server closes. */
export async function exchange(t: TestContext, path: string, bytes: string): Promise<string> {
  const socket = await connection(t, path);
  let received = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    received += data;
  });
  socket.write(bytes, 'latin1');
  // A server that closes before it has read everything resets the connection: an end like any other.
  await new Promise(closed => socket.once('close', closed));
  return received;
}
