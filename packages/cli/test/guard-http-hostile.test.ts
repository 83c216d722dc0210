/** `sockcred guard --http` between hostile clients and hostile servers: it goes on, forgets nobody, and ends as it should. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { connection, exchange } from './support/clients.js';
import { end } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths, type RunningGuard, server } from './support/guards.js';

const onLinux = { skip: needs('linux') };
const HEAD = 'HTTP/1.1\r\nHost: a\r\n';
const GET = `GET / ${HEAD}\r\n`;
const UPGRADE = `GET / ${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
const CONNECT = `CONNECT a:1 ${HEAD}\r\n`;

interface Guarded {
  readonly front: string;
  readonly running: RunningGuard;
}

async function guarded(t: TestContext, serve: (socket: Socket) => void, ...more: string[]): Promise<Guarded> {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, serve);
  const words = ['--listen', front, '--same-user', '--http', '--to', `unix:${behind}`];
  return { front, running: await guard(t, [...words, '--upstream-sees-guard', '--grace', '600', ...more]) };
}

/** A server that says this to every head, and closes then. */
function answering(...parts: string[]): (socket: Socket) => void {
  return socket => {
    socket.once('data', () => socket.end(Buffer.from(parts.join(''), 'latin1')));
  };
}

/** Nobody is left in it, though it would wait for them, and each has its two lines. */
async function unharmed({ running }: Guarded, connections: number): Promise<void> {
  const { status, stderr } = await end(running);
  assert.equal(status, 0);
  for (const line of stderr.trimEnd().split('\n')) assert.match(line, /^sockcred guard: (?:note|listening)/);
  const numbers = (event: string) =>
    running
      .entries()
      .filter(entry => entry.event === event)
      .map(entry => entry.connection ?? 0)
      .sort((one, other) => one - other);
  assert.equal(numbers('admitted').length, connections);
  assert.deepEqual(numbers('ended'), numbers('admitted'));
}

/** Sends bytes and goes: after it has finished, or at once, or after a moment. */
async function sendAndGo(t: TestContext, path: string, bytes: string, round: number): Promise<void> {
  const socket = await connection(t, path);
  const closed = new Promise(done => socket.once('close', done));
  socket.resume().write(bytes);
  await new Promise(done => setTimeout(done, [0, 1, 2, 10][round % 4]));
  if (round % 5 > 0) socket.end();
  else socket.destroy();
  await closed;
}

test('clients that send ahead and finish, or go, end nothing but their connection', onLinux, async t => {
  // A connection that it would keep is closed just when it is used again.
  const http = createServer({ keepAliveTimeout: 1 }, (_request, response) => response.end('ok'));
  const subject = await guarded(t, socket => void http.emit('connection', socket));
  const sent = [GET, GET + GET, GET + GET + GET, GET + UPGRADE, UPGRADE, GET + CONNECT];
  let count = 0;
  for (let round = 0; round < 30; round++) {
    await Promise.all(sent.map(bytes => sendAndGo(t, subject.front, bytes, round)));
    count += sent.length;
  }
  assert.match(
    await exchange(t, subject.front, `GET / ${HEAD}Connection: close\r\n\r\n`),
    /^HTTP\/1\.1 200 /,
  );
  await unharmed(subject, count + 1);
  const strange = subject.running
    .entries()
    .filter(({ code }) => typeof code === 'number' || code === 'AbortError');
  assert.deepEqual(strange, []);
});

test('what Node would answer by itself is answered in its turn', onLinux, async t => {
  const subject = await guarded(t, socket => void socket.resume());
  const odd = [`GET / ${HEAD}Expect: foo\r\n\r\n`, 'GET / HTTP/1.1\r\n\r\n'];
  let count = 0;
  for (const request of odd) {
    const status = request.includes('Expect') ? 417 : 400;
    assert.match(await exchange(t, subject.front, request), new RegExp(`^HTTP/1\\.1 ${status} `));
    count++;
    for (const last of [UPGRADE, CONNECT]) {
      for (const times of [1, 3]) {
        // Never the last one's answer where the first one's should be.
        const reply = await exchange(t, subject.front, request.repeat(times) + last);
        assert.match(reply, new RegExp(`^(HTTP/1\\.1 ${status} |$)`));
        count++;
      }
    }
  }
  await unharmed(subject, count);
});

test('hints of every form are passed on, or left out', onLinux, async t => {
  const hints = [
    'Link: </s.css>; rel=preload; as=style, </b,c.js>; rel="preload, x"\r\n',
    'Link: no link\r\nLink: <\r\n',
    'Link: <a>; b="\r\nLink: \x80<>;;;\r\n',
    '',
  ];
  for (const hint of hints) {
    const early = `HTTP/1.1 103 Early Hints\r\n${hint}\r\nHTTP/1.1 102 Processing\r\n\r\n`;
    const subject = await guarded(t, answering(early, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const reply = await exchange(t, subject.front, `GET / ${HEAD}Connection: close\r\n\r\n`);
    assert.match(reply, /HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
    if (hint === hints[0]) {
      assert.match(
        reply,
        /^HTTP\/1\.1 103 Early Hints\r\n[\s\S]*<\/s\.css>; rel=preload; as=style, <\/b,c\.js>; rel="preload, x"\r\n/,
      );
    }
    await unharmed(subject, 1);
  }
});

test('a reason with control characters is 502, also for who asks to upgrade', onLinux, async t => {
  const subject = await guarded(t, answering('HTTP/1.1 200 \x01\r\nContent-Length: 2\r\n\r\nok'));
  for (const request of [GET, UPGRADE]) {
    assert.match(await exchange(t, subject.front, request), /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  }
  await unharmed(subject, 2);
});

test('who asks for a tunnel and goes on talking is gone after the answer', onLinux, async t => {
  const subject = await guarded(t, socket => void socket.resume());
  const open = async (late: boolean) => {
    const socket = await connection(t, subject.front);
    let reply = '';
    socket.setEncoding('latin1').on('data', (data: string) => {
      reply += data;
      if (late) socket.write('x');
    });
    socket.write(late ? CONNECT : `${CONNECT}x`);
    await new Promise(closed => socket.once('close', closed));
    assert.match(reply, /^HTTP\/1\.1 405 /);
  };
  for (let round = 0; round < 6; round++) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => open(index % 2 === 0)));
  }
  await unharmed(subject, 300);
});
