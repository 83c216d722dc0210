// The load that everything is compared under: load.c, compiled once. It runs as
// a program of its own and needs far less of the machine than what it asks.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const THREADS = 4;

/** A directory for sockets; removed with the program, which has ended what it began by then. */
export const directory = mkdtempSync(join(tmpdir(), 'sockcred-bench-'));
const program = join(directory, 'load');
const begun = new Set();
process.on('exit', () => {
  for (const child of begun) child.kill();
  rmSync(directory, { recursive: true, force: true });
});

const compiled = spawnSync(
  process.env.CC ?? 'cc',
  ['-O2', '-pthread', '-o', program, fileURLToPath(new URL('load.c', import.meta.url))],
  { encoding: 'utf8' },
);
if (compiled.status !== 0) throw new Error(compiled.stderr);

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Connections and bytes per second of one kind of load. */
export function load(kind, address, seconds, threads = THREADS) {
  const { stdout, stderr } = spawnSync(program, [kind, address, `${seconds}`, `${threads}`], {
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  const { connections, failures, bytes, seconds: took } = JSON.parse(stdout);
  if (failures > connections / 100 + 1) throw new Error(`${kind} ${address}: ${failures} failures`);
  return { connections, rate: connections / took, bytesRate: bytes / took };
}

/** Starts a program; `lines` are those of its standard output. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  begun.add(child);
  child.on('exit', () => begun.delete(child));
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Starts an ES module in Node, with the library at hand. */
export function startNode(text, ...args) {
  return start(process.execPath, ['--input-type=module', '-e', text, ...args], {
    cwd: new URL('.', import.meta.url),
  });
}

/** One of the two servers of load.c; resolves when it listens. */
export async function serve(kind, address) {
  const server = start(program, [`serve-${kind}`, address]);
  await server.lines.next();
  return server;
}
