/**
 * A server in a process of its own that tells of each peer what it is part of,
 * for servers that live in a container. Prints one JSON line per connection.
 * The words after the path are started once it listens.
 */

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { PeerError, peerCredentials } from 'sockcred';
import { type Claim, type Containment, peerApplication } from 'sockcred/application';

const [path = '', command, ...words] = process.argv.slice(2);

/** What the teller says. */
export interface PartOf {
  readonly pid?: number;
  readonly uid?: number;
  readonly claims?: readonly Claim[];
  readonly containment?: readonly Containment[];
  /** The code of the error, where nothing can be told. */
  readonly code?: string;
}

createServer(socket => {
  socket.on('error', () => {});
  const { pid, uid } = peerCredentials(socket);
  const about = { ...(pid === undefined ? {} : { pid }), ...(uid === undefined ? {} : { uid }) };
  let said: PartOf;
  try {
    const { claims, containment = [] } = peerApplication(socket);
    said = { ...about, claims, containment };
  } catch (error) {
    said = { ...about, code: error instanceof PeerError ? error.code : String(error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}).listen({ path, readableAll: true, writableAll: true }, () => {
  process.stdout.write('ready\n');
  if (command !== undefined) spawn(command, words, { stdio: ['ignore', 'ignore', 'inherit'] });
});
process.stdin.resume().once('end', () => process.exit());
