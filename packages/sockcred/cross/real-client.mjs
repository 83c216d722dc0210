// Run by the Node of another processor or of another libc: the addon that
// ships for it passes its self-test and tells who a real process of another
// user is. Prints what it saw; ends with status 1 where that is wrong.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerCredentials } from '../dist/bundle/index.js';

const CONNECT = `
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.recv(1)
`;

const UID = 12345;
const GID = 54321;
const GROUPS = [27, 100, 70000];

const directory = mkdtempSync(join(tmpdir(), 'sockcred-client-'));
const path = join(directory, 's');
try {
  const server = createServer().listen(path);
  await once(server, 'listening');
  chmodSync(directory, 0o755);
  chmodSync(path, 0o666);
  const ids = ['--reuid', String(UID), '--regid', String(GID), '--groups', GROUPS.join(',')];
  const child = spawn('/usr/bin/setpriv', [...ids, '/usr/bin/python3', '-c', CONNECT, path], {
    stdio: 'inherit',
    env: {},
  });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the client ended with ${code}`);
  });
  const [socket] = await Promise.race([once(server, 'connection'), exited]);
  exited.catch(() => {});
  const peer = peerCredentials(socket);
  assert.equal(peer.uid, UID);
  assert.equal(peer.gid, GID);
  assert.equal(peer.pid, child.pid);
  // An emulator may not know the question; then the list must be absent, never short.
  if (peer.groups !== undefined) assert.deepEqual(peer.groups, [...GROUPS, GID].sort((a, b) => a - b));
  else assert.equal(peer.evidence.groups.reason, 'unsupported');
  assert.equal(peer.role, 'connector');
  const groups = peer.groups === undefined ? 'unsupported' : peer.groups.join(' ');
  const where = `${process.arch}, Node ${process.version}`;
  console.log(`${where}: uid ${peer.uid}, gid ${peer.gid}, pid ${peer.pid}, groups ${groups}`);
  socket.destroy();
  server.close();
} finally {
  rmSync(directory, { recursive: true });
}
