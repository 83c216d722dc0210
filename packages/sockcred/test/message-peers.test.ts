/**
 * What a peer can bring about costs its own connection, and never the program:
 * no 'error' listener anywhere, and listeners that throw. Each case is a
 * program of its own, which has to come to its end.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ownDirectory } from './support/directories.js';
import { runProgram } from './support/programs.js';
import { needs } from './support/requirements.js';

const skip = needs('linux');
const library = new URL('../dist/messages/index.js', import.meta.url);

/** Statements, with `path` for a socket and `until()`; its lines. */
function program(t: TestContext, statements: string): string[] {
  const source = `
    import { once } from 'node:events';
    import { connect } from 'node:net';
    import * as messages from '${library}';
    const { UnixDatagramSocket, UnixSeqpacketServer, UnixSeqpacketSocket, UnixStream, UnixStreamServer } = messages;
    const path = ${JSON.stringify(join(ownDirectory(t), 's'))};
    const until = async done => { while (!done()) await new Promise(setImmediate); };
    ${statements}
    console.log('end');
  `;
  const run = runProgram(t, source);
  assert.equal(run.status, 0, `${run.signal ?? ''}${run.stderr}`);
  return run.stdout.trim().split('\n');
}

test('T7: a stream whose peer resets it, closes it or takes no descriptors is closed, and no more', {
  skip,
}, t => {
  const lines = program(
    t,
    `
    const closings = {
      'reset while reading'(ours, theirs) { ours.resume(); ours.write('unread'); theirs.destroy(); },
      'closed while writing'(ours, theirs) { theirs.destroy(); ours.write(Buffer.alloc(1_000_000)); },
      'closed while much waits'(ours, theirs) { ours.write(Buffer.alloc(10_000_000)); theirs.destroy(); },
    };
    for (const [what, close] of Object.entries(closings)) {
      const [ours, theirs] = UnixStream.pair();
      const told = [];
      ours.on('close', () => told.push('close'));
      close(ours, theirs);
      await until(() => told.length > 0);
      console.log(what, told.join(), ours.destroyed, ours.fd);
    }
    const [ours, theirs] = UnixStream.pair({ acceptFds: false });
    const outcome = new Promise(done => ours.send('x', { fds: [0] }, error => done(error?.code ?? 'sent')));
    console.log(['sent', 'ERR_SEND_FDS'].includes(await outcome));
    ours.destroy();
    theirs.destroy();
    `,
  );
  assert.deepEqual(lines, [
    'reset while reading close true -1',
    'closed while writing close true -1',
    'closed while much waits close true -1',
    'true',
    'end',
  ]);
});

test('who listens for the error of a stream, waits for its end or iterates over it is told', {
  skip,
}, t => {
  const lines = program(
    t,
    `
    import { finished } from 'node:stream/promises';
    const reset = ([ours, theirs]) => { ours.write('unread'); theirs.destroy(); return ours; };
    const [error] = await once(reset(UnixStream.pair()).resume(), 'error');
    console.log(error.code);
    const waiting = reset(UnixStream.pair()).resume();
    console.log(await finished(waiting).catch(({ code }) => code));
    try { for await (const _ of reset(UnixStream.pair())); } catch ({ code }) { console.log(code); }
    const unheard = reset(UnixStream.pair()).resume();
    await new Promise(done => unheard.on('close', done));
    console.log(await finished(unheard).catch(({ code }) => code), unheard.errored.code);
    `,
  );
  const closed = 'ERR_PEER_CLOSED';
  assert.deepEqual(lines, [closed, closed, closed, `${closed} ${closed}`, 'end']);
});

test('T66: peers that go as they like leave a server of streams and one of packets as they were', {
  skip,
}, t => {
  const lines = program(
    t,
    `
    for (const [Server, Client] of [[UnixStreamServer, UnixStream], [UnixSeqpacketServer, UnixSeqpacketSocket]]) {
      const server = new Server();
      let gone = 0;
      server.on('connection', connection => {
        connection.on('data', () => {});
        connection.on('message', () => {});
        connection.on('close', () => gone++).on('end', () => connection.close?.());
        for (let count = 0; count < 20; count++) connection.write ? connection.write('much'.repeat(1000)) : connection.send('much');
      });
      const name = path + Client.name;
      await server.listen(name);
      for (let count = 0; count < 100; count++) {
        const client = Client.connect(name);
        if (count % 2 === 0) client.send('x');
        if (count % 4 < 2) await new Promise(setImmediate);
        (client.destroy ?? client.close).call(client);
      }
      await until(() => gone === 100);
      console.log(Client.name, gone);
      await server.close();
    }
    `,
  );
  assert.deepEqual(lines, ['UnixStream 100', 'UnixSeqpacketSocket 100', 'end']);
});

test('a receiver that turns to somebody else, and one that is gone, cost their messages', { skip }, t => {
  const lines = program(
    t,
    `
    const [fickle, other, sending] = await Promise.all(['f', 'o', 's'].map(name => UnixDatagramSocket.bound(path + name)));
    let heard = 0;
    sending.on('message', () => heard++);
    sending.connect(path + 'f');
    sending.send('unread');
    fickle.connect(path + 's');
    fickle.connect(path + 'o'); // what it had not read is gone, and its sender is told: ECONNRESET
    await new Promise(setImmediate);
    sending.send('into nothing');
    fickle.send('still there?', path + 's');
    await until(() => heard > 0);
    const speaking = UnixDatagramSocket.open();
    speaking.send('to one that hears another one only', path + 's');
    fickle.close();
    const told = message => new Promise(done => sending.send(message, undefined, error => done(error.code + ' ' + error.errno)));
    console.log(await told('to nobody'), await told('again'));
    sending.send('to nobody');
    speaking.send('to nobody', path + 'f');
    await new Promise(setImmediate);
    for (const socket of [other, sending, speaking]) socket.close();
    console.log(heard);
    `,
  );
  assert.deepEqual(lines, ['ERR_SEND_NOBODY ECONNREFUSED ERR_SEND_NOBODY ENOTCONN', '1', 'end']);
});

test('what a listener throws about one message, chunk or connection keeps no other from being given out', {
  skip,
}, t => {
  const lines = program(
    t,
    `
    const thrown = [];
    process.on('uncaughtException', ({ message }) => thrown.push(message));
    const complain = what => { throw new Error(what); };

    const [to, from] = UnixDatagramSocket.pair();
    const heard = [];
    to.on('message', data => (String(data) === '1' ? complain('message') : heard.push(String(data))));
    from.sendMany(['0', '1', '2'].map(text => Buffer.from(text)));
    await until(() => heard.length === 2);
    from.send('3');
    await until(() => heard.length === 3);
    console.log(heard.join(''), thrown.splice(0).join());

    const server = new UnixStreamServer();
    let accepted = 0;
    server.on('connection', stream => { stream.destroy(); accepted++; complain('connection ' + accepted); });
    await server.listen(path);
    for (let count = 0; count < 3; count++) UnixStream.connect(path);
    await until(() => accepted === 3);
    UnixStream.connect(path);
    await until(() => accepted === 4);
    await until(() => thrown.length === 4);
    console.log(thrown.splice(0).join());
    await server.close();

    const [ours, theirs] = UnixStream.pair();
    const [quiet, loud] = UnixStream.pair();
    let chunks = 0;
    ours.on('data', () => complain('chunk'));
    quiet.on('data', () => chunks++);
    theirs.write('x');
    loud.write('x');
    await until(() => thrown.length === 1 && chunks === 1);
    theirs.write('y');
    await until(() => thrown.length === 2);
    console.log(thrown.join());
    for (const each of [to, from]) each.close();
    for (const each of [ours, theirs, quiet, loud]) each.destroy();
    `,
  );
  assert.deepEqual(lines, [
    '023 message',
    'connection 1,connection 2,connection 3,connection 4',
    'chunk,chunk',
    'end',
  ]);
});
