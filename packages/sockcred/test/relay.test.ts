/** Bytes and descriptors moved between sockets by the kernel: all of them, in order, both ways, and nothing left over. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { addon } from '../dist/sys/addon.js';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { canRelay, type Relaying, relay } from '../dist/sys/relay.js';
import { openDirectory } from './support/directories.js';
import { openDescriptors } from './support/open-descriptors.js';
import { connectScript, openServer, python } from './support/peers.js';
import { needs, runtime } from './support/requirements.js';

const skip = needs('linux', 'sockets-from-fds');

/** A connected pair of stream sockets. */
function pair(): [number, number] {
  const both = new Int32Array(2);
  assert.equal(addon().socketPair(0, both), 0);
  return [both[0] as number, both[1] as number];
}

function socket(t: TestContext, fd: number): Socket {
  const made = new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
  made.on('error', () => {});
  t.after(() => made.destroy());
  return made;
}

interface Between {
  readonly near: Socket;
  readonly far: Socket;
  readonly relaying: Relaying;
}

/** Two sockets with a relay between them. */
function between(t: TestContext, passFds = false): Between {
  assert.ok(canRelay());
  const [near, nearInner] = pair();
  const [farInner, far] = pair();
  const relaying = relay(nearInner, farInner, { passFds });
  return { near: socket(t, near), far: socket(t, far), relaying };
}

async function digest(from: Socket): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { hash: hash.digest('hex'), bytes };
}

for (const passFds of [false, true]) {
  const how = passFds ? 'with descriptors' : 'bytes alone';

  test(`everything arrives, both ways at once, and an end is an end for one way: ${how}`, {
    skip,
  }, async t => {
    const { near, far, relaying } = between(t, passFds);
    const forth = randomBytes(5_000_003);
    const back = randomBytes(3_000_001);
    const arrivals = Promise.all([digest(far), digest(near)]);
    near.end(forth);
    far.write(back.subarray(0, 1_000_000));
    await once(far, 'end');
    far.end(back.subarray(1_000_000));
    const [there, here] = await arrivals;
    assert.deepEqual(there, { hash: createHash('sha256').update(forth).digest('hex'), bytes: forth.length });
    assert.deepEqual(here, { hash: createHash('sha256').update(back).digest('hex'), bytes: back.length });
    assert.deepEqual(await relaying.ended, { forth: forth.length, back: back.length });
  });

  test(`a side that is not read holds up its writer: ${how}`, { skip }, async t => {
    const { near, far, relaying } = between(t, passFds);
    const chunk = Buffer.alloc(1 << 20, 7);
    const chunks = 24;
    far.pause();
    let written = 0;
    for (let index = 0; index < chunks; index++) near.write(chunk, () => written++);
    // The other way goes on meanwhile: its bytes arrive after those that could be moved.
    far.write('still here');
    const [answer] = (await once(near, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'still here');
    assert.ok(written < chunks / 2, `${written} MiB were taken`);
    near.end();
    // Deno (2.9) reads no further after pause() by an iterator alone.
    far.resume();
    const { bytes } = await digest(far);
    assert.equal(bytes, chunks * chunk.length);
    far.end();
    assert.deepEqual(await relaying.ended, { forth: bytes, back: 10 });
  });

  test(`one side that goes away ends the pair, and the other is told: ${how}`, { skip }, async t => {
    const { near, far, relaying } = between(t, passFds);
    near.write('x');
    await once(far, 'data');
    far.destroy();
    near.resume();
    await once(near, 'end');
    near.write(Buffer.alloc(1 << 20));
    near.end();
    const ended = await relaying.ended;
    assert.equal(ended.forth >= 1, true);
    assert.equal(ended.back, 0);
  });
}

test('a pair that has ended is done with, also if its sockets are open elsewhere', { skip }, async t => {
  const { near, far, relaying } = between(t);
  const [kept, keptInner] = pair();
  const [otherInner, other] = pair();
  // The same sockets under other numbers: they outlive the relay's.
  const copies = [addon().duplicate(keptInner), addon().duplicate(otherInner)];
  const over = relay(keptInner, otherInner);
  over.stop();
  assert.equal((await over.ended).errno, 'ECANCELED');
  for (let round = 0; round < 200; round++) {
    for (const fd of [kept, other]) addon().send(fd, Buffer.alloc(10), new Uint8Array());
    near.write('on');
    await once(far, 'data');
  }
  for (const fd of [kept, other, ...copies]) closeDescriptor(fd);
  relaying.stop();
  await relaying.ended;
});

test('a pair on which nothing comes for too long ends; those that have no such time do not', {
  skip,
}, async t => {
  const quiet = between(t);
  const [near, nearInner] = pair();
  const [farInner, far] = pair();
  const relaying = relay(nearInner, farInner, { idleMs: 300 });
  const [a, b] = [socket(t, near), socket(t, far)];
  const end = performance.now() + 900;
  while (performance.now() < end) {
    const arrived = once(a, 'data');
    b.write('on');
    await arrived;
    await new Promise(done => setTimeout(done, 10));
  }
  b.resume();
  const { errno, forth, back } = await relaying.ended;
  assert.equal(errno, 'ETIMEDOUT');
  assert.equal(forth, 0);
  assert.ok(back > 2);
  quiet.near.write('still here');
  assert.equal(String((await once(quiet.far, 'data'))[0]), 'still here');
  quiet.relaying.stop();
  await quiet.relaying.ended;
});

test('stop() ends a pair at once and says so', { skip }, async t => {
  const { near, relaying } = between(t);
  near.resume();
  const end = once(near, 'end'); // the end may be heard of before the report
  relaying.stop();
  relaying.stop();
  const ended = await relaying.ended;
  assert.equal(ended.errno, 'ECANCELED');
  await end;
});

test('descriptors are the relay’s also where it fails, and what is no socket is refused', {
  skip,
}, async () => {
  canRelay();
  const before = openDescriptors();
  const [first, other] = pair();
  assert.throws(() => relay(first, -1), { code: 'ERR_PEER_SYSTEM', errno: 'EBADF' });
  assert.throws(() => closeDescriptor(first), { errno: 'EBADF' });
  closeDescriptor(other);
  assert.equal(openDescriptors(), before);
});

/** A Python program at each end, which send and receive a descriptor of the same pipe. */
async function sendThrough(t: TestContext, passFds: boolean): Promise<{ sent: string; got: string }> {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const send = `
r, w = os.pipe()
st = os.fstat(r)
s.sendmsg([b'here'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack('i', r))])
say(st.st_ino)
`;
  const receive = `
data, ancillary, flags, _ = s.recvmsg(100, 200)
if ancillary:
    say(data.decode(), os.fstat(struct.unpack('i', ancillary[0][2][:4])[0]).st_ino)
else:
    say(data.decode(), 'none')
`;
  const sender = python(t, connectScript(send), { args: [path] });
  const first = await next();
  const receiver = python(t, connectScript(receive), { args: [path] });
  const second = await next();
  assert.ok(canRelay());
  const inner = [first, second].map(each => {
    const { _handle } = each as unknown as { _handle: { fd: number } };
    return addon().duplicate(_handle.fd);
  });
  relay(inner[0] as number, inner[1] as number, { passFds });
  first.destroy();
  second.destroy();
  const sent = await sender.line();
  const [word, got = ''] = (await receiver.line()).split(' ');
  assert.equal(word, 'here');
  return { sent, got };
}

test('a descriptor that is sent along arrives where that was asked for', {
  skip: needs('linux', 'python3'),
}, async t => {
  const { sent, got } = await sendThrough(t, true);
  assert.equal(got, sent);
});

test('and is closed on the way otherwise', { skip: needs('linux', 'python3') }, async t => {
  assert.equal((await sendThrough(t, false)).got, 'none');
});

test('a thousand pairs that end in every way leave no descriptor behind', { skip }, async t => {
  const { relaying: first } = between(t);
  first.stop();
  await first.ended;
  await new Promise(done => setImmediate(done));
  const before = openDescriptors();
  const ended: Promise<unknown>[] = [];
  for (let index = 0; index < 1000; index++) {
    const [near, nearInner] = pair();
    const [farInner, far] = pair();
    const relaying = relay(nearInner, farInner, { passFds: index % 2 === 0 });
    ended.push(relaying.ended);
    if (index % 3 === 0) assert.equal(addon().send(near, Buffer.alloc(1000), new Uint8Array()), 1000);
    if (index % 5 === 0) relaying.stop();
    closeDescriptor(index % 7 === 0 ? far : near);
    closeDescriptor(index % 7 === 0 ? near : far);
  }
  await Promise.all(ended);
  // Some pipes stay, to be lent again.
  assert.ok(openDescriptors() <= before + 2 * 64, `${openDescriptors()} descriptors, ${before} before`);
});

test('a thread that ends takes its pairs along', {
  skip: skip || (runtime() === 'deno' && 'Deno (2.9) tells no addon that its thread has been terminated'),
}, async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    Promise.all(['addon', 'relay'].map(name => import('${new URL('../dist/sys/', import.meta.url)}' + name + '.js'))).then(([{ addon }, { canRelay, relay }]) => {
      canRelay();
      const kept = [];
      for (let index = 0; index < 20; index++) {
        const [a, b] = [new Int32Array(2), new Int32Array(2)];
        addon().socketPair(0, a);
        addon().socketPair(0, b);
        relay(a[1], b[1], { passFds: index % 2 === 0 });
        addon().send(a[0], Buffer.alloc(100), new Uint8Array());
        kept.push(a[0], b[0]);
      }
      parentPort.postMessage(kept);
    });`;
  const before = openDescriptors();
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(code, { eval: true });
    const [kept] = (await once(worker, 'message')) as [number[]];
    await worker.terminate();
    for (const fd of kept) closeDescriptor(fd);
  }
  assert.ok(openDescriptors() <= before + 3, `${openDescriptors()} descriptors, ${before} before`);
});
