/** `sockcred ls`: sockets that are there, with who holds them, filtered, as JSON lines, and watched. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectScript, python } from '../../sockcred/build/support/peers.js';
import { command, needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { lacksList } from './support/socket-list.js';

const LISTEN = `
os.umask(0)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
say('listening')
while True:
    keep = s.accept()
`;

const withSockets = { skip: needsOtherUsers('python3') || lacksList() };

interface Line {
  readonly change?: string;
  readonly state: string;
  readonly name?: string;
  readonly peerName?: string;
  readonly holders: readonly { readonly pid: number; readonly uid?: number; readonly program?: string }[];
  readonly peers: readonly { readonly pid: number }[];
}

const parsed = (stdout: string) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Line);

test('ls shows who listens, who is connected, and with whom', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const server = python(t, LISTEN, { uid: 2001, gid: 2001, groups: [], args: [path] });
  await server.line();
  const client = python(t, connectScript("say('connected')"), {
    uid: 2002,
    gid: 2002,
    groups: [],
    args: [path],
  });
  await client.line();
  const { status, stdout } = await run(t, ['ls', '--json', '--name', path]);
  assert.equal(status, 0);
  const lines = parsed(stdout);
  const listening = lines.find(({ state }) => state === 'listening');
  assert.equal(listening?.name, path);
  assert.deepEqual(
    listening?.holders.map(({ pid, uid }) => [pid, uid]),
    [[server.child.pid, 2001]],
  );
  assert.match(listening?.holders[0]?.program ?? '', /python3/);
  const connected = lines.find(({ peerName }) => peerName === path);
  assert.equal(connected?.holders[0]?.pid, client.child.pid);
  assert.equal(connected?.peers[0]?.pid, server.child.pid);
  const only = parsed((await run(t, ['ls', '--json', '--name', path, '--uid', '2002'])).stdout);
  assert.ok(only.length > 0 && only.every(({ holders }) => holders.some(({ uid }) => uid === 2002)));
  const mine = parsed((await run(t, ['ls', '--json', '--pid', `${server.child.pid}`])).stdout);
  assert.ok(
    mine.length > 0 && mine.every(({ holders }) => holders.some(({ pid }) => pid === server.child.pid)),
  );
  const shown = await run(t, ['ls', '--name', path]);
  assert.ok(shown.stdout.includes(`${path}  listening stream  pid ${server.child.pid} uid 2001`));
});

test('T65: a name with escape sequences is escaped, as text and as JSON', withSockets, async t => {
  const name = `sockcred-ls-${process.pid}\u001b[31m\nuid 0`;
  const server = python(t, LISTEN.replace('sys.argv[1]', "'\\0' + sys.argv[1]"), { args: [name] });
  await server.line();
  for (const args of [[], ['--json']]) {
    const { stdout } = await run(t, ['ls', '--name', `sockcred-ls-${process.pid}`, ...args]);
    assert.equal(stdout.split('\n').length, 2, stdout);
    assert.ok(!stdout.includes('\u001b'));
  }
});

test('without root ls says what it cannot see', withSockets, async t => {
  const before = ['/usr/bin/setpriv', '--reuid=2001', '--regid=2001', '--clear-groups'];
  const { status, stderr } = await run(t, ['ls'], { before });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /descriptors of \d+ processes cannot be seen/);
});

test('ls --watch tells what comes and what goes', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const watching = command(t, ['ls', '--watch', '1', '--json', '--name', path]);
  const server = python(t, LISTEN, { args: [path] });
  await server.line();
  assert.equal((JSON.parse(await watching.line(/"new"/)) as Line).name, path);
  server.child.kill('SIGKILL');
  assert.equal((JSON.parse(await watching.line(/"gone"/)) as Line).name, path);
  watching.child.kill('SIGTERM');
  await watching.ended;
});
