/** Messages and connections that come when no descriptors are left, and descriptors that nobody takes. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ownDirectory } from './support/directories.js';
import { type ProgramOptions, runProgram } from './support/programs.js';
import { needs } from './support/requirements.js';

const library = new URL('../dist/messages/index.js', import.meta.url);

/** Statements with `path` for a socket, and `fill()`, which leaves no descriptor and gives what frees them; its lines. */
function program(t: TestContext, statements: string, options: ProgramOptions = {}): string[] {
  const source = `
    import { once } from 'node:events';
    import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
    import { UnixDatagramSocket, UnixSeqpacketServer, UnixSeqpacketSocket, UnixStream, UnixStreamServer } from '${library}';
    const path = ${JSON.stringify(join(ownDirectory(t), 's'))};
    const fill = () => {
      const held = [];
      try { for (;;) held.push(openSync('/dev/null', 'r')); } catch {}
      return () => held.splice(0).forEach(fd => closeSync(fd));
    };
    ${statements}
  `;
  const run = runProgram(t, source, options);
  assert.equal(run.status, 0, `${run.signal ?? ''}${run.stderr}`);
  return run.stdout.trim().split('\n');
}

test('without descriptors left, a server says so and accepts whoever waits as soon as there are some', {
  skip: needs('linux'),
}, t => {
  const lines = program(
    t,
    `
    for (const [Server, Client] of [[UnixStreamServer, UnixStream], [UnixSeqpacketServer, UnixSeqpacketSocket]]) {
      const server = new Server();
      await server.listen(path + Client.name);
      const clients = Array.from({ length: 3 }, () => Client.connect(path + Client.name));
      const accepted = [];
      server.on('connection', connection => accepted.push(connection));
      const dropped = once(server, 'drop');
      const free = fill();
      const [error] = await dropped;
      console.log(Client.name, error.code, error.errno, accepted.length);
      free();
      while (accepted.length < 3) await once(server, 'connection');
      console.log(accepted.length);
      for (const each of [...clients, ...accepted]) (each.destroy ?? each.close).call(each);
      await server.close();
    }
    `,
    { mostFds: 256 },
  );
  assert.deepEqual(lines, [
    'UnixStream ERR_PEER_SYSTEM EMFILE 0',
    '3',
    'UnixSeqpacketSocket ERR_PEER_SYSTEM EMFILE 0',
    '3',
  ]);
});

test('T41: descriptors that find no room are lost with the sender’s name, and the next message has its own', {
  skip: needs('linux'),
}, t => {
  const lines = program(
    t,
    `
    const pairs = {
      stream: UnixStream.pair({ acceptFds: 4 }),
      seqpacket: UnixSeqpacketSocket.pair({ acceptFds: 4 }),
      datagram: UnixDatagramSocket.pair({ acceptFds: 4 }),
    };
    for (const [kind, [ours, theirs]] of Object.entries(pairs)) {
      const next = async () => {
        const [data, info = data] = await once(ours, kind === 'stream' ? 'data' : 'message');
        for (const fd of info.fds) fd.close();
        const { sender, fds, fdsLost } = info;
        const fact = sender.evidence.uid;
        return [fds.length, fdsLost, sender.pid === process.pid, fact.known || fact.reason].join(' ');
      };
      const first = next();
      if (kind === 'datagram') theirs.send('x', undefined, { fds: [0, 1] });
      else theirs.send('x', { fds: [0, 1] });
      const free = fill();
      console.log(kind, await first);
      free();
      const second = next();
      theirs.send('y');
      console.log(await second);
      for (const each of [ours, theirs]) (each.destroy ?? each.close).call(each);
    }
    `,
    { mostFds: 256 },
  );
  const expected = ['stream', 'seqpacket', 'datagram'].flatMap(kind => [
    `${kind} 0 true false refused`,
    '0 false true true',
  ]);
  assert.deepEqual(lines, expected);
});

test('T46: descriptors that nobody takes are closed with the objects that hold them', {
  skip: needs('linux', 'node'),
}, t => {
  const lines = program(
    t,
    `
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const open = () => readdirSync('/proc/self/fd').filter(fd => {
      try { return readlinkSync('/proc/self/fd/' + fd) === '/etc/hostname'; } catch { return false; }
    }).length;
    const [ours, theirs] = UnixStream.pair({ acceptFds: 253 });
    const file = openSync('/etc/hostname', 'r');
    let taken;
    ours.once('data', ({ fds }) => { taken = fds[0].take(); });
    theirs.send('x', { fds: Array.from({ length: 100 }, () => file) });
    await once(ours, 'data');
    console.log(open());
    while (open() > 2) {
      collect();
      await new Promise(setImmediate);
    }
    console.log(open(), readlinkSync('/proc/self/fd/' + taken)); // ours, and the one that was taken
    ours.destroy();
    theirs.destroy();
    `,
  );
  assert.deepEqual(lines, ['101', '2 /etc/hostname']);
});
