/** Pairs whose other side does not read, in a program that has few descriptors: they cost no other pair its connection. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { startProgram } from './support/programs.js';
import { needs } from './support/requirements.js';

/** What both programs begin with: sockets of this process with a relay between them, and a way to fill one up. */
const COMMON = `
  import { createHash, randomBytes } from 'node:crypto';
  import { closeSync, existsSync, openSync, readdirSync, readlinkSync } from 'node:fs';
  import { Socket } from 'node:net';
  const sys = '${new URL('../dist/sys/', import.meta.url)}';
  const [{ addon }, { canRelay, relay }] = await Promise.all(['addon', 'relay'].map(name => import(sys + name + '.js')));
  const pair = () => {
    const both = new Int32Array(2);
    const status = addon().socketPair(0, both);
    if (status !== 0) throw new Error('socketPair: ' + status);
    return both;
  };
  const ended = [];
  const between = () => {
    const [near, nearInner] = pair();
    const [farInner, far] = pair();
    const relaying = relay(nearInner, farInner);
    relaying.ended.then(report => ended.push(report));
    return { near, far, relaying };
  };
  // Until nothing is taken any more, neither by the socket nor by what is behind it.
  const stall = async fd => {
    for (let full = 0; full < 5; ) {
      full = addon().send(fd, Buffer.alloc(65536), new Uint8Array()) > 0 ? 0 : full + 1;
      await new Promise(done => setTimeout(done, 2));
    }
  };
  const stream = fd => new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
  const isPipe = fd => existsSync(fd) && readlinkSync(fd).startsWith('pipe:');
  const pipeEnds = () => readdirSync('/proc/self/fd').filter(name => isPipe('/proc/self/fd/' + name)).length;
  const digest = async socket => {
    const hash = createHash('sha256');
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) hash.update(chunk);
    return hash.digest('hex');
  };
  // Several megabytes each way at once, and an end for each way.
  const goesOn = async ({ near, far, relaying }) => {
    const [forth, back] = [randomBytes(5_000_003), randomBytes(3_000_001)];
    const [a, b] = [stream(near), stream(far)];
    const arrivals = Promise.all([digest(b), digest(a)]);
    a.end(forth);
    b.end(back);
    const wanted = [forth, back].map(bytes => createHash('sha256').update(bytes).digest('hex'));
    const same = (await arrivals).every((hash, index) => hash === wanted[index]);
    return { same, report: await relaying.ended };
  };
  canRelay();
`;

async function inProgram(t: TestContext, descriptors: number, code: string): Promise<unknown> {
  const child = startProgram(t, COMMON + code, [], { mostFds: descriptors });
  const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(status, 0);
  return JSON.parse(said);
}

const skip = needs('linux', 'sockets-from-fds');
const FINE = { same: true, report: { forth: 5_000_003, back: 3_000_001 } };

test('a program without a free descriptor relays on, by copying', { skip }, async t => {
  const code = `
    const quiet = between();
    const kept = [];
    for (let last = 0; last >= 0; ) {
      try {
        kept.push((last = openSync('/dev/null')));
      } catch {
        last = -1;
      }
    }
    // One for random numbers, which is not of the relay.
    randomBytes(1);
    const said = await goesOn(quiet);
    for (const fd of kept) closeSync(fd);
    console.log(JSON.stringify({ ...said, ended: ended.length }));
    process.exit();
  `;
  assert.deepEqual(await inProgram(t, 64, code), { ...FINE, ended: 1 });
});

test('pairs that wait have no more than a quarter of all descriptors for pipes', { skip }, async t => {
  const code = `
    const before = pipeEnds();
    const [quiet, ...stalled] = Array.from({ length: 41 }, between);
    for (const { near, far } of stalled) for (const fd of [near, far]) await stall(fd);
    const pipes = (pipeEnds() - before) / 2;
    const said = await goesOn(quiet);
    console.log(JSON.stringify({ ...said, pipes, ended: ended.length }));
    process.exit();
  `;
  // 40 pairs that wait both ways would have 80 pipes.
  assert.deepEqual(await inProgram(t, 256, code), { ...FINE, pipes: 256 / 8, ended: 1 });
});
