/**
 * The server that support/pid-reuse.c attacks, first process of a pid
 * namespace. Holds each peer, then reads it as long as the attack goes on, and
 * prints one JSON line: how often each thing was seen.
 */

import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { PeerError } from 'sockcred';
import { peerApplication, peerCgroup } from 'sockcred/application';
import { type Fact, type PeerProcess, peerProcess } from 'sockcred/process';

const [path = '', attacker = '', rounds = '', root = '', victim = '', ...cgroups] = process.argv.slice(2);
const [, victimsCgroup] = cgroups;

interface Counts {
  right: number;
  refused: number;
  wrong: number;
}

/** What the test looks at. */
export interface ReuseTally {
  readonly rounds: number;
  /** Rounds in which the number was given to the imposter. */
  readonly hits: number;
  /** Of each way to look, by its name: reads that gave the victim, an error or nothing, and somebody else. */
  readonly looks: Readonly<Record<string, Counts>>;
  /** How often reading by the bare number gives somebody else, as a measure of the attack. */
  readonly fooledByNumber: number;
}

/** The last of them: a process that is just ending has no root directory any more, and has not ended yet. */
const REFUSALS = ['ERR_PEER_GONE', 'ERR_PEER_RACED', 'ERR_PEER_APPLICATION'];

/** Errors of procfs itself, in a function of ours that reads there. */
const ERRNOS = ['ENOENT', 'ESRCH', 'EACCES'];

/** Is it the victim? Undefined where something is not told. */
type Verdict = boolean | undefined;

const utsHere = readlinkSync('/proc/self/ns/uts');

const isVictimsCgroup = (text: string): boolean =>
  victimsCgroup === undefined || victimsCgroup.endsWith(text.replace(/ \(deleted\)$/, ''));

function all(...verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

const told = <T>(fact: Fact<T>, isVictims: (value: T) => Verdict): Verdict =>
  fact.known ? isVictims(fact.value) : undefined;

/** Whoever is ending has no arguments any more. */
const areVictims = (words: readonly string[]): Verdict =>
  words.length === 0 ? undefined : words[0] === 'victim' && words[1] === path;

const LOOKS: Readonly<Record<string, (held: PeerProcess) => Verdict>> = {
  status: held => /^Name:\tvictim$/m.test(held.read(files => files.text('status'))),
  flatpak: held => peerApplication(held, { engines: ['flatpak'] }).claims.length === 0,
  description(held) {
    const { executable, commandLine, namespaces } = held.describe();
    return all(
      told(executable, file => file.path === victim),
      told(commandLine, areVictims),
      told(namespaces, ({ uts }) => `uts:[${uts}]` === utsHere),
    );
  },
  application(held) {
    const { claims, cgroup } = peerApplication(held);
    const wrong = claims.some(({ engine }) => engine === 'flatpak' || engine === 'container');
    return !wrong && isVictimsCgroup(cgroup?.path ?? '');
  },
  cgroup: held => isVictimsCgroup(peerCgroup(held).path),
  files: held =>
    held.read(files =>
      all(
        /^Name:\tvictim$/m.test(files.text('status')),
        files.link('exe') === victim,
        files.link('root') === '/',
        files.link('ns/uts') === utsHere,
        areVictims(files.text('cmdline').split('\0').slice(0, -1)),
        isVictimsCgroup(/^0::(.*)$/m.exec(files.text('cgroup'))?.[1] ?? ''),
      ),
    ),
  drift: held => held.drift().every(({ what }) => what === 'exited'),
};
const NAMES = Object.keys(LOOKS);

const tally = {
  rounds: 0,
  hits: 0,
  looks: Object.fromEntries(
    NAMES.map((name): [string, Counts] => [name, { right: 0, refused: 0, wrong: 0 }]),
  ),
  fooledByNumber: 0,
} satisfies ReuseTally;

/** One way of looking in each round, so that ten thousand of them take no long time; none is only for one kind of round. */
const nameOf = (round: number) => NAMES[(round >> 2) % NAMES.length] as string;

function lookAt(held: PeerProcess, round: number): void {
  count(
    nameOf(round),
    unlessRefused(() => LOOKS[nameOf(round)]?.(held)),
  );
  try {
    if (/^Name:\timposter$/m.test(readFileSync(`/proc/${held.pid}/status`, 'utf8'))) tally.fooledByNumber++;
  } catch {
    // Nobody has the number at this moment.
  }
}

/** What a question gives; undefined where it is refused. Anything else ends the server, and the test with it. */
function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const expected = error instanceof PeerError ? REFUSALS : ERRNOS;
    if (!expected.includes(code)) throw error;
    return undefined;
  }
}

function count(name: string, verdict: Verdict): void {
  const counts = tally.looks[name] as Counts;
  if (verdict === undefined) counts.refused++;
  else if (verdict) counts.right++;
  else counts.wrong++;
}

let waiting: (() => void) | undefined;

function answer(socket: Socket, acknowledge: () => void): void {
  const round = tally.rounds++;
  const held = unlessRefused(() => peerProcess(socket));
  const finish = () => {
    if (held === undefined) count(nameOf(round), undefined);
    else lookAt(held, round);
    held?.close();
    socket.destroy();
    acknowledge();
  };
  // Before it is told to end the victim is there for certain.
  if (round % 4 === 2 && held !== undefined) lookAt(held, round);
  if (round % 4 >= 2) socket.write('x');
  if (round % 4 === 3) {
    waiting = finish;
    return;
  }
  finish();
}

const server = createServer({ pauseOnConnect: true });
server.listen({ path, writableAll: true, readableAll: true }, () => {
  const child = spawn(attacker, [path, rounds, root, victim, ...cgroups], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
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
