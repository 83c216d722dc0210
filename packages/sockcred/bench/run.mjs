// What an answer costs beside the system calls that it takes. Every figure is
// a median over many short rounds in which both sides take turns, so that a
// busy machine slows both; compare the ratios, not the nanoseconds.
//
//   npm run bench

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatPeer, peerCredentials } from 'sockcred';
import { compileAddon } from '../build-native.mjs';

const ROUNDS = 60;
const CALLS = 20_000;

const directory = mkdtempSync(join(tmpdir(), 'sockcred-bench-'));

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function bareLoop() {
  const file = join(directory, 'bare.node');
  compileAddon([fileURLToPath(new URL('bare.c', import.meta.url))], file, {
    flags: ['-Wno-missing-prototypes', `-I${createRequire(import.meta.url)('node-api-headers').include_dir}`],
  });
  return createRequire(import.meta.url)(file).loop;
}

/** A connection within this process; our end is the accepted one. */
async function connection() {
  const server = createServer().listen(join(directory, 's'));
  const client = connect(join(directory, 's'));
  const [accepted] = await once(server, 'connection');
  return { server, client, accepted };
}

/** Nanoseconds per call. */
function timed(calls, call) {
  const begin = process.hrtime.bigint();
  for (let index = 0; index < calls; index++) call();
  return Number(process.hrtime.bigint() - begin) / calls;
}

function compare(loop, accepted) {
  const { fd } = accepted._handle;
  const bare = [];
  const asked = [];
  const cached = [];
  const ratios = [];
  let kept;
  for (let round = 0; round < ROUNDS; round++) {
    const mine = loop(fd, CALLS) / CALLS;
    const ours = timed(CALLS, () => {
      kept = peerCredentials(fd);
    });
    const again = timed(CALLS * 20, () => {
      kept = peerCredentials(accepted);
    });
    // The first rounds compile; they are not what a daemon pays.
    if (round < ROUNDS / 4) continue;
    bare.push(mine);
    asked.push(ours);
    ratios.push(ours / mine);
    cached.push(again);
  }
  return { bare: median(bare), asked: median(asked), ratio: median(ratios), cached: median(cached), kept };
}

/**
 * Milliseconds that an import takes in an ES program that has started, in
 * processes of its own; and what a module with nothing in it takes there.
 */
function importTimes() {
  const script = `
    const time = async name => {
      const begin = performance.now();
      await import(name);
      return performance.now() - begin;
    };
    await time('data:text/javascript,0');
    const empty = await time('data:text/javascript,1');
    console.log(JSON.stringify({ empty, sockcred: await time('sockcred') }));`;
  const runs = Array.from({ length: 31 }, () => {
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    });
    return JSON.parse(stdout);
  });
  return { empty: median(runs.map(run => run.empty)), sockcred: median(runs.map(run => run.sockcred)) };
}

function line(what, figure, goal, reached) {
  console.log(`${what.padEnd(58)} ${figure.padStart(9)}   goal ${goal}: ${reached ? 'reached' : 'MISSED'}`);
}

const { server, client, accepted } = await connection();
try {
  const { bare, asked, ratio, cached, kept } = compare(bareLoop(), accepted);
  console.log(formatPeer(kept));
  console.log();
  console.log(`five system calls in C: ${bare.toFixed(0)} ns; peerCredentials(fd): ${asked.toFixed(0)} ns`);
  const load = importTimes();
  console.log(
    `import of an empty module: ${load.empty.toFixed(2)} ms; of sockcred: ${load.sockcred.toFixed(2)} ms`,
  );
  line('first answer, times the bare system calls', `${ratio.toFixed(2)}x`, 'at most 1.25x', ratio <= 1.25);
  line('cached answer', `${cached.toFixed(1)} ns`, 'under 20 ns', cached < 20);
  line('import of sockcred', `${load.sockcred.toFixed(2)} ms`, 'under 3 ms', load.sockcred < 3);
} finally {
  client.destroy();
  server.close();
  rmSync(directory, { recursive: true });
}
