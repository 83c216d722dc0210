/**
 * Many connections of one user at the same time. Each has to be told this user's
 * own ids, and to get back what it sends. Commands on standard input: `open N`,
 * `close`. Answers are lines of JSON.
 */

import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const path = process.argv[2] ?? '';
const OURS = `${process.getuid?.()} ${process.getgid?.()} ${[...new Set([process.getgid?.() ?? -1, ...(process.getgroups?.() ?? [])])].sort((a, b) => a - b).join(',')}`;

/** How a connection went so far. */
type Outcome = 'right' | 'wrong' | 'closed';

const open = new Set<Socket>();
/** Connections that were cut after they had been served. */
let cut = 0;
let serial = 0;

/** Tries until the backlog has room: connect(2) says EAGAIN where it has none. */
function attempt(done: (outcome: Outcome, said: string) => void): void {
  const socket = connect(path);
  const question = `${process.pid} ${++serial} ${'x'.repeat((serial * 37) % 4000)}.`;
  const expected = `${OURS}\n${question}`;
  let said = '';
  let settled = false;
  const settle = (outcome: Outcome) => {
    if (settled) return;
    settled = true;
    done(outcome, said);
  };
  socket.setEncoding('latin1');
  socket.on('connect', () => socket.write(question));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EAGAIN' || settled) return;
    settled = true;
    setTimeout(() => attempt(done), 20 + (serial % 50));
  });
  socket.on('data', (data: string) => {
    said += data;
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
  await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<void>(done =>
          attempt((outcome, said) => {
            counts[outcome]++;
            if (outcome === 'wrong') samples.push(said.slice(0, 80));
            done();
          }),
        ),
    ),
  );
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
