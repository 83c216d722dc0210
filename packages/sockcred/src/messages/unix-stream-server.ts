/** A server whose connections are `UnixStream`s: every byte of theirs has a sender from the first one on. */

import type { AcceptOptions } from './arrival.ts';
import { type ConnectionKind, MessageServer } from './message-server.ts';
import { UnixStream, type UnixStreamOptions } from './unix-stream.ts';

/** Of the server and of its connections; file descriptors are refused unless `acceptFds` says otherwise. */
export type UnixStreamServerOptions = AcceptOptions & UnixStreamOptions;

const STREAMS: ConnectionKind<UnixStream, UnixStreamServerOptions> = {
  seqpacket: false,
  adopt: (fd, options) => UnixStream.adopt(fd, options),
  close: stream => stream.destroy(),
};

/**
 * Listens at a path and gives a `UnixStream` for every connection.
 *
 * @remarks
 * Credentials are asked for before the socket has a name, so whatever is sent
 * has its sender recorded. File descriptors are not accepted by default.
 *
 * @example
 * ```ts
 * import { UnixStreamServer } from 'sockcred/messages';
 *
 * const server = new UnixStreamServer({ mode: 0o666 });
 * server.on('connection', stream => stream.destroy());
 * await server.listen('@sockcred-stream-server');
 * await server.close();
 * ```
 */
export class UnixStreamServer extends MessageServer<UnixStream, UnixStreamServerOptions> {
  constructor(options: UnixStreamServerOptions = {}) {
    super(STREAMS, options);
  }
}
