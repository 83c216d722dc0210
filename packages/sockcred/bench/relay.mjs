// `sockcred guard`, and the gate and relay of the library that it is made of,
// against the programs that are put in front of Unix sockets otherwise: socat, HAProxy and nginx (apt-get install
// socat haproxy nginx libnginx-mod-stream). The same load, the same servers
// behind, in turns within one run; what is not installed is left out. A busy machine slows
// all of them: compare the ratios, and the processor time, which does not count
// the time of others.
//
//   node packages/sockcred/bench/relay.mjs

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { directory, load, median, serve, start, startNode } from './load.mjs';

const ROUNDS = 9;
const WARM_ROUNDS = 2;
const SECONDS = 0.5;
const TICKS_PER_SECOND = 100;

const echo = join(directory, 'echo');
const bytes = join(directory, 'bytes');
const at = (name, what) => join(directory, `${name}-${what}`);

const GATE = `
  import { sameUserOnly, definePolicy } from 'sockcred/authorization';
  import { createGate } from 'sockcred/gate';
  import { canRelay, closeDescriptor, connectUpstream, relay } from 'sockcred/relay';
  const [echo, bytes, echoGate, bytesGate, denyGate] = process.argv.slice(1);
  if (!canRelay()) throw new Error('no relay here');
  const open = (path, upstream, authorize) => createGate({ authorize }).handDescriptorsTo(
    async ({ fd, ended }) => {
      const behind = await connectUpstream({ path: upstream }).catch(() => -1);
      if (behind === -1) closeDescriptor(fd);
      else await relay(fd, behind).ended;
      ended();
    }).listen(path, { backlog: 4096 });
  await open(echoGate, echo, sameUserOnly());
  await open(bytesGate, bytes, sameUserOnly());
  await open(denyGate, echo, definePolicy({ rules: [] }));
  console.log('ready');`;

const haproxy = name => `
global
  maxconn 4096
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen echo
  bind unix@${at(name, 'echo')} backlog 4096
  server behind unix@${echo}
listen bytes
  bind unix@${at(name, 'bytes')}
  server behind unix@${bytes}
listen deny
  bind unix@${at(name, 'deny')} backlog 4096
  tcp-request connection reject
  server behind unix@${echo}
`;

const nginx = name => `
${existsSync('/usr/lib/nginx/modules/ngx_stream_module.so') ? 'load_module /usr/lib/nginx/modules/ngx_stream_module.so;' : ''}
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes auto;
daemon off;
pid ${at(name, 'pid')};
error_log /dev/null;
events { worker_connections 4096; }
stream {
  server { listen unix:${at(name, 'echo')} backlog=4096; proxy_pass unix:${echo}; }
  server { listen unix:${at(name, 'bytes')}; proxy_pass unix:${bytes}; }
  server { listen unix:${at(name, 'deny')} backlog=4096; deny all; proxy_pass unix:${echo}; }
}
`;

const COMMAND = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
const GUARD = fileURLToPath(new URL('../../cli/dist/guard/guard.js', import.meta.url));

/** A guard for each of the three; what it says on its standard error is about its policy. */
function guards(name) {
  const open = (what, upstream, ...who) => {
    const words = ['guard', '--listen', at(name, what), ...who, '--to', `unix:${upstream}`];
    return start(process.execPath, [COMMAND, ...words, '--audit', 'none', '--upstream-sees-guard'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  };
  return [
    open('echo', echo, '--same-user'),
    open('bytes', bytes, '--same-user'),
    open('deny', echo, '--same-user', '--deny-user', `${process.getuid?.()}`),
  ];
}

/** How each is started. */
const RELAYS = {
  guard: guards,
  library: name => [startNode(GATE, echo, bytes, ...['echo', 'bytes', 'deny'].map(what => at(name, what)))],
  haproxy(name) {
    const file = at(name, 'cfg');
    writeFileSync(file, haproxy(name));
    return [start('/usr/sbin/haproxy', ['-f', file, '-db', '-q'])];
  },
  nginx(name) {
    const file = at(name, 'conf');
    writeFileSync(file, nginx(name));
    return [start('/usr/sbin/nginx', ['-p', directory, '-c', file, '-e', '/dev/null'])];
  },
  // A process for each connection. It has no way to refuse anybody.
  socat: name =>
    [echo, bytes].map((behind, index) =>
      start('/usr/bin/socat', [
        '-lf/dev/null',
        '-b65536',
        `UNIX-LISTEN:${at(name, ['echo', 'bytes'][index])},fork,backlog=4096`,
        `UNIX-CONNECT:${behind}`,
      ]),
    ),
};
const PROGRAMS = {
  guard: GUARD,
  haproxy: '/usr/sbin/haproxy',
  nginx: '/usr/sbin/nginx',
  socat: '/usr/bin/socat',
};
const CANNOT_REFUSE = new Set(['socat']);

/** Seconds of processor time of a process and all that came of it; what has ended meanwhile is its parent's. */
function processorTime(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // utime, stime, cutime, cstime: proc(5).
    const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
    const children = readdirSync(`/proc/${pid}/task`).flatMap(thread =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean),
    );
    return own / TICKS_PER_SECOND + children.reduce((sum, child) => sum + processorTime(child), 0);
  } catch {
    return 0;
  }
}

async function begin(name) {
  const programs = RELAYS[name](name);
  for (const what of ['echo', 'bytes', ...(CANNOT_REFUSE.has(name) ? [] : ['deny'])]) {
    for (let tries = 0; !existsSync(at(name, what)); tries++) {
      if (tries > 500 || programs.some(({ child }) => child.exitCode !== null)) {
        throw new Error(`${name} does not listen`);
      }
      await sleep(10);
    }
  }
  return { name, time: () => programs.reduce((sum, { child }) => sum + processorTime(child.pid), 0) };
}

/** What is counted of each kind of load, and how many connections make it at a time. */
const KINDS = {
  echo: { what: 'connections per second', figure: 'rate', threads: 4 },
  deny: { what: 'refusals per second', figure: 'rate', threads: 4 },
  bytes: { what: 'bytes per second, in MB', figure: 'bytesRate', threads: 1 },
};
const LOADS = { echo: 'echo', deny: 'refused', bytes: 'read' };

function rounds(relays, what) {
  const { figure, threads } = KINDS[what];
  const rows = relays.map(() => ({ figures: [], spent: 0, done: 0 }));
  for (let round = 0; round < ROUNDS + WARM_ROUNDS; round++) {
    for (let turn = 0; turn < relays.length; turn++) {
      // Each begins once in a while: whoever comes first may have the quieter machine.
      const index = (turn + round) % relays.length;
      const { name, time } = relays[index];
      const before = time();
      const result = load(LOADS[what], at(name, what), SECONDS, threads);
      if (round < WARM_ROUNDS) continue;
      rows[index].figures.push(result[figure]);
      rows[index].spent += time() - before;
      rows[index].done += what === 'bytes' ? (result.bytesRate * SECONDS) / 1e6 : result.connections;
    }
  }
  return rows.map(({ figures, spent, done }) => ({ figures, perUnit: (spent / done) * 1e6 }));
}

/** Of figures taken in the same rounds. */
function ratio(ours, theirs) {
  return median(ours.map((figure, round) => figure / theirs[round]));
}

const GOALS = {
  echo: { least: 1 / 1.5, says: 'at least 0.67 of HAProxy' },
  bytes: { least: 2, says: 'at least twice HAProxy' },
};

function compare(all, what) {
  const relays = what === 'deny' ? all.filter(({ name }) => !CANNOT_REFUSE.has(name)) : all;
  const rows = rounds(relays, what);
  console.log(`${KINDS[what].what}, and the relay's processor time, us for each`);
  const shown = figure => (what === 'bytes' ? figure / 1e6 : figure).toFixed(0);
  const [ours] = rows;
  const who = relays[0].name;
  relays.forEach(({ name }, index) => {
    const { figures, perUnit } = rows[index];
    const against = index === 0 ? '' : `   ${who} has ${ratio(ours.figures, figures).toFixed(2)} times that`;
    const goal = name === 'haproxy' ? GOALS[what] : undefined;
    const verdict =
      goal === undefined
        ? ''
        : `   goal ${goal.says}: ${ratio(ours.figures, figures) >= goal.least ? 'reached' : 'MISSED'}`;
    const columns = `${shown(median(figures)).padStart(8)} ${perUnit.toFixed(1).padStart(8)}`;
    console.log(`  ${name.padEnd(10)} ${columns}${against}${verdict}`);
  });
}

await serve('echo', echo);
await serve('bytes', bytes);
const relays = [];
for (const name of Object.keys(RELAYS)) {
  const program = PROGRAMS[name];
  if (program !== undefined && !existsSync(program)) {
    console.log(`  ${name}: ${program} is not installed, and left out`);
    continue;
  }
  try {
    relays.push(await begin(name));
  } catch (error) {
    console.log(`  ${name}: left out: ${error.message}`);
  }
}
for (const what of Object.keys(KINDS)) compare(relays, what);
process.exit(0);
