/** createGate(): who gets to the server behind, who does not, and how a gate ends. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { PeerError, PeerTypeError } from 'sockcred';
import { compilePolicy, definePolicy, onlyChildren, sameUserOnly } from 'sockcred/authorization';
import { admissionOf, createGate, peerOf } from 'sockcred/gate';
import { openDirectory } from './support/directories.js';
import { heard } from './support/gate-events.js';
import { dial, everything, get, greet, openGate, TALK } from './support/gated.js';
import { openDescriptors } from './support/open-descriptors.js';
import { connectScript, python } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import { until } from './support/waiting.js';

const asAnyone = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

test('only the same user gets in, and of another one no byte is read', asRoot, async t => {
  const events = heard(t, 'same');
  let reached = 0;
  const target = (socket: Socket) => {
    reached++;
    greet(socket);
  };
  const { gate, path } = await openGate(t, target, { authorize: sameUserOnly(), name: 'same' });
  const stranger = python(t, connectScript(TALK), { uid: 1234, gid: 1234, args: [path] });
  assert.match(await stranger.line(), /^cut$/);
  assert.equal(reached, 0);
  const own = python(t, connectScript(TALK), { args: [path] });
  assert.equal(await own.line(), `got hello ${process.geteuid?.()}`);
  assert.equal(reached, 1);
  const denials = events.denied as { peer: { uid: number }; decision: { reason: string } }[];
  assert.deepEqual(
    denials.map(({ peer, decision }) => [peer.uid, decision.reason]),
    [[1234, 'no-rule']],
  );
  assert.equal(events.admitted.length, 1);
  own.tell('go');
  await until(() => gate.connections === 0);
});

test('whoever is let in ends once, as the same value, and for the reason that is told', asAnyone, async t => {
  const events = heard(t, 'ends');
  const limits = { firstByteMs: 60_000 };
  const serve = (socket: Socket) => socket.on('end', () => socket.end()).resume();
  const { gate, path } = await openGate(t, serve, { name: 'ends', limits });
  const client = await dial(t, path);
  await until(() => gate.connections === 1);
  client.destroy();
  await until(() => gate.connections === 0);
  gate.replaceLimits({ firstByteMs: 20 });
  await everything(await dial(t, path));
  gate.replaceLimits(limits);
  const held = await dial(t, path);
  await until(() => gate.connections === 1);
  await gate.close({ graceMs: 0 });
  await everything(held);
  assert.deepEqual(
    events.ended.map(({ reason }) => reason),
    ['closed', 'firstByteMs', 'cut'],
  );
  assert.equal(events.admitted.length, 3);
  for (const [index, { peer }] of events.admitted.entries()) assert.equal(events.ended[index]?.peer, peer);
});

test('T63: where asking or deciding fails, nobody gets in and the gate goes on', asAnyone, async t => {
  const events = heard(t, 'failing');
  const answers: (() => unknown)[] = [
    () => {
      throw new Error('no');
    },
    () => undefined,
    () => 'yes',
    () => Promise.resolve(true),
    () => true,
  ];
  const { path } = await openGate(t, greet, {
    name: 'failing',
    authorize: () => answers.shift()?.() as boolean,
  });
  for (let index = 0; index < 4; index++) {
    assert.equal(await everything(await dial(t, path)), '', `answer ${index}`);
  }
  assert.match(await everything(await dial(t, path)), /^hello/);
  assert.equal(events.failed.length, 1);
  assert.equal(events.denied.length, 3);
});

test('identify() that throws costs the connection only', asAnyone, async t => {
  let first = true;
  const { path } = await openGate(t, greet, {
    authorize: definePolicy({ rules: [{ effect: 'allow', alive: true }] }, { witnesses: ['alive'] }),
    identify() {
      if (!first) return { alive: () => ({ known: true, value: true }) };
      first = false;
      throw new Error('cannot tell');
    },
  });
  assert.equal(await everything(await dial(t, path)), '');
  assert.match(await everything(await dial(t, path)), /^hello/);
});

test('identify() is not called for a policy about credentials alone', asAnyone, async t => {
  const { gate, path } = await openGate(t, greet, {
    authorize: sameUserOnly(),
    identify: () => assert.fail('nobody needs it'),
  });
  assert.match(await everything(await dial(t, path)), /^hello/);
  gate.replaceAuthorize(
    definePolicy({ rules: [{ effect: 'allow', alive: true }] }, { witnesses: ['alive'] }),
  );
  assert.equal(await everything(await dial(t, path)), '', 'by now somebody does');
});

test('facts from identify() reach the rules', asAnyone, async t => {
  let unit = 'good.service';
  const { path } = await openGate(t, greet, {
    authorize: definePolicy({ rules: [{ effect: 'allow', unit: 'good.service' }] }, { witnesses: ['unit'] }),
    identify: () => ({ unit: () => ({ known: true, value: unit }) }),
  });
  assert.match(await everything(await dial(t, path)), /^hello/);
  unit = 'bad.service';
  assert.equal(await everything(await dial(t, path)), '');
});

test('a socket that no gate let in has no admission', asAnyone, async t => {
  const path = `${openDirectory(t)}/plain`;
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const client = await dial(t, path);
  const notAdmitted = (error: unknown) =>
    error instanceof PeerError && error.code === 'ERR_PEER_NOT_ADMITTED';
  assert.throws(() => peerOf(client), notAdmitted);
  assert.throws(() => admissionOf(client), notAdmitted);
  assert.throws(() => peerOf({} as Socket), PeerTypeError);
  assert.throws(() => peerOf(null as unknown as Socket), PeerTypeError);
});

test('T73: an admitted socket that connects somewhere else was not let in there', asAnyone, async t => {
  const directory = openDirectory(t);
  const elsewhere = createServer(socket => socket.end()).listen(`${directory}/elsewhere`);
  t.after(() => elsewhere.close());
  await once(elsewhere, 'listening');
  const taken = new Promise<Socket>(done => {
    void openGate(t, done)
      .then(({ path }) => dial(t, path))
      .then(client => client.end());
  });
  const socket = await taken;
  t.after(() => socket.destroy());
  const peer = peerOf(socket);
  socket.resume().end();
  await once(socket, 'close');
  assert.equal(peerOf(socket), peer, 'after the close');
  socket.connect(`${directory}/elsewhere`);
  await once(socket, 'connect');
  assert.throws(() => peerOf(socket), PeerError);
});

test('T64: another policy holds from the next connection on; who is in stays in', asAnyone, async t => {
  const echo = (socket: Socket) => socket.pipe(socket);
  const { gate, path } = await openGate(t, echo, { authorize: sameUserOnly() });
  const before = await dial(t, path);
  before.write('a');
  await once(before, 'data');
  assert.throws(() => gate.replaceAuthorize({} as ReturnType<typeof sameUserOnly>), PeerTypeError);
  gate.replaceAuthorize(compilePolicy({ rules: [] }, {}));
  before.write('b');
  assert.equal(String((await once(before, 'data'))[0]), 'b');
  assert.equal(await everything(await dial(t, path)), '');
});

test('onlyChildren() compares the process, not its number', { skip: needs('linux', 'python3') }, async t => {
  const authorize = onlyChildren();
  const { gate, path } = await openGate(t, greet, { authorize });
  // A client that connects when told, and leaves the answer to be read after its own end.
  const child = spawn(programPath('python3'), [
    '-c',
    `import socket, sys, os
sys.stdin.readline()
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(20)
try: print('got ' + s.recv(100).decode().strip(), flush=True)
except ConnectionError: print('cut', flush=True)
sys.stdin.readline()`,
    path,
  ]);
  t.after(() => child.kill('SIGKILL'));
  gate.replaceAuthorize(onlyChildren(child));
  assert.equal(await everything(await dial(t, path)), '', 'its parent is another process');
  child.stdin.write('\n');
  assert.match(String((await once(child.stdout, 'data'))[0]), /^got hello/);
  const sameNumber = { pid: child.pid, exitCode: 0, signalCode: null };
  gate.replaceAuthorize(onlyChildren(sameNumber));
  const other = python(t, connectScript(TALK), { args: [path] });
  assert.match(await other.line(), /^cut$/, 'a child that has ended is nobody');
});

test('an error on an admitted socket that nobody listens for is not the end', asAnyone, async t => {
  const sockets: Socket[] = [];
  const { path } = await openGate(t, (socket: Socket) => sockets.push(socket));
  await dial(t, path);
  await until(() => sockets.length === 1);
  sockets[0]?.destroy(new Error('reset by somebody'));
  await until(() => sockets[0]?.closed === true);
  await dial(t, path);
  await until(() => sockets.length === 2);
});

test('close() lets what is under way end, and cuts what takes longer', asAnyone, async t => {
  const answers: (() => void)[] = [];
  const http = createHttpServer((request, response) => {
    if (request.url === '/slow') answers.push(() => response.end('done'));
    else if (request.url !== '/never') response.end('fast');
  });
  const { gate, path } = await openGate(t, http);
  const slow = get(path, '/slow');
  await until(() => gate.connections === 1);
  await until(() => answers.length === 1);
  const closing = gate.close({ graceMs: 20_000 });
  await assert.rejects(get(path), /ENOENT|ECONNREFUSED/);
  answers[0]?.();
  assert.equal((await slow).body, 'done');
  await closing;
  assert.equal(gate.connections, 0);

  const second = await openGate(t, http);
  const never = get(second.path, '/never');
  await until(() => second.gate.connections === 1);
  await Promise.all([assert.rejects(never), second.gate.close({ graceMs: 10 })]);
});

test('close() while it begins to listen: it listens nowhere afterwards', asAnyone, async t => {
  const path = `${openDirectory(t)}/gate`;
  const gate = createGate({ authorize: () => true }).handTo(greet);
  const closed = (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_CLOSED';
  const listening = assert.rejects(gate.listen(path), closed);
  await gate.close();
  await listening;
  await assert.rejects(dial(t, path), /ENOENT|ECONNREFUSED/);
  await gate.listen(path);
  t.after(() => gate.close({ graceMs: 0 }));
  assert.match(await everything(await dial(t, path)), /^hello/);
});

test('close() takes no time for another one', asAnyone, async t => {
  const { gate, path } = await openGate(t, greet);
  for (const graceMs of [Number.POSITIVE_INFINITY, 2 ** 31, Number.NaN, -1]) {
    await assert.rejects(gate.close({ graceMs }), PeerTypeError);
  }
  assert.match(await everything(await dial(t, path)), /^hello/, 'nothing was closed');
});

test('T66: after many connections no descriptor is left over', asAnyone, async t => {
  const { gate, path } = await openGate(t, greet, {
    authorize: onlyChildren({ pid: 1, exitCode: null, signalCode: null }),
  });
  await everything(await dial(t, path));
  await until(() => gate.connections === 0);
  const before = openDescriptors();
  for (let round = 0; round < 20; round++) {
    if (round === 10) gate.replaceAuthorize(() => true);
    await Promise.all(Array.from({ length: 50 }, async () => everything(await dial(t, path))));
  }
  await until(() => gate.connections === 0 && openDescriptors() <= before);
  assert.equal(gate.connections, 0);
});

test('a gate that is used wrongly says so', async () => {
  assert.throws(() => createGate({ authorize: {} as never }), PeerTypeError);
  assert.throws(() => createGate({ authorize: () => true, limits: { connections: -1 } }), PeerTypeError);
  const gate = createGate({ authorize: () => true });
  await assert.rejects(gate.listen('@nowhere'), PeerTypeError);
  assert.throws(() => gate.handTo({} as never), PeerTypeError);
  gate.handTo(() => {});
  assert.throws(() => gate.handTo(() => {}), PeerTypeError);
});
