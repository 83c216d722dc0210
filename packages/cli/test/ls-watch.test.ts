/** `sockcred ls --watch`: what was there, what comes, changes and goes; and its end. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { lacksList } from '../../sockcred/build/support/socket-list.js';
import { until } from '../../sockcred/build/support/waiting.js';
import { command, MAIN } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { LISTEN, type Line } from './support/listed.js';

const withSockets = { skip: needs('linux', 'python3') || lacksList() };

test('ls --watch tells what was there, what comes, passes on and goes', withSockets, async t => {
  const directory = ownDirectory(t, 0o777);
  const [first, second] = [join(directory, 'a'), join(directory, 'b')];
  const early = python(t, LISTEN, { args: [first] });
  await early.line();
  const watching = command(t, ['ls', '--watch', '1', '--json', '--name', directory]);
  const line = async (wanted: RegExp) => JSON.parse(await watching.line(wanted)) as Line;
  assert.equal((await line(/"present"/)).name, first);
  const passing = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
say('listening')
hear()
child = os.fork()
if child == 0: signal.pause()
say(child)
os._exit(0)
`;
  const late = python(t, passing, { args: [second] });
  await late.line();
  assert.equal((await line(/"new"/)).holders[0]?.pid, late.child.pid);
  late.tell('pass it on');
  const heir = Number(await late.line());
  await late.exited;
  const passed = JSON.parse(
    await watching.line(text => {
      const { change, holders } = JSON.parse(text) as Line;
      return change === 'changed' && holders.length === 1 && holders[0]?.pid === heir;
    }),
  ) as Line;
  assert.equal(passed.name, second);
  process.kill(heir, 'SIGKILL');
  assert.equal((await line(/"gone"/)).name, second);
  watching.child.kill('SIGTERM');
  await watching.ended;
});

test('ls --watch ends when nobody reads it any more', withSockets, async t => {
  const directory = ownDirectory(t, 0o777);
  const server = python(t, LISTEN, { args: [join(directory, 's')] });
  await server.line();
  const child = spawn(process.execPath, [MAIN, 'ls', '--watch', '3600', '--name', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  assert.deepEqual(await ended, [0, null], 'while nothing changes, long before it looks again');
});

test(
  'ls --watch ends when nobody reads a socket, and goes on where it writes a file',
  withSockets,
  async t => {
    const directory = ownDirectory(t, 0o777);
    const server = python(t, LISTEN, { args: [join(directory, 's')] });
    await server.line();
    const file = join(directory, 'lines');
    const watching = `
import subprocess
node, command, name, file = sys.argv[1:]
ours, its = socket.socketpair()
words = [node, command, 'ls', '--json', '--name', name, '--watch']
child = subprocess.Popen(words + ['3600'], stdout=its)
its.close()
ours.recv(1)
ours.close()
say(child.wait())
with open(file, 'wb') as out: child = subprocess.Popen(words + ['1'], stdout=out)
say(child.pid)
say(child.wait())
`;
    const peer = python(t, watching, { args: [process.execPath, MAIN, directory, file] });
    assert.equal(await peer.line(), '0');
    const writer = Number(await peer.line());
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('"present"'));
    const late = python(t, LISTEN, { args: [join(directory, 'late')] });
    await late.line();
    await until(() => readFileSync(file, 'utf8').includes('"new"'));
    process.kill(writer, 'SIGTERM');
    await peer.line();
  },
);
