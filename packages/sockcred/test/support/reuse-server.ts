/**
 * The server that support/pid-reuse.c attacks, first process of a pid
 * namespace. Holds each peer, then reads it as long as the attack goes on, and
 * prints one JSON line: how often each thing was seen.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { PeerError } from 'sockcred';
import { peerApplication } from 'sockcred/application';
import { type PeerProcess, peerProcess } from 'sockcred/process';

const [path = '', attacker = '', rounds = '', root = ''] = process.argv.slice(2);

/** What the test looks at. */
export interface ReuseTally {
  readonly rounds: number;
  /** Rounds in which the number was given to the imposter. */
  readonly hits: number;
  /** Reads that gave the victim, that gave an error, and that gave somebody else. */
  readonly right: number;
  readonly refused: number;
  readonly wrong: number;
  /** How often reading by the bare number gives somebody else, as a measure of the attack. */
  readonly fooledByNumber: number;
}

const tally = { rounds: 0, hits: 0, right: 0, refused: 0, wrong: 0, fooledByNumber: 0 };
/** The last of them: a process that is just ending has no root directory any more, and has not ended yet. */
const REFUSALS = ['ERR_PEER_GONE', 'ERR_PEER_RACED', 'ERR_PEER_APPLICATION'];

function count(look: () => boolean): void {
  try {
    if (look()) tally.right++;
    else tally.wrong++;
  } catch (error) {
    if (!(error instanceof PeerError) || !REFUSALS.includes(error.code)) throw error;
    tally.refused++;
  }
}

/** One way of looking in each round, so that ten thousand of them take no long time. */
function lookAt(held: PeerProcess, round: number): void {
  if (((round >> 2) & 1) === 0) {
    count(() => /^Name:\tvictim$/m.test(held.read(files => files.text('status'))));
  } else {
    count(() => peerApplication(held, { engines: ['flatpak'] }).claims.length === 0);
  }
  try {
    if (/^Name:\timposter$/m.test(readFileSync(`/proc/${held.pid}/status`, 'utf8'))) tally.fooledByNumber++;
  } catch {
    // Nobody has the number at this moment.
  }
}

let waiting: (() => void) | undefined;

function answer(socket: Socket, acknowledge: () => void): void {
  const round = tally.rounds++;
  let held: PeerProcess | undefined;
  try {
    held = peerProcess(socket);
  } catch (error) {
    if (!(error instanceof PeerError) || !REFUSALS.includes(error.code)) throw error;
    tally.refused++;
  }
  const finish = () => {
    if (held !== undefined) lookAt(held, round);
    held?.close();
    socket.destroy();
    acknowledge();
  };
  if (round % 4 >= 2) socket.write('x');
  if (round % 4 === 3) {
    waiting = finish;
    return;
  }
  finish();
}

const server = createServer({ pauseOnConnect: true });
server.listen({ path, writableAll: true, readableAll: true }, () => {
  const child = spawn(attacker, [path, rounds, root], { stdio: ['pipe', 'pipe', 'inherit'] });
  server.on('connection', socket => {
    socket.on('error', () => {});
    answer(socket, () => child.stdin.write('x'));
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString('latin1');
    if (waiting === undefined) return;
    const then = waiting;
    waiting = undefined;
    then();
  });
  child.on('close', code => {
    tally.hits = Number(/hits (\d+)/.exec(said)?.[1]);
    process.stdout.write(`${JSON.stringify({ ...tally, code })}\n`);
    process.exit(code ?? 1);
  });
});
process.stdin.resume().once('end', () => process.exit());
