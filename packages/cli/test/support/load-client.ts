/**
 * Many connections of one user at the same time. Each has to be told this user's
 * own ids, and to get back what it sends. Arguments: where, in HTTP or as bytes, and how many connections may be
 * being made at a time. Commands on standard input: `open N`, `close`. Answers are lines of JSON.
 */

import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [, , path = '', way = 'bytes', most = '1000000'] = process.argv;
const isHttp = way === 'http';
const ASK = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const GO_ON = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const OURS = `${process.getuid?.()} ${process.getgid?.()} ${[...new Set([process.getgid?.() ?? -1, ...(process.getgroups?.() ?? [])])].sort((a, b) => a - b).join(',')}`;

/** How a connection went so far. */
type Outcome = 'right' | 'wrong' | 'closed';

const open = new Set<Socket>();
/** Connections that were cut after they had been served. */
let cut = 0;
let serial = 0;

/** What heads of answers go with; nothing of an answer that is none of the server behind, nor after it. */
function bodies(said: string): string {
  const own = said.replace(/(^|\n)HTTP\/1\.1 [45].*$/s, '$1');
  return own.replace(/HTTP\/1\.1 .*?\r\n\r\n/gs, '').replace(/HTTP\/1\.1 .*$/s, '');
}

/** Tries until the backlog has room: connect(2) says EAGAIN where it has none. */
function attempt(done: (outcome: Outcome, said: string) => void): void {
  const socket = connect(path);
  const question = `${process.pid} ${++serial} ${'x'.repeat((serial * 37) % 4000)}.`;
  const expected = `${isHttp ? `${OURS}\n` : ''}${OURS}\n${question}`;
  let all = '';
  let said = '';
  let goesOn = !isHttp;
  let settled = false;
  const settle = (outcome: Outcome) => {
    if (settled) return;
    settled = true;
    done(outcome, said);
  };
  socket.setEncoding('latin1');
  socket.on('connect', () => socket.write(isHttp ? ASK : question));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EAGAIN' || settled) return;
    settled = true;
    setTimeout(() => attempt(done), 20 + (serial % 50));
  });
  socket.on('data', (data: string) => {
    all += data;
    said = isHttp ? bodies(all) : all;
    if (!goesOn && said === `${OURS}\n`) {
      goesOn = true;
      socket.write(`${GO_ON}${question}`);
    }
    if (said.length < expected.length && expected.startsWith(said)) return;
    if (said !== expected) return settle('wrong');
    open.add(socket);
    settle('right');
  });
  socket.on('close', () => {
    if (open.delete(socket)) cut++;
    // What came before the end has to be the beginning of what was expected, or nothing.
    settle(expected.startsWith(said) ? 'closed' : 'wrong');
  });
}

async function openMany(count: number): Promise<void> {
  const counts = { right: 0, wrong: 0, closed: 0 };
  const samples: string[] = [];
  let left = count;
  const oneAfterTheOther = async () => {
    while (left > 0) {
      left--;
      await new Promise<void>(done =>
        attempt((outcome, said) => {
          counts[outcome]++;
          if (outcome === 'wrong') samples.push(said.slice(0, 80));
          done();
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, Number(most)) }, oneAfterTheOther));
  process.stdout.write(`${JSON.stringify({ ...counts, samples })}\n`);
}

async function closeAll(): Promise<void> {
  const earlier = cut;
  const sockets = [...open];
  open.clear();
  await Promise.all(
    sockets.map(
      socket =>
        new Promise<void>(done => {
          if (socket.destroyed) return done();
          socket.once('close', () => done());
          socket.end();
        }),
    ),
  );
  cut = 0;
  process.stdout.write(`${JSON.stringify({ closed: sockets.length, cut: earlier })}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  if (command === 'open') await openMany(Number(count));
  else await closeAll();
}
