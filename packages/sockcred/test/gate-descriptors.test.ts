/** Gates that hand on bare descriptors, gates on sockets that listen already, and gates without descriptors left. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { openSync, readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { PeerError, PeerTypeError } from 'sockcred';
import { type AdmittedConnection, createGate, type EndedEvent, type GateOptions } from 'sockcred/gate';
import { closeDescriptor, sendFirst } from 'sockcred/relay';
import { listeningSocket } from '../dist/sys/unix-socket.js';
import { ownDirectory } from './support/directories.js';
import { dial, everything } from './support/gated.js';
import { imported, programWords, startProgram } from './support/programs.js';
import { needs, programPath, runtime } from './support/requirements.js';
import { until } from './support/waiting.js';

const skip = needs('linux');

/** A gate that hands descriptors on, and what it has handed on. */
async function openDescriptorGate(t: TestContext, options: Partial<GateOptions> = {}) {
  const given: AdmittedConnection[] = [];
  const gate = createGate({ authorize: () => true, ...options });
  gate.handDescriptorsTo(connection => given.push(connection));
  const path = `${ownDirectory(t)}/gate`;
  await gate.listen(path);
  t.after(() => gate.close({ graceMs: 0 }));
  const finish = (connection: AdmittedConnection | undefined) => {
    closeDescriptor(connection?.fd ?? -1);
    connection?.ended();
  };
  return { gate, path, given, finish };
}

test('who is let in is handed on as a descriptor, and counts until it is said to have ended', {
  skip,
}, async t => {
  const { gate, path, given, finish } = await openDescriptorGate(t, { limits: { connections: 1 } });
  const client = await dial(t, path);
  await until(() => given.length === 1);
  const [connection] = given as [AdmittedConnection];
  assert.equal(connection.peer.uid, process.geteuid?.());
  assert.equal(connection.decision.allowed, true);
  assert.equal(gate.connections, 1);
  assert.equal(await everything(await dial(t, path)), '', 'one too many');
  await sendFirst(connection.fd, Buffer.from('hello'));
  closeDescriptor(connection.fd);
  assert.equal(await everything(client), 'hello');
  assert.equal(gate.connections, 1, 'nobody has said it');
  connection.ended();
  connection.ended();
  assert.equal(gate.connections, 0);
  await dial(t, path);
  await until(() => given.length === 2);
  finish(given[1]);
  assert.throws(() => gate.handTo(() => {}), PeerTypeError);
});

test('who is not let in is not handed on, and nothing of it stays open', { skip }, async t => {
  const { path, given } = await openDescriptorGate(t, { authorize: () => false });
  await everything(await dial(t, path));
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 100; round++) await everything(await dial(t, path));
  assert.equal(given.length, 0);
  await until(() => readdirSync('/proc/self/fd').length <= before);
});

test('firstByteMs: handed on when there is something to read, closed when nothing comes', {
  skip,
}, async t => {
  const { gate, path, given, finish } = await openDescriptorGate(t, { limits: { firstByteMs: 300 } });
  const silent = await dial(t, path);
  const speaking = await dial(t, path);
  await until(() => gate.connections === 2);
  assert.equal(given.length, 0);
  speaking.write('x');
  await until(() => given.length === 1);
  assert.equal(await everything(silent), '');
  await until(() => gate.connections === 1);
  const gone = await dial(t, path);
  gone.destroy();
  await until(() => given.length === 2);
  for (const connection of given) finish(connection);
});

test('close() waits for what was handed on, but not for ever', { skip }, async t => {
  const { gate, path, given, finish } = await openDescriptorGate(t, { limits: { firstByteMs: 60_000 } });
  const client = await dial(t, path);
  client.write('x');
  const silent = await dial(t, path);
  await until(() => given.length === 1 && gate.connections === 2);
  await gate.close({ graceMs: 10 });
  assert.equal(await everything(silent), '', 'what was not handed on yet is closed');
  assert.equal(client.closed, false, 'what was is not ours to close');
  finish(given[0]);
  const closing = createGate({ authorize: () => true }).handDescriptorsTo(finish);
  const other = `${path}-2`;
  await closing.listen(other);
  const last = await dial(t, other);
  await Promise.all([everything(last), closing.close({ graceMs: 60_000 })]);
});

test('the end of a descriptor is published once, whoever tells it', { skip }, async t => {
  const name = 'descriptors that end';
  const reasons: string[] = [];
  const hear = (message: unknown) => {
    const { gate, reason } = message as EndedEvent;
    if (gate === name) reasons.push(reason);
  };
  subscribe('sockcred:gate:ended', hear);
  t.after(() => unsubscribe('sockcred:gate:ended', hear));
  const { gate, path, given, finish } = await openDescriptorGate(t, { name, limits: { firstByteMs: 20 } });
  assert.equal(await everything(await dial(t, path)), '');
  gate.replaceLimits({});
  await dial(t, path);
  await until(() => given.length === 1);
  for (const _ of [1, 2]) given[0]?.ended();
  closeDescriptor(given[0]?.fd ?? -1);
  await dial(t, path);
  await until(() => given.length === 2);
  gate.replaceLimits({ firstByteMs: 60_000 });
  await dial(t, path);
  await until(() => gate.connections === 2);
  await gate.close({ graceMs: 0 });
  finish(given[1]);
  assert.deepEqual(reasons, ['firstByteMs', 'closed', 'cut', 'cut']);
});

test('who is refused by a socket cannot be where none is made of a descriptor', {
  skip: runtime() !== 'bun' && 'is about Bun',
}, () => {
  const gate = createGate({ authorize: () => true, refuse: { handTo: () => {} } });
  assert.throws(
    () => gate.handDescriptorsTo(() => {}),
    (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_UNSUPPORTED',
  );
});

test('an error of whoever serves does not keep the gate from accepting', { skip }, async t => {
  const path = `${ownDirectory(t)}/s`;
  const program = `
    import { createGate } from ${imported('sockcred/gate')};
    process.on('uncaughtException', error => console.log('uncaught ' + error.message));
    let count = 0;
    const gate = createGate({ authorize: () => true }).handTo(socket => {
      socket.end();
      if (count++ % 2 === 0) throw new Error('no');
    });
    await gate.listen(process.argv[2]);
    console.log('listening');`;
  const child = startProgram(t, program, [path]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'listening');
  const clients = Array.from({ length: 10 }, () => connect(path).on('error', () => {}));
  for (const client of clients) await everything(client);
  for (let index = 0; index < 5; index++) assert.equal((await lines.next()).value, 'uncaught no');
});

test('listenOn(): a socket that listens already, and nothing else', { skip }, async t => {
  const directory = ownDirectory(t);
  const gate = createGate({ authorize: () => true });
  await assert.rejects(gate.listenOn(0), PeerTypeError, 'nobody serves yet');
  gate.handTo(socket => socket.end('served'));
  t.after(() => gate.close());
  const file = openSync('/dev/null', 'r');
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { _handle } = tcp as unknown as { _handle: { fd: number } };
  const kinds = [
    { name: 'stream', seqpacket: false },
    { name: 'packets', seqpacket: true },
  ].map(({ name, seqpacket }) => {
    const made = listeningSocket(
      { kind: 'path', path: `${directory}/${name}` },
      0o600,
      5,
      undefined,
      seqpacket,
    );
    assert.ok('fd' in made);
    return made.fd;
  });
  const [stream, packets] = kinds as [number, number];
  for (const wrong of [-1, 1.5, file, _handle.fd, packets, 1_000_000]) {
    await assert.rejects(gate.listenOn(wrong), PeerTypeError, `fd ${wrong}`);
  }
  closeDescriptor(file);
  closeDescriptor(packets);
  tcp.close();
  await gate.listenOn(stream);
  assert.equal(await everything(await dial(t, `${directory}/stream`)), 'served');
  await gate.listen(`${directory}/beside`);
  assert.equal(await everything(await dial(t, `${directory}/beside`)), 'served');
  await gate.close();
  assert.ok(readdirSync(directory).includes('stream'), 'the file of whoever bound it stays');
  assert.ok(!readdirSync(directory).includes('beside'));
});

/** Hands on a listening socket that is blocking, as a service manager may. */
const ACTIVATE = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
os.dup2(os.dup(s.fileno()), 3)
os.execv(sys.argv[2], sys.argv[2:])
`;

test('listenOn(): an inherited socket that would block is waited for', {
  skip: needs('linux', 'python3'),
}, async t => {
  const path = `${ownDirectory(t)}/s`;
  const program = `
    import { createGate } from ${imported('sockcred/gate')};
    await createGate({ authorize: () => true }).handTo(socket => socket.end('served')).listenOn(3);
    setInterval(() => console.log('alive'), 5);`;
  const words = ['-c', ACTIVATE, path, ...programWords(t, program)];
  const child = spawn(programPath('python3'), words, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (let round = 0; round < 3; round++) {
    assert.equal((await lines.next()).value, 'alive');
    assert.equal(await everything(await dial(t, path)), 'served');
  }
});

/** Keeps a listening socket that it hands on, and shuts it down when it is told to. */
const SHUT_DOWN = `
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
os.dup2(s.fileno(), 3)
program = subprocess.Popen(sys.argv[2:], pass_fds=[3], stdin=subprocess.DEVNULL)
sys.stdin.readline()
s.shutdown(socket.SHUT_RDWR)
sys.stdin.read()
program.kill()
`;

test('listenOn(): a socket that another holder shuts down is told to be so, once', {
  skip:
    (runtime() === 'bun' && 'needs a gate that accepts by itself: in Bun a net.Server does') ||
    needs('linux', 'python3'),
}, async t => {
  const path = `${ownDirectory(t)}/s`;
  const program = `
    import { subscribe } from 'node:diagnostics_channel';
    import { createGate } from ${imported('sockcred/gate')};
    subscribe('sockcred:gate:failed', ({ error }) => {
      console.log('failed ' + error.errno);
      setTimeout(() => console.log('alive'), 100);
    });
    await createGate({ authorize: () => true }).handTo(socket => socket.end('served')).listenOn(3);
    console.log('listening');
    setInterval(() => {}, 1000);`;
  const words = ['-c', SHUT_DOWN, path, ...programWords(t, program)];
  const child = spawn(programPath('python3'), words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.stdin.end();
    await exited;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'listening');
  assert.equal(await everything(await dial(t, path)), 'served');
  child.stdin.write('\n');
  assert.equal((await lines.next()).value, 'failed ESHUTDOWN');
  assert.equal((await lines.next()).value, 'alive', 'not told again');
});

/** With no descriptor kept for anything else; says when accepting pauses. */
const SMALL = `
import { subscribe } from 'node:diagnostics_channel';
import { createGate } from ${imported('sockcred/gate')};
subscribe('sockcred:gate:failed', ({ error }) => console.log('failed ' + error.errno));
subscribe('sockcred:gate:limited', ({ limit }) => console.log('limited ' + limit));
const limits = { spareDescriptors: 0 };
const gate = createGate({ authorize: () => true, limits }).handTo(socket => socket.resume().write('in'));
await gate.listen(process.argv[2]);
console.log('listening');
`;

test('T66: without a descriptor left, those that connect wait, and all of them are served in the end', {
  skip:
    needs('linux') ||
    (runtime() === 'bun' && 'needs a gate that accepts by itself: in Bun a net.Server does'),
}, async t => {
  const path = `${ownDirectory(t)}/s`;
  const child = startProgram(t, SMALL, [path], { mostFds: 64 });
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => said.push(line));
  await until(() => said.includes('listening'));
  const clients = 150;
  const inside: Socket[] = [];
  let cut = 0;
  for (let index = 0; index < clients; index++) {
    const socket = await dial(t, path);
    socket.once('data', () => inside.push(socket)).on('close', () => cut++);
  }
  await until(() => said.includes('failed EMFILE'));
  assert.ok(inside.length < 64, `${inside.length} are in`);
  let served = 0;
  while (served < clients) {
    await until(() => inside.length > 0);
    served += inside.length;
    for (const socket of inside.splice(0)) socket.destroy();
  }
  await until(() => cut === clients);
  assert.equal(served, clients, 'all were let in');
  assert.ok(!said.some(line => line.startsWith('limited')));
  assert.equal(child.exitCode, null);
});
