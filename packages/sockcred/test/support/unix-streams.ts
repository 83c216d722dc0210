/** A server of UnixStreams at a path that every user may connect to, and all that one of its streams brings. */

import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type StreamMessage,
  type UnixStream,
  UnixStreamServer,
  type UnixStreamServerOptions,
} from 'sockcred/messages';
import { ownDirectory } from './directories.js';

/** The server, and its streams in the order in which they came; all are gone with the test. */
export async function streamServer(t: TestContext, options: UnixStreamServerOptions = {}) {
  const path = join(ownDirectory(t), 's');
  const server = new UnixStreamServer({ mode: 0o666, ...options });
  const waiting: UnixStream[] = [];
  server.on('connection', stream => {
    stream.on('error', () => {});
    t.after(() => stream.destroy());
    waiting.push(stream);
  });
  await server.listen(path);
  t.after(() => server.close());
  const next = async (): Promise<UnixStream> => {
    while (waiting.length === 0) await once(server, 'connection');
    return waiting.shift() as UnixStream;
  };
  return { path, server, next };
}

/** What comes until the other end has finished. */
export async function allMessages(stream: UnixStream): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}
