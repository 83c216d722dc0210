// What does a gate cost an HTTP server? The same server, once listening by
// itself and once behind a gate, asked by the same clients in turns: a request
// per connection, and many requests on connections that stay. And refusals:
// connections per second of a peer that may not come in. A busy machine slows
// both sides; compare the ratios, and the server's processor time first: it
// does not count the time of others.
//
//   node packages/sockcred/bench/gate.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROUNDS = 24;
const WARM_ROUNDS = 6;
const ROUND_MS = 200;
const PARALLEL = 16;

/** Serves at two paths from one process: with a gate and without. */
const SERVER = `
  import { createServer } from 'node:http';
  import { createServer as createNetServer } from 'node:net';
  import { definePolicy, sameUserOnly } from 'sockcred/authorization';
  import { createGate } from 'sockcred/gate';
  const [plain, gated, closed] = process.argv.slice(1);
  const serve = () => createServer((request, response) => response.end('ok'));
  serve().listen(plain, async () => {
    await createGate({ authorize: sameUserOnly() }).handTo(serve()).listen(gated);
    await createGate({ authorize: definePolicy({ rules: [] }) }).handTo(serve()).listen(closed);
    createNetServer(socket => socket.destroy()).listen(closed + '-plain', () => console.log('ready'));
  });
  process.stdin.on('data', () => {
    const { user, system } = process.cpuUsage();
    console.log(user + system);
  });`;

/** A client that does as much as it can in a time, and says how often. */
const CLIENT = `
  import { Agent, request } from 'node:http';
  import { connect } from 'node:net';
  import { createInterface } from 'node:readline';
  const agents = { kept: new Agent({ keepAlive: true, maxSockets: ${PARALLEL} }) };
  const ways = {
    kept: path => http(path, agents.kept),
    each: path => http(path, false),
    connect: path => new Promise(done => connect(path).on('error', () => {}).on('close', done).resume()),
  };
  function http(socketPath, agent) {
    return new Promise((done, failed) => {
      request({ socketPath, agent }, response => response.resume().on('end', done)).on('error', failed).end();
    });
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const [way, path] = line.split(' ');
    const begin = performance.now();
    const end = begin + ${ROUND_MS};
    let count = 0;
    await Promise.all(Array.from({ length: ${PARALLEL} }, async () => {
      while (performance.now() < end) { await ways[way](path); count++; }
    }));
    agents.kept.destroy();
    console.log(JSON.stringify({ count, rate: count / (performance.now() - begin) * 1000 }));
  }`;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function program(text, ...args) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', text, ...args], {
    cwd: new URL('.', import.meta.url),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function serverTime() {
  server.child.stdin.write('?');
  return Number((await server.lines.next()).value);
}

/** Requests per second, and microseconds of the server's processor time for each. */
async function measure(way, path) {
  const before = await serverTime();
  client.child.stdin.write(`${way} ${path}\n`);
  const { count, rate } = JSON.parse((await client.lines.next()).value);
  return { rate, time: ((await serverTime()) - before) / count };
}

async function compare(way, plain, gated) {
  const rows = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Taking turns at who begins, so that neither always has the warmer machine.
    const turns = round % 2 === 0 ? ['plain', 'gated'] : ['gated', 'plain'];
    const row = {};
    for (const turn of turns) row[turn] = await measure(way, turn === 'plain' ? plain : gated);
    if (round >= WARM_ROUNDS) rows.push(row);
  }
  const middle = (side, figure) => median(rows.map(row => row[side][figure]));
  return {
    rates: [middle('plain', 'rate'), middle('gated', 'rate')],
    times: [middle('plain', 'time'), middle('gated', 'time')],
    slower: median(rows.map(({ plain, gated }) => plain.rate / gated.rate - 1)),
    dearer: median(rows.map(({ plain, gated }) => gated.time / plain.time - 1)),
  };
}

const percent = share => `${(share * 100).toFixed(1)} %`;

function line(what, { rates, times, slower, dearer }, goal) {
  const verdict =
    goal === undefined ? '' : `   goal under ${percent(goal)}: ${dearer < goal ? 'reached' : 'MISSED'}`;
  console.log(what);
  console.log(
    `  per second       ${rates.map(rate => rate.toFixed(0)).join(' / ')} with a gate: ${percent(slower)}`,
  );
  console.log(
    `  processor, us    ${times.map(time => time.toFixed(1)).join(' / ')} with a gate: ${percent(dearer)}${verdict}`,
  );
}

const directory = mkdtempSync(join(tmpdir(), 'sockcred-bench-'));
const [plain, gated, closed] = ['plain', 'gated', 'closed'].map(name => join(directory, name));
const server = program(SERVER, plain, gated, closed);
await server.lines.next();
const client = program(CLIENT);
try {
  line('HTTP, a connection per request', await compare('each', plain, gated), 0.05);
  line('HTTP, connections that stay', await compare('kept', plain, gated), 0.02);
  line('connections that are closed at once', await compare('connect', `${closed}-plain`, closed));
} finally {
  client.child.kill();
  server.child.kill();
  await once(server.child, 'exit');
  rmSync(directory, { recursive: true, force: true });
}
