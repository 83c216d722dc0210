/** Connections that are passed to a program: with who it is, and without a byte lost or relayed. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { type PythonPeer, python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { connection } from './support/clients.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, guard, paths } from './support/guards.js';

const withOthers = { skip: needsOtherUsers('python3') };

/** Says the head of each connection, answers on it, and tells of its end if it is to. */
const RECEIVER = `
import json
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen()
say('ready')
while True:
    guard, _ = s.accept()
    while True:
        data, fds, flags, _ = socket.recv_fds(guard, 65536, 4)
        if not data: break
        head = json.loads(data)
        say(json.dumps([len(fds), flags, head]))
        c = socket.socket(fileno=fds[0])
        c.setblocking(True)
        text = b''
        while True:
            more = c.recv(65536)
            if not more: break
            text += more
        c.sendall(b'program: ' + text)
        c.close()
        if 'tells' in sys.argv[2:]: guard.send(json.dumps({'ended': head['connection']}, separators=(',', ':')).encode())
    if 'once' in sys.argv[2:]: break
    say('guard gone')
`;

async function receiver(t: TestContext, path: string, ...words: readonly string[]): Promise<PythonPeer> {
  const peer = python(t, RECEIVER, { args: [path, ...words] });
  assert.equal(await peer.line(), 'ready');
  return peer;
}

test('a program gets the connection itself, with who it is as the kernel said', withOthers, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const program = await receiver(t, behind);
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--pass-to', behind];
  const running = await guard(t, [...words, '--run-as', 'nobody']);
  const user = { uid: 3001, gid: 5001, groups: [44] };
  assert.equal(await ask(t, front, 'hello', user), 'program: hello');
  const [count, flags, head] = JSON.parse(await program.line());
  assert.deepEqual([count, flags, head.version, head.roles], [1, 0, 1, []]);
  const peer = recordedPeer(head.peer);
  assert.deepEqual([peer.uid, peer.gid, peer.groups], [3001, 5001, [44, 5001]]);
  assert.equal(head.connection, (await running.entry('admitted')).connection);
  // Without limits nobody waits for what has been passed.
  assert.equal((await end(running)).status, 0);
  assert.equal(await program.line(), 'guard gone');
});

test('connections that were passed count until the program tells of their end', withOthers, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const program = await receiver(t, behind, 'tells');
  const words = ['--listen', front, '--same-user', '--pass-to', behind, '--connections', '1'];
  const running = await guard(t, words);
  const held = await connection(t, front, { allowHalfOpen: true });
  await running.entry('admitted');
  assert.equal(await ask(t, front, 'too many'), '');
  assert.equal((await running.entry('limited')).limit, 'connections');
  held.end('held');
  assert.equal(String((await once(held, 'data'))[0]), 'program: held');
  await program.line();
  await running.entry('ended');
  assert.equal(await ask(t, front, 'now'), 'program: now');
});

test('a limit that comes with a policy counts what is passed from then on', withOthers, async t => {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const program = await receiver(t, behind, 'tells');
  const file = join(directory, 'policy.toml');
  const rules = '[[rules]]\neffect = "allow"\nuser = 0\n';
  writeFileSync(file, rules);
  const running = await guard(t, ['--listen', front, '--policy', file, '--pass-to', behind]);
  assert.equal(await ask(t, front, 'nobody counts'), 'program: nobody counts');
  await program.line();
  writeFileSync(`${file}.new`, `${rules}[limits]\nconnections = 1\n`);
  renameSync(`${file}.new`, file);
  running.child.kill('SIGHUP');
  await running.entry('policy-replaced');
  const held = await connection(t, front, { allowHalfOpen: true });
  await running.entry('admitted', ({ connection: number }) => number === 2);
  assert.equal(await ask(t, front, 'too many'), '');
  held.end('held');
  assert.equal(String((await once(held, 'data'))[0]), 'program: held');
  await program.line();
  await running.entry('ended', ({ connection: number }) => number === 2);
  assert.equal(await ask(t, front, 'now'), 'program: now');
});

test('the end of the program ends what it had, and a new one is found', withOthers, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const words = ['--listen', front, '--same-user', '--pass-to', behind, '--connections', '1'];
  const running = await guard(t, words);
  assert.equal(await ask(t, front, 'nobody there'), '');
  assert.equal((await running.entry('unserved')).code, 'ENOENT');
  const first = await receiver(t, behind, 'once');
  const held = connect(front);
  t.after(() => held.destroy());
  held.on('error', () => {});
  await first.line();
  first.child.kill('SIGKILL');
  await first.exited;
  await running.entry('ended', ({ connection: number }) => number === 2);
  const { rmSync } = await import('node:fs');
  rmSync(behind);
  const second = await receiver(t, behind);
  assert.equal(await ask(t, front, 'again'), 'program: again');
  await second.line();
});

test('a stream socket is not what connections are passed to', {
  skip: needs('linux', 'python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const { server } = await import('./support/guards.js');
  await server(t, behind, socket => socket.resume());
  const running = await guard(t, ['--listen', front, '--same-user', '--pass-to', behind]);
  assert.equal(await ask(t, front, 'x'), '');
  assert.equal((await running.entry('unserved')).code, 'EPROTOTYPE');
});

test('many are passed to a program that is slow, each its own', {
  skip: needs('linux', 'python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const program = await receiver(t, behind);
  await guard(t, ['--listen', front, '--same-user', '--pass-to', behind]);
  const clients = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const client = await connection(t, front, { allowHalfOpen: true });
      client.end(`number ${index}`);
      let text = '';
      client.setEncoding('utf8').on('data', (data: string) => {
        text += data;
      });
      await once(client, 'end');
      return text;
    }),
  );
  for (const [index, text] of clients.entries()) assert.equal(text, `program: number ${index}`);
  program.child.kill('SIGKILL');
});
