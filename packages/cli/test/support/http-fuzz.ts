/**
 * A guard with `--http` between clients of several users and a server that are
 * all nearly right. Nothing that they say may end it, stay in it, or be taken for what the guard says.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runAs, start } from '../../../sockcred/build/support/peers.js';
import { ask } from './clients.js';
import { end } from './command.js';
import { ownDirectory } from './directories.js';
import { guard, paths, type RunningGuard } from './guards.js';
import { mutated, oneOf, type Random, randomFrom } from './mutations.js';

export interface Fuzz {
  readonly seed: number;
  readonly milliseconds: number;
  /** Of each user. */
  readonly connections?: number;
  readonly say: (line: string) => void;
}

const USERS = [3001, 3002, 3003];
const DENIED = 3666;

const LINK = '</s.css>; rel=preload; as=style, </b.js>; rel=preload';
const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n',
  `HTTP/1.1 103 Early Hints\r\nLink: ${LINK}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'HTTP/1.1 101 Sw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\nabc',
  'HTTP/1.1 304 NM\r\nETag: "x"\r\nContent-Length: 50\r\n\r\n',
  'HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.0 200 OK\r\n\r\nbody',
  'HTTP/1.1 200 \x01\r\nContent-Length: 2\r\n\r\nok',
];

/** A guard breaks off what its client broke off. Any other fault of the parser is the guard's. */
const BROKEN_OFF = 'HPE_INVALID_EOF_STATE';

/** A server that reads requests strictly, and answers them nearly right. Gives what was wrong with requests. */
async function mutatingServer(t: TestContext, path: string, random: Random): Promise<readonly string[]> {
  const faults: string[] = [];
  const users = new WeakMap<object, string>();
  const answer = (request: IncomingMessage) => {
    const { socket, rawHeaders } = request;
    const names = rawHeaders.filter((name, index) => index % 2 === 0 && /^sockcred[^a-z0-9]/i.test(name));
    const said = request.headers['sockcred-peer'];
    const uid = /^1;uid=([0-9]+);/.exec(String(said))?.[1] ?? '';
    if (names.length !== 1 || !USERS.includes(Number(uid)) || (users.get(socket) ?? uid) !== uid) {
      faults.push(`${uid} on a connection of ${users.get(socket)}: ${rawHeaders.join(' ')}`);
    }
    users.set(socket, uid);
    request.on('error', () => {}).resume();
    const bytes = mutated(oneOf(random, ANSWERS), random, 3);
    const first = random(bytes.length + 1);
    socket.write(bytes.subarray(0, first));
    const rest = () => {
      if (!socket.writable) return;
      socket.write(bytes.subarray(first));
      if (random(3) === 0) socket.end();
    };
    if (random(3) === 0) setTimeout(rest, 2);
    else rest();
  };
  const server = createServer({ insecureHTTPParser: false }, answer);
  server.on('connection', socket => socket.on('error', () => {}));
  server.on('checkContinue', answer).on('upgrade', answer);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code?.startsWith('HPE_') === true && error.code !== BROKEN_OFF)
      faults.push(`${error.code}: ${error.message}`);
    socket.destroy();
  });
  server.listen({ path, writableAll: true, readableAll: true });
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return faults;
}

async function client(t: TestContext, path: string, uid: number, words: readonly string[]): Promise<number> {
  const file = fileURLToPath(new URL('./http-fuzz-client.js', import.meta.url));
  const child = start(t, [...runAs({ uid, gid: uid, groups: [] }), process.execPath, file, path, ...words]);
  if (child.stdout === null) throw new Error('no stdout');
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return Number(said);
}

const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** Waits for what has to come: nothing but the time that a test may take limits it. */
async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise(done => setTimeout(done, 50));
}

function assertEnds(running: RunningGuard, made: number): void {
  const seen = (event: string) => running.entries().filter(entry => entry.event === event);
  const ends = new Map<number, number>();
  for (const { connection = 0 } of seen('ended')) ends.set(connection, (ends.get(connection) ?? 0) + 1);
  const admitted = seen('admitted');
  assert.equal(admitted.length, made, 'each connection was admitted');
  for (const { connection = 0 } of admitted)
    assert.equal(ends.get(connection), 1, `the ends of ${connection}`);
  assert.equal(ends.size, admitted.length, 'nobody else has an end');
}

/** Throws if anything is as it should not be. */
export async function fuzzGuard(
  t: TestContext,
  { seed, milliseconds, connections, say }: Fuzz,
): Promise<void> {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const metrics = join(directory, 'metrics');
  const faults = await mutatingServer(t, behind, randomFrom(seed));
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--deny-user', `${DENIED}`, '--http'];
  const more = ['--upstream-sees-guard', '--response-timeout', '1', '--grace', '600', '--metrics', metrics];
  const running = await guard(t, [...words, ...more, '--to', `unix:${behind}`]);
  const idle = async () => /^sockcred_guard_connections 0$/m.test((await ask(metrics)).body);
  const run = (uid: number, time: number, most: number) =>
    client(t, front, uid, [`${seed + uid}`, `${time}`, `${most}`]);

  // Whatever is opened once is open then.
  let made = await run(USERS[0] ?? 0, 60_000, 20);
  await until(idle);
  const before = descriptorsOf(running.pid);
  const most = connections ?? Number.MAX_SAFE_INTEGER;
  const denied = run(DENIED, milliseconds, most);
  for (const count of await Promise.all(USERS.map(uid => run(uid, milliseconds, most)))) made += count;
  say(`seed ${seed}: ${made} connections were let in, ${await denied} were not`);

  await until(idle);
  await until(async () => descriptorsOf(running.pid) <= before);
  const { status, stderr } = await end(running);
  assert.equal(status, 0);
  for (const line of stderr.trimEnd().split('\n')) assert.match(line, /^sockcred guard: (?:note|listening)/);
  assert.deepEqual(faults.slice(0, 5), [], `${faults.length} faults`);
  assertEnds(running, made);
}
