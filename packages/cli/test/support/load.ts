/**
 * Many connections of several users through one guard, some of them denied,
 * while clients and the server behind are killed. What is counted must add up, nobody may
 * be told the ids of somebody else, and afterwards nothing may be left.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Identity, runAs, start } from '../../../sockcred/build/support/peers.js';
import { ask as askHttp } from './clients.js';
import { end } from './command.js';
import { ownDirectory } from './directories.js';
import { paths, startGuard } from './guards.js';
import { type Held, heldBy } from './held.js';
import { killPrograms, type LoadWay, WAYS } from './load-ways.js';

export interface Load {
  readonly way: LoadWay;
  /** At the same time; every twentieth is denied. */
  readonly connections: number;
  /** How often all of that is done. */
  readonly rounds: number;
  readonly say: (line: string) => void;
  /** Of the guard: a small heap is collected often, so that what grows is seen, or ends it. */
  readonly nodeOptions?: string;
}

const USERS = [
  { uid: 3001, gid: 5001, groups: [44] },
  { uid: 3002, gid: 5002, groups: [] },
  { uid: 3003, gid: 5003, groups: [27, 44, 5001] },
  { uid: 3004, gid: 5001, groups: [5002, 5003] },
] as const;
const DENIED = { uid: 3666, gid: 5001, groups: [44] } as const;
/** Of this user there is a process more, which is killed. */
const VICTIM = { uid: 3005, gid: 5005, groups: [44] } as const;

interface Asked {
  readonly right: number;
  readonly wrong: number;
  readonly closed: number;
  readonly cut: number;
  readonly samples?: readonly string[];
}

interface Worker {
  readonly child: ChildProcess;
  next(): Promise<string>;
  ask(command: string): Promise<Asked>;
  kill(): Promise<void>;
}

function program(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

function worker(t: TestContext, name: string, words: readonly string[], identity: Identity = {}): Worker {
  const child = start(t, [...runAs(identity), process.execPath, program(name), ...words]);
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} ended`);
    return value as string;
  };
  return {
    child,
    next,
    async ask(command) {
      child.stdin?.write(`${command}\n`);
      return JSON.parse(await next()) as Asked;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function metric(path: string, name: string): Promise<number> {
  const { body } = await askHttp(path);
  return Number(new RegExp(`^sockcred_guard_${name} (\\d+)$`, 'm').exec(body)?.[1]);
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise(done => setTimeout(done, 20));
}

/** Lines of the audit log by event and user. */
function counted(file: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const { event, peer } = JSON.parse(line);
    const key = peer === undefined ? event : `${event} ${peer.uid}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Throws if anything does not add up. Gives what the guard held after each round. */
export async function loadGuard(
  t: TestContext,
  { way, connections, rounds, say, nodeOptions }: Load,
): Promise<readonly Held[]> {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const metrics = join(directory, 'metrics');
  const audit = join(directory, 'audit');
  const { words: behindIt, hasServer, most } = WAYS[way];
  const startBackend = async () => {
    if (!hasServer) return undefined;
    const started = worker(t, 'load-backend', [behind, way]);
    await started.next();
    return started;
  };
  let backend = await startBackend();
  const client = (user: Identity) =>
    worker(t, 'load-client', [front, way === 'http' ? 'http' : 'bytes', `${most}`], user);
  const words = [
    '--listen',
    front,
    '--mode',
    '0666',
    '--everyone',
    '--deny-user',
    `${DENIED.uid}`,
    '--connections-per-uid',
    '1000000',
    '--audit-repeats',
    '1000000',
    '--metrics',
    metrics,
    '--audit',
    audit,
    ...behindIt(behind),
  ];
  const guard = startGuard(t, words, {
    env: nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions },
  });
  await until(async () =>
    metric(metrics, 'connections').then(
      () => true,
      () => false,
    ),
  );
  const workers = USERS.map(client);
  const denied = client(DENIED);
  const share = Math.floor((connections * 0.95) / (USERS.length + 1));
  const turnedAway = connections - share * (USERS.length + 1);
  const admitted = new Map<number, number>();
  const held: Held[] = [];
  /** Once nobody is there, and the connection that asked for that has gone as well. */
  const idle = async (descriptors?: number) => {
    await until(async () => (await metric(metrics, 'connections')) === 0);
    for (let look = 0; look < 50; look++) {
      if (descriptors !== undefined && heldBy(guard.pid).descriptors <= descriptors) break;
      await new Promise(done => setTimeout(done, 20));
    }
    return heldBy(guard.pid);
  };

  // One of each first: whatever is opened once is open then.
  for (const one of workers) assert.equal((await one.ask('open 1')).right, 1);
  for (const one of workers) await one.ask('close');
  const before = await idle();

  for (let round = 0; round < rounds; round++) {
    const victim = client(VICTIM);
    const refusal = denied.ask(`open ${turnedAway}`);
    const opened = await Promise.all([...workers, victim].map(one => one.ask(`open ${share}`)));
    for (const { right, wrong, closed, samples } of opened) {
      assert.deepEqual({ right, wrong, closed, samples }, { right: share, wrong: 0, closed: 0, samples: [] });
    }
    const { right, wrong, closed } = await refusal;
    assert.deepEqual({ right, wrong, closed }, { right: 0, wrong: 0, closed: turnedAway });
    assert.equal(await metric(metrics, 'connections'), share * opened.length);
    say(
      `round ${round + 1}: ${share * opened.length} open, ${turnedAway} denied, ${JSON.stringify(heldBy(guard.pid))}`,
    );

    const whenever = () => new Promise(done => setTimeout(done, Math.random() * 30));
    await whenever();
    await victim.kill();
    await until(async () => (await metric(metrics, 'connections')) === share * workers.length);
    const dies = round % 2 === 1;
    if (dies) {
      // In the middle of more connections being made: those are served or cut, and never somebody else's.
      const more = workers.map(one => one.ask('open 20'));
      await whenever();
      if (backend === undefined) killPrograms(guard.child);
      await backend?.kill();
      for (const { wrong: mixed, samples } of await Promise.all(more))
        assert.deepEqual([mixed, samples], [0, []]);
      backend = await startBackend();
    }
    for (const one of workers) {
      const { cut } = await one.ask('close');
      if (dies) assert.ok(cut >= share, `${cut} of ${share} were cut`);
      else assert.equal(cut, 0);
    }
    const after = await idle(before.descriptors);
    held.push(after);
    say(`round ${round + 1}: ended, ${JSON.stringify(after)}`);
    // A program to which connections are passed may have died with the connection to it.
    assert.ok(after.descriptors <= before.descriptors, `${after.descriptors} descriptors are left`);
    assert.ok(after.pipes <= before.pipes + 128, `${after.pipes} pipes are left`);
    for (const { uid } of USERS) admitted.set(uid, (admitted.get(uid) ?? 0) + share + (dies ? 20 : 0));
    admitted.set(VICTIM.uid, (admitted.get(VICTIM.uid) ?? 0) + share);
  }

  assert.equal((await end(guard)).status, 0);
  const counts = counted(audit);
  assert.equal(counts.get(`denied ${DENIED.uid}`), turnedAway * rounds);
  assert.equal(counts.get(`admitted ${DENIED.uid}`), undefined);
  for (const [uid, number] of admitted) {
    const first = uid === VICTIM.uid ? 0 : 1;
    assert.equal(counts.get(`admitted ${uid}`), number + first, `connections of ${uid}`);
  }
  const all = [...admitted.values()].reduce((sum, one) => sum + one, 0) + USERS.length;
  assert.equal(counts.get('ended'), all, 'each connection has an end');
  return held;
}
