/** The library in worker threads: loaded, used and thrown away, again and again, several at once. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type PeerCredentials, peerCredentials } from 'sockcred';
import { openDirectory } from './support/directories.js';
import { openDescriptors } from './support/open-descriptors.js';
import { acceptFrom, descriptorNumber, openServer } from './support/peers.js';
import { needs } from './support/requirements.js';

const onLinux = { skip: needs('linux') };
const library = new URL('../dist/index.js', import.meta.url).href;

/** A thread that serves at a path, asks about each client until it is told to stop, and posts what it was told. */
const SERVER = `
const { parentPort, workerData } = require('node:worker_threads');
import('${library}').then(async ({ peerCredentials, listenAt }) => {
  const server = require('node:net').createServer(socket => {
    parentPort.postMessage(peerCredentials(socket));
    socket.end('seen');
  });
  await listenAt(server, workerData);
  parentPort.postMessage('listening');
});
`;

/** A thread that asks about one descriptor, many times. */
const ASKER = `
const { parentPort, workerData } = require('node:worker_threads');
import('${library}').then(({ peerCredentials }) => {
  let last;
  for (let round = 0; round < workerData.rounds; round++) last = peerCredentials(workerData.fd);
  parentPort.postMessage(last);
});
`;

function start(t: TestContext, code: string, workerData: unknown): Worker {
  const worker = new Worker(code, { eval: true, workerData });
  t.after(() => worker.terminate());
  return worker;
}

/** What the thread posts next: a peer, copied as plain data. */
async function posted(worker: Worker): Promise<PeerCredentials> {
  const [message] = await once(worker, 'message');
  return message as PeerCredentials;
}

// Deno leaves a descriptor that a server adopted open when its thread is terminated.
test('a thread loads it, uses it and ends; the next one does so again', {
  skip: needs('linux', 'node'),
}, async t => {
  const path = `${openDirectory(t)}/s`;
  let before = 0;
  for (let round = 0; round < 8; round++) {
    const worker = start(t, SERVER, `${path}${round}`);
    assert.equal((await once(worker, 'message'))[0], 'listening');
    const client = connect(`${path}${round}`);
    const told = await posted(worker);
    assert.equal(told.pid, process.pid);
    assert.equal(told.uid, process.geteuid?.());
    client.destroy();
    await worker.terminate();
    if (round === 1) before = openDescriptors();
  }
  assert.ok(openDescriptors() <= before, 'descriptors of threads that are gone stay open');
  assert.equal(peerCredentials(await ownConnection(t)).pid, process.pid, 'and this thread still can');
});

async function ownConnection(t: TestContext) {
  const path = `${openDirectory(t)}/s`;
  await openServer(t, path);
  const socket = connect(path);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('several threads ask at once about different peers, and never get each other their answers', {
  skip: needs('linux', 'root', 'python3', 'setpriv'),
}, async t => {
  const peers = await Promise.all(
    [2001, 2002, 2003, 2004].map(async uid => {
      const groups = Array.from({ length: uid - 2000 }, (_, index) => uid * 10 + index);
      return { uid, groups, ...(await acceptFrom(t, { uid, gid: uid, groups })) };
    }),
  );
  const threads = peers.map(({ socket }) =>
    start(t, ASKER, { fd: descriptorNumber(socket), rounds: 20_000 }),
  );
  // This thread asks as well, all the while.
  const answers = threads.map(posted);
  for (let round = 0; round < 5000; round++) {
    for (const { socket, uid } of peers) assert.equal(peerCredentials(descriptorNumber(socket)).uid, uid);
  }
  for (const [index, told] of (await Promise.all(answers)).entries()) {
    const asked = peers[index];
    assert.ok(asked !== undefined);
    assert.equal(told.uid, asked.uid);
    assert.equal(told.pid, asked.peer.child.pid);
    assert.deepEqual(told.groups, [asked.uid, ...asked.groups]);
  }
});

test('a thread that is terminated in the middle of asking harms nobody', onLinux, async t => {
  const socket = await ownConnection(t);
  for (let round = 0; round < 5; round++) {
    const worker = start(t, ASKER, { fd: descriptorNumber(socket), rounds: Number.MAX_SAFE_INTEGER });
    await once(worker, 'online');
    await new Promise(done => setTimeout(done, 60));
    assert.equal(await worker.terminate(), 1);
    assert.equal(peerCredentials(descriptorNumber(socket)).pid, process.pid);
  }
});

test('what a thread was told can be posted to another as plain data', onLinux, async t => {
  const peer = peerCredentials(await ownConnection(t));
  assert.deepEqual(structuredClone(peer), { ...peer });
});
