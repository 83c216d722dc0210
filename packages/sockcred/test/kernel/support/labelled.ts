/** Peers that a security module labels, and what the library must then say of them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { PeerCredentials } from 'sockcred';
import { type StreamMessage, type UnixStream, UnixStreamServer } from 'sockcred/messages';
import { openDirectory, ownDirectory } from '../../support/directories.js';
import { connectScript, type Identity, openServer, type PythonPeer, python } from '../../support/peers.js';
import { programPath } from '../../support/requirements.js';

/** Command words that make the next program start under what is written to a file of /proc/self/attr. */
export function asking(attribute: string, request: Buffer): readonly string[] {
  // printf(1) knows only octal escapes, and a label may be any bytes.
  const octal = [...request].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  const script = `printf "$1" >/proc/self/attr/${attribute} || exit 9; shift; exec "$@"`;
  return ['/bin/sh', '-c', script, 'sh', octal];
}

/** The module's word on a running process, as bytes. */
export function labelOfProcess(pid: number | undefined): Buffer {
  return readFileSync(`/proc/${pid}/attr/current`);
}

export function bytesOf(peer: PeerCredentials): Buffer {
  return Buffer.from(peer.label?.bytes ?? []);
}

/** The label is there, has exactly these bytes and dates from socket(2); the ids are as of connect(2). */
export function assertLabel(peer: PeerCredentials, bytes: Buffer, text: string | undefined): void {
  assert.equal(bytesOf(peer).toString('latin1'), bytes.toString('latin1'));
  assert.equal(peer.label?.text, text);
  assert.equal('text' in (peer.label ?? {}), text !== undefined);
  assert.deepEqual(peer.evidence.label, {
    known: true,
    about: 'connector',
    source: 'SO_PEERSEC',
    captured: 'socket',
  });
}

/**
 * T70: a process makes its socket, asks for another label, executes a program,
 * changes its ids there, and connects only then.
 */
export async function socketBeforeExec(
  t: TestContext,
  attribute: string,
  request: Buffer,
  identity: Required<Pick<Identity, 'uid' | 'gid'>>,
): Promise<{ socket: Socket; peer: PythonPeer; current: Buffer }> {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const later = `
import os, socket, sys
s = socket.socket(fileno=int(sys.argv[1]))
os.setgroups([])
os.setresgid(${identity.gid}, ${identity.gid}, ${identity.gid})
os.setresuid(${identity.uid}, ${identity.uid}, ${identity.uid})
s.connect(sys.argv[2])
print('connected', flush=True)
sys.stdin.readline()`;
  const script = `
s = socket.socket(socket.AF_UNIX)
s.set_inheritable(True)
with open('/proc/self/attr/' + sys.argv[1], 'wb', buffering=0) as file:
    file.write(bytes.fromhex(sys.argv[2]))
os.execv('${programPath('python3')}', ['python3', '-c', sys.argv[3], str(s.fileno()), sys.argv[4]])`;
  const peer = python(t, script, { args: [attribute, request.toString('hex'), later, path] });
  assert.equal(await peer.line(), 'connected');
  return { socket: await next(), peer, current: labelOfProcess(peer.child.pid) };
}

/** A client's view of a listener that runs under another label. */
export async function connectedToListener(t: TestContext, before: readonly string[]): Promise<Socket> {
  const path = join(openDirectory(t), 's');
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
say('listening')
hear()`;
  assert.equal(await python(t, script, { before, args: [path] }).line(), 'listening');
  const socket = connect(path);
  t.after(() => socket.destroy());
  await new Promise(done => socket.once('connect', done));
  return socket;
}

/** One client that connects, runs statements, and has connected again by the end of them. */
export async function acceptTwice(
  t: TestContext,
  script: string,
  before: readonly string[],
): Promise<{ socket: Socket; next(): Promise<Socket>; peer: PythonPeer }> {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const peer = python(t, connectScript(script), { before, args: [path] });
  return { socket: await next(), next, peer };
}

/** What a client sends that runs under a label, received by a server that asks for labels. */
export async function messageFrom(t: TestContext, before: readonly string[]): Promise<StreamMessage> {
  const path = join(ownDirectory(t), 's');
  const server = new UnixStreamServer({ mode: 0o666, labels: true });
  t.after(() => server.close());
  await server.listen(path);
  const connection = once(server, 'connection');
  python(t, connectScript('s.sendall(b"x")'), { before, args: [path] });
  const [stream] = (await connection) as [UnixStream];
  t.after(() => stream.destroy());
  const [message] = (await once(stream, 'data')) as [StreamMessage];
  return message;
}
