/** Clients that are not curl: each is told who it is. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { python, runAs, start } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { connection } from './support/clients.js';
import { needsOtherUsers, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const user = { uid: 3001, gid: 5001, groups: [44] };
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

async function server(t: TestContext): Promise<string> {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path, '--mode', '0666']);
  return path;
}

/** Gives a program a request on stdin, and no more; returns its pid and what it writes. */
async function spoken(t: TestContext, words: readonly string[], request: string) {
  const child = start(t, [...runAs(user), ...words]);
  if (child.stdout === null || child.stdin === null) throw new Error('no pipes');
  child.stdin.end(request);
  const [, said] = await Promise.all([once(child, 'close'), text(child.stdout)]);
  return { pid: child.pid, said };
}

test('socat is told who it is', { skip: needsOtherUsers('socat') }, async t => {
  const path = await server(t);
  const words = [programPath('socat'), '-t60', '-', `UNIX-CONNECT:${path}`];
  const { pid, said } = await spoken(t, words, REQUEST);
  assert.match(said, /^HTTP\/1\.1 200 /);
  assert.match(said, new RegExp(`uid 3001, gid 5001, pid ${pid}\\b`));
});

test('nc is told who it is', { skip: needsOtherUsers('nc') }, async t => {
  const path = await server(t);
  const { pid, said } = await spoken(t, [programPath('nc'), '-U', path], REQUEST);
  assert.match(said, /^HTTP\/1\.1 200 /);
  assert.match(said, new RegExp(`uid 3001, gid 5001, pid ${pid}\\b`));
});

test('HTTP/1.0 without any header is answered, and the connection closed', {
  skip: needsOtherUsers('nc'),
}, async t => {
  const path = await server(t);
  const { pid, said } = await spoken(t, [programPath('nc'), '-U', path], 'GET / HTTP/1.0\r\n\r\n');
  assert.match(said, /^HTTP\/1\.[01] 200 /);
  assert.match(said, new RegExp(`uid 3001, gid 5001, pid ${pid}\\b`));
});

test('Python that sends raw HTTP and shuts its end down is told who it is', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const script = `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
s.shutdown(socket.SHUT_WR)
answer = b''
while chunk := s.recv(65536):
    answer += chunk
say(answer.decode().replace('\\r', '').replace('\\n', '|'))
`;
  const peer = python(t, script, { ...user, args: [await server(t)] });
  const said = await peer.line();
  assert.match(said, /^HTTP\/1\.1 200 /);
  assert.match(said, new RegExp(`uid 3001, gid 5001, pid ${peer.child.pid}\\b`));
  assert.match(said, /\|groups +44 5001 /);
});

test('a request that arrives one byte at a time is answered', { skip: needs('linux') }, async t => {
  const socket = await connection(t, await server(t));
  socket.setNoDelay?.(true);
  for (const byte of REQUEST) await new Promise(done => socket.write(byte, done));
  assert.match(await text(socket), new RegExp(`^HTTP/1\\.1 200 [^]*pid ${process.pid}\\b`));
});

test('requests in a row on one connection are all answered alike', { skip: needs('linux') }, async t => {
  const socket = await connection(t, await server(t));
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20) + REQUEST);
  const answers = (await text(socket)).split('HTTP/1.1 200 ').slice(1);
  assert.equal(answers.length, 21);
  for (const answer of answers) assert.match(answer, new RegExp(`pid ${process.pid}\\b`));
});

test('an identity is that of connect(2), whatever the client becomes before it asks', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const script = `
s = socket.socket(socket.AF_UNIX)
os.setgroups([44])
os.setegid(5001)
os.seteuid(3001)
s.connect(sys.argv[1])
os.seteuid(0)
os.setgroups([])
os.setresgid(6001, 6001, 6001)
os.setresuid(4001, 4001, 4001)
s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
answer = b''
while chunk := s.recv(65536):
    answer += chunk
say(answer.decode().replace('\\r', '').replace('\\n', '|'))
`;
  const said = await python(t, script, { args: [await server(t)] }).line();
  assert.match(said, /uid 3001, gid 5001, /);
  assert.match(said, /\|groups +44 5001 /);
  assert.doesNotMatch(said, /\b(4001|6001)\b/);
});
