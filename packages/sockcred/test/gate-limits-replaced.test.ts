/** Limits that change while connections are in: new ones are judged by the new limits, and those that are in count. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { listenAt, PeerTypeError } from 'sockcred';
import { admit, type Limits } from 'sockcred/gate';
import { ConnectionCount } from '../dist/gate/limits.js';
import { openDirectory } from './support/directories.js';
import { dial, openGate } from './support/gated.js';
import { type PythonPeer, python } from './support/peers.js';
import { needs } from './support/requirements.js';
import { until } from './support/waiting.js';

const asAnyone = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

/** Says that the connection is in, and then what it is told. */
const echo = (socket: Socket) => {
  socket.write('in');
  socket.pipe(socket);
};

async function isIn(socket: Socket): Promise<boolean> {
  if (socket.closed) return false;
  const [data] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return String(data) === 'in';
}

async function echoes(socket: Socket): Promise<boolean> {
  socket.write('still');
  return String((await once(socket, 'data'))[0]) === 'still';
}

const cameIn = async (t: TestContext, path: string) => await isIn(await dial(t, path));

/** Connections of another user: comes, leaves with the oldest one, or asks whether all are served. */
const USER = `
held = []
while True:
    word = hear()
    if word == 'come':
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(sys.argv[1])
        try: text = s.recv(100).decode()
        except ConnectionError: text = ''
        if text == 'in': held.append(s)
        say(text or 'cut')
    elif word == 'leave':
        held.pop(0).close()
        say('left')
    elif word == '': break
    else:
        for s in held: s.sendall(b'x')
        say(str(sum(s.recv(1) == b'x' for s in held)))
`;

function user(t: TestContext, path: string, uid: number) {
  const client: PythonPeer = python(t, USER, { uid, gid: uid, args: [path] });
  const told = async (word: string) => {
    client.tell(word);
    return await client.line();
  };
  return {
    comesIn: async () => (await told('come')) === 'in',
    leave: () => told('leave'),
    served: async () => Number(await told('are you served?')),
  };
}

test('fewer connections end nobody: who is in counts, and the next waits for places', asAnyone, async t => {
  const { gate, path } = await openGate(t, echo);
  const sockets: Socket[] = [];
  for (let index = 0; index < 3; index++) {
    const socket = await dial(t, path);
    assert.ok(await isIn(socket));
    sockets.push(socket);
  }
  gate.replaceLimits({ connections: 2 });
  assert.equal(await cameIn(t, path), false);
  for (const socket of sockets) assert.ok(await echoes(socket));
  assert.equal(gate.connections, 3);
  sockets[0]?.destroy();
  await until(() => gate.connections === 2);
  assert.equal(await cameIn(t, path), false, 'two are as many as there may be');
  sockets[1]?.destroy();
  await until(() => gate.connections === 1);
  assert.ok(await cameIn(t, path));
});

test('more connections let the next one in at once, and none left out is none', asAnyone, async t => {
  const { gate, path } = await openGate(t, echo, { limits: { connections: 1 } });
  assert.ok(await cameIn(t, path));
  assert.equal(await cameIn(t, path), false);
  gate.replaceLimits({ connections: 2 });
  assert.ok(await cameIn(t, path));
  assert.equal(await cameIn(t, path), false);
  gate.replaceLimits({});
  for (let index = 0; index < 5; index++) assert.ok(await cameIn(t, path));
  assert.equal(gate.connections, 7);
});

test('maxConnections of the server behind holds as it is at the moment', asAnyone, async t => {
  const server = createServer(echo);
  server.maxConnections = 1;
  const { path } = await openGate(t, server);
  assert.ok(await cameIn(t, path));
  assert.equal(await cameIn(t, path), false);
  server.maxConnections = 2;
  assert.ok(await cameIn(t, path));
});

test('fewer connections of each user: each keeps theirs, and counts their own', asRoot, async t => {
  const { gate, path } = await openGate(t, echo, { limits: { connectionsPerUid: 3 } });
  const [one, other] = [user(t, path, 3001), user(t, path, 3002)];
  for (let index = 0; index < 2; index++) assert.ok((await one.comesIn()) && (await other.comesIn()));
  gate.replaceLimits({ connectionsPerUid: 1 });
  assert.deepEqual([await one.comesIn(), await other.comesIn()], [false, false]);
  assert.deepEqual([await one.served(), await other.served()], [2, 2]);
  assert.ok(await user(t, path, 3003).comesIn(), 'somebody else has a place');
  await one.leave();
  await until(() => gate.connections === 4);
  assert.equal(await one.comesIn(), false, 'one is as many as they may have');
  await one.leave();
  await until(() => gate.connections === 3);
  assert.deepEqual([await one.comesIn(), await other.comesIn()], [true, false]);
});

test('another rate gives nobody who was refused a full account', asRoot, async t => {
  const rate = (count: number): Limits => ({ acceptsPerUid: { count, seconds: 36_000 } });
  const { gate, path } = await openGate(t, echo, { limits: rate(3) });
  const [spent, sparing] = [user(t, path, 3001), user(t, path, 3002)];
  for (const expected of [true, true, true, false]) assert.equal(await spent.comesIn(), expected);
  assert.ok(await sparing.comesIn());
  // Two thirds are left to one of them.
  gate.replaceLimits(rate(6));
  assert.equal(await spent.comesIn(), false);
  for (const expected of [true, true, true, true, false]) assert.equal(await sparing.comesIn(), expected);
  const fresh = user(t, path, 3003);
  for (let index = 0; index < 6; index++) assert.ok(await fresh.comesIn());
  assert.equal(await fresh.comesIn(), false);
  // A while without any limit is no forgiveness either.
  gate.replaceLimits({});
  assert.ok(await spent.comesIn());
  gate.replaceLimits(rate(6));
  assert.equal(await spent.comesIn(), false);
});

test('accounts keep their part of the whole, and fill as before', () => {
  const count = new ConnectionCount({ acceptsPerUid: { count: 10, seconds: 10 } });
  const take = (uid: number, now: number, most = 1000) => {
    let taken = 0;
    while (taken < most && count.take(uid, now) === undefined) {
      count.release(uid);
      taken++;
    }
    return taken;
  };
  assert.equal(take(1, 0), 10);
  assert.equal(take(2, 0, 5), 5);
  // Until here by the old rate: one and two more.
  count.replace({ acceptsPerUid: { count: 100, seconds: 10 } }, 1000);
  assert.deepEqual([take(1, 1000), take(2, 1000), take(3, 1000)], [10, 60, 100]);
  assert.equal(take(1, 2000), 10, 'from here on by the new one');
  count.replace({ acceptsPerUid: { count: 2, seconds: 10 } }, 12_000);
  assert.deepEqual([take(1, 12_000), take(3, 12_000)], [2, 2]);
  count.replace({}, 12_000);
  assert.equal(take(1, 12_000), 1000);
  count.replace({ acceptsPerUid: { count: 2, seconds: 10 } }, 17_000);
  assert.equal(take(1, 17_000), 1, 'time has passed all the same');
  const half = new ConnectionCount({ acceptsPerUid: { count: 1, seconds: 10 } });
  half.take(1, 0);
  half.replace({ acceptsPerUid: { count: 1000, seconds: 10 } }, 9999);
  assert.equal(half.take(1, 9999), 'acceptsPerUid', 'whoever would be refused still is');
  assert.equal(half.take(1, 10_010), undefined);
  const later = new ConnectionCount({});
  assert.equal(later.take(1, 0), undefined);
  later.replace({ acceptsPerUid: { count: 2, seconds: 10 } }, 0);
  assert.deepEqual(
    [later.take(1, 0), later.take(1, 0), later.take(1, 0)],
    [undefined, undefined, 'acceptsPerUid'],
  );
});

test('a deadline for the first byte is for those who come after it', asAnyone, async t => {
  const { gate, path } = await openGate(t, (socket: Socket) => socket.resume());
  const before = await dial(t, path);
  await until(() => gate.connections === 1);
  gate.replaceLimits({ firstByteMs: 50 });
  await once((await dial(t, path)).resume(), 'close');
  assert.equal(before.closed, false);
  gate.replaceLimits({});
  const after = await dial(t, path);
  await until(() => gate.connections === 2);
  gate.replaceLimits({ firstByteMs: 50 });
  await once((await dial(t, path)).resume(), 'close');
  assert.deepEqual([before.closed, after.closed], [false, false]);
});

test('descriptors that are kept free are counted anew', asAnyone, async t => {
  const { gate, path } = await openGate(t, echo);
  gate.replaceLimits({ spareDescriptors: 0x7fffffff });
  assert.equal(await cameIn(t, path), false);
  gate.replaceLimits({});
  assert.ok(await cameIn(t, path));
});

test('limits with a fault change nothing', asAnyone, async t => {
  const { gate, path } = await openGate(t, echo, { limits: { connections: 1 } });
  const faulty = { connections: 5, acceptsPerUid: { count: 0, seconds: 1 } };
  assert.throws(() => gate.replaceLimits(faulty), PeerTypeError);
  assert.ok(await cameIn(t, path));
  assert.equal(await cameIn(t, path), false);
});

test('the same for a server that listens by itself', asAnyone, async t => {
  const server = createServer(echo);
  const admitting = admit(server, { authorize: () => true, limits: { connections: 2 } });
  const path = `${openDirectory(t)}/s`;
  const listening = await listenAt(server, path);
  t.after(() => void listening.close());
  const first = await dial(t, path);
  assert.ok((await isIn(first)) && (await cameIn(t, path)));
  admitting.replaceLimits({ connections: 1 });
  assert.equal(await cameIn(t, path), false);
  assert.ok(await echoes(first));
  assert.throws(() => admitting.replaceLimits({ connections: -1 }), PeerTypeError);
  admitting.replaceLimits({ connections: 3 });
  assert.ok(await cameIn(t, path));
});
