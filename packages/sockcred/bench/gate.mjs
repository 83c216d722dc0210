// What does a gate cost an HTTP server? The same server twice, once listening by
// itself and once behind a gate, each in a process of its own, asked by the same
// load in turns: a request per connection, and many requests on connections that
// stay. And refusals: connections per second of a peer that may not come in. A busy
// machine slows both sides; compare the ratios, and the server's processor time
// first: it does not count the time of others, and what others do to caches shows least in
// the quicker half of the rounds, whose middle is given. How a program is laid out in memory and what its
// compiler makes of it differs from one start to the next by more than a gate costs: hence several
// starts of both, of which the middle one and the outermost ones are given. With several programs
// for each processor no figure here means anything.
//
//   node packages/sockcred/bench/gate.mjs

import { join } from 'node:path';
import { directory, load, median, startNode } from './load.mjs';

const STARTS = 7;
const ROUNDS = 12;
const WARM_ROUNDS = 4;
const SECONDS = 0.25;

/** Says how much processor time it has had. */
const CLOCK = `
  process.stdin.on('data', () => {
    const { user, system } = process.cpuUsage();
    console.log(user + system);
  });
  console.log('ready');`;

const HTTP = `
  import { createServer } from 'node:http';
  const server = createServer((request, response) => response.end('ok'));`;

const PROGRAMS = {
  plain: `${HTTP}
    server.listen(process.argv[1], () => {${CLOCK}});`,
  gated: `${HTTP}
    import { sameUserOnly } from 'sockcred/authorization';
    import { createGate } from 'sockcred/gate';
    await createGate({ authorize: sameUserOnly() }).handTo(server).listen(process.argv[1]);
    ${CLOCK}`,
  hangUp: `
    import { createServer } from 'node:net';
    createServer(socket => socket.destroy()).listen(process.argv[1], () => {${CLOCK}});`,
  closed: `
    import { definePolicy } from 'sockcred/authorization';
    import { createGate } from 'sockcred/gate';
    await createGate({ authorize: definePolicy({ rules: [] }) }).handTo(() => {}).listen(process.argv[1]);
    ${CLOCK}`,
};

let begun = 0;

async function begin(name) {
  const path = join(directory, `${name}-${++begun}`);
  const { child, lines } = startNode(PROGRAMS[name], path);
  await lines.next();
  const time = async () => {
    child.stdin.write('?');
    return Number((await lines.next()).value);
  };
  return { child, path, time };
}

/** Per second, and microseconds of the server's processor time for each. */
async function measure(kind, { path, time }) {
  const before = await time();
  const { connections, rate } = load(kind, path, SECONDS);
  return { rate, time: ((await time()) - before) / connections };
}

/** One start of both. */
async function once(kind, plain, gated) {
  const servers = { plain: await begin(plain), gated: await begin(gated) };
  const rows = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Taking turns at who begins, so that neither always has the warmer machine.
    const turns = round % 2 === 0 ? ['plain', 'gated'] : ['gated', 'plain'];
    const row = {};
    for (const turn of turns) row[turn] = await measure(kind, servers[turn]);
    if (round >= WARM_ROUNDS) rows.push(row);
  }
  for (const { child } of Object.values(servers)) child.kill();
  const sides = ['plain', 'gated'];
  return {
    rates: sides.map(side => median(rows.map(row => row[side].rate))),
    times: sides.map(side => lowQuarter(rows.map(row => row[side].time))),
    slower: median(rows.map(({ plain, gated }) => plain.rate / gated.rate - 1)),
  };
}

async function compare(kind, plain, gated) {
  const starts = [];
  while (starts.length < STARTS) starts.push(await once(kind, plain, gated));
  const both = figure => [0, 1].map(side => median(starts.map(start => start[figure][side])));
  const dearer = starts.map(({ times: [without, withGate] }) => withGate / without - 1);
  return {
    rates: both('rates'),
    times: both('times'),
    slower: median(starts.map(start => start.slower)),
    dearer: median(dearer),
    between: [Math.min(...dearer), Math.max(...dearer)],
  };
}

/** The middle of the lower half. */
function lowQuarter(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 2];
}

const percent = share => `${(share * 100).toFixed(1)} %`;

function line(what, { rates, times, slower, dearer, between }, goal) {
  const verdict =
    goal === undefined ? '' : `   goal under ${percent(goal)}: ${dearer < goal ? 'reached' : 'MISSED'}`;
  console.log(what);
  console.log(
    `  per second       ${rates.map(rate => rate.toFixed(0)).join(' / ')} with a gate: ${percent(slower)}`,
  );
  console.log(
    `  processor, us    ${times.map(time => time.toFixed(1)).join(' / ')} with a gate: ${percent(dearer)} (${between.map(percent).join(' to ')})${verdict}`,
  );
}

line('HTTP, a connection per request', await compare('http', 'plain', 'gated'), 0.05);
line('HTTP, connections that stay', await compare('kept', 'plain', 'gated'), 0.02);
line('connections that are closed at once', await compare('refused', 'hangUp', 'closed'));
