/** T38: whoever takes the path of the server behind first gets nothing, if it was said who has to listen there. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { ask as askHttp } from './support/clients.js';
import { end, needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, guard, paths } from './support/guards.js';

const withOthers = { skip: needsOtherUsers('python3') };

/** Says how much it was told on each connection, descriptors included, and answers. */
const LISTENER = `
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if sys.argv[2] == 'passed' else socket.SOCK_STREAM)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen()
say('ready')
while True:
    connection, _ = s.accept()
    connection.settimeout(30)
    try: data, fds, _, _ = socket.recv_fds(connection, 65536, 4)
    except ConnectionResetError: data, fds = b'', []
    for fd in fds: socket.socket(fileno=fd).close()
    say(len(data) + len(fds) > 0)
    if data and sys.argv[2] == 'http': connection.sendall(b'HTTP/1.1 204 No Content\\r\\n\\r\\n')
    elif data and sys.argv[2] != 'passed': connection.sendall(b'served')
    connection.close()
`;

/** A directory in which everybody may make names, as /tmp. */
function open(t: TestContext): string {
  const directory = join(ownDirectory(t), 'open');
  mkdirSync(directory);
  chmodSync(directory, 0o1777);
  return directory;
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

for (const [title, form, options] of [
  ['bytes', 'stream', []],
  ['bytes under the client’s own ids', 'stream', ['--as-peer']],
  ['bytes and descriptors', 'stream', ['--pass-fds']],
  ['a header of who it is', 'stream', ['--proxy-protocol', 'v2']],
  ['HTTP', 'http', ['--http']],
  ['connections', 'passed', []],
] as const) {
  test(`T38: who took the path first is sent nothing of ${title}`, withOthers, async t => {
    const directory = ownDirectory(t);
    const { front } = paths(directory);
    const metrics = join(directory, 'metrics');
    const behind = join(open(t), 'behind');
    const squatter = python(t, LISTENER, { uid: 3002, gid: 3002, groups: [], args: [behind, form] });
    assert.equal(await squatter.line(), 'ready');
    const to = form === 'passed' ? ['--pass-to', behind] : ['--to', `unix:${behind}`];
    const asOurselves = form !== 'passed' && !options.some(word => word === '--as-peer');
    const knowingly = asOurselves ? ['--upstream-sees-guard'] : [];
    const running = await guard(t, [
      ...['--listen', front, '--everyone', '--upstream-user', '3001', ...to],
      ...[...options, ...knowingly, '--metrics', metrics],
    ]);
    const said = form === 'http' ? REQUEST : 'a secret';
    await ask(t, front, said);
    const { code, message = '' } = await running.entry('unserved');
    assert.equal(code, 'ERR_PEER_REFUSED');
    assert.match(message, new RegExp(`not the right server: uid 3002, pid ${squatter.child.pid}: denied`));
    assert.match(message, /uid is 3002, not 3001/);
    const told = message.split('\n')[0]?.startsWith('the server behind cannot be reached') ?? false;
    assert.equal(told, form === 'http');
    const { body } = await askHttp(metrics);
    assert.match(body, /^sockcred_guard_unserved_total\{code="ERR_PEER_REFUSED"\} 1$/m);
    assert.equal(await squatter.line(), 'False');
    squatter.child.kill();
    await squatter.exited;
    rmSync(behind);
    const server = python(t, LISTENER, { uid: 3001, gid: 3001, groups: [], args: [behind, form] });
    assert.equal(await server.line(), 'ready');
    await ask(t, front, said);
    assert.equal(await server.line(), 'True');
  });
}

test('a guard says where others could listen in place of the server', withOthers, async t => {
  const { front } = paths(ownDirectory(t));
  const noted = async (behind: string, ...more: readonly string[]) => {
    const words = ['--listen', front, '--everyone', '--upstream-sees-guard', '--to', `unix:${behind}`];
    const running = await guard(t, [...words, ...more]);
    const { stderr } = await end(running);
    return /note: (.*), so that another server could listen behind/.exec(stderr)?.[1];
  };
  const directory = open(t);
  assert.equal(await noted(join(directory, 'behind')), `${directory} can be written by others`);
  assert.equal(await noted('@behind'), '@behind: anybody can listen at an abstract name');
  assert.equal(await noted(join(directory, 'behind'), '--upstream-user', 'root'), undefined);
  const closed = join(directory, 'closed');
  mkdirSync(closed, { mode: 0o755 });
  assert.equal(await noted(join(closed, 'behind')), undefined, 'others cannot move it out of a sticky one');
  chmodSync(directory, 0o777);
  assert.equal(await noted(join(closed, 'behind')), `${directory} can be written by others`);
});

test('--upstream-user is of sockets, and of users that exist', { skip: needs('linux') }, async t => {
  const started = async (...words: readonly string[]) => {
    const { status, stderr } = await run(t, ['guard', '--listen', '@unused', '--everyone', ...words]);
    assert.equal(status, 2);
    return stderr.split('\n').find(line => line.includes('--upstream-user'));
  };
  assert.match(
    (await started('--upstream-user', 'root', '--to', 'tcp:127.0.0.1:1')) ?? '',
    /--upstream-user: no kernel tells/,
  );
  assert.match((await started('--upstream-user', 'root', '--', 'cat')) ?? '', /--upstream-user: a program/);
  assert.match(
    (await started('--upstream-user', 'no-such-user', '--upstream-sees-guard', '--to', 'unix:/x')) ?? '',
    /--upstream-user: there is no user 'no-such-user' here/,
  );
});
