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

/** A connection from a process of that user with these supplementary groups. */
async function connection(server, path, groups) {
  const list = groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups'];
  const ids = ['--reuid', String(UID), '--regid', String(GID), ...list];
  const child = spawn('/usr/bin/setpriv', [...ids, '/usr/bin/python3', '-c', CONNECT, path], {
    stdio: 'inherit',
    env: {},
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the client ended with ${code}`);
  });
  const [socket] = await Promise.race([once(server, 'connection'), ended]);
  ended.catch(() => {});
  return { socket, pid: child.pid };
}

/**
 * A kernel tells every list. qemu-user passes on no list that is longer than
 * an int; of such a list nothing must be told, least of all a part.
 */
function checkGroups(peer, given) {
  if (peer.groups !== undefined)
    assert.deepEqual(
      peer.groups,
      [...given, GID].sort((a, b) => a - b),
    );
  else assert.ok(given.length > 1 && process.argv.includes('--emulated'), peer.evidence.groups.detail);
  return peer.groups === undefined
    ? `absent of ${given.length} (${peer.evidence.groups.reason})`
    : peer.groups.join(' ');
}

const directory = mkdtempSync(join(tmpdir(), 'sockcred-client-'));
const path = join(directory, 's');
try {
  const server = createServer().listen(path);
  await once(server, 'listening');
  chmodSync(directory, 0o755);
  chmodSync(path, 0o666);
  for (const groups of [[], [70000], [27, 100, 70000]]) {
    const { socket, pid } = await connection(server, path, groups);
    const peer = peerCredentials(socket);
    assert.equal(peer.uid, UID);
    assert.equal(peer.gid, GID);
    assert.equal(peer.pid, pid);
    assert.equal(peer.role, 'connector');
    const told = checkGroups(peer, groups);
    console.log(
      `${process.arch}, Node ${process.version}: uid ${UID}, gid ${GID}, pid ${pid}, groups ${told}`,
    );
    socket.destroy();
  }
  server.close();
} finally {
  rmSync(directory, { recursive: true });
}
