/**
 * A server in a process of its own that holds the process of each peer, for
 * other namespaces. Prints one JSON line per connection. A second argument is a
 * Python script that it starts as a client in its own namespaces.
 */

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { PeerError } from 'sockcred';
import { type PeerProcess, peerProcess } from 'sockcred/process';
import { programPath } from './requirements.js';

const [path = '', client] = process.argv.slice(2);

/** What the pinner says. */
export interface Pinned {
  readonly pid?: number;
  readonly alive?: boolean;
  readonly id?: string;
  /** Effective uid now, or the reason why it is not known. */
  readonly uid?: number | string;
  /** From the status file: the name and the numbers of the process in each pid namespace. */
  readonly name?: string;
  readonly numbers?: string;
  /** The code of the error of holding or of reading. */
  readonly code?: string;
}

function lookAt(held: PeerProcess): Pinned {
  const { ids } = held.now();
  const about = {
    ...(held.pid === undefined ? {} : { pid: held.pid }),
    ...(held.id === undefined ? {} : { id: held.id }),
    alive: held.alive,
    uid: ids.known ? (ids.value.effectiveUid ?? 'absent') : ids.reason,
  };
  try {
    const status = held.read(files => files.text('status'));
    const line = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    return { ...about, name: line('Name'), numbers: line('NSpid') };
  } catch (error) {
    return { ...about, code: error instanceof PeerError ? error.code : String(error) };
  }
}

createServer(socket => {
  socket.on('error', () => {});
  let said: Pinned;
  try {
    const held = peerProcess(socket);
    said = lookAt(held);
    held.close();
  } catch (error) {
    said = { code: error instanceof PeerError ? error.code : String(error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}).listen({ path, readableAll: true, writableAll: true }, () => {
  process.stdout.write('ready\n');
  if (client === undefined) return;
  const child = spawn(programPath('python3'), ['-c', client, path], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  process.stdin.once('end', () => child.kill('SIGKILL'));
});
process.stdin.resume().once('end', () => process.exit());
