/** Programs that a test runs in a process of their own, by the runtime that it runs in itself. */

import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { ownDirectory } from './directories.js';
import { runtime } from './requirements.js';

/** The words before a program's file. */
const RUN = { node: [], bun: ['run'], deno: ['run', '--allow-all', '--no-prompt'] } as const;

export interface ProgramOptions {
  /** `commonjs`: what `require()` takes. Default: an ES module. */
  readonly module?: 'commonjs';
  /** How many descriptors it may have open. */
  readonly mostFds?: number;
}

/** Writes a program down, and says with which words it is run. */
export function programWords(
  t: TestContext,
  source: string,
  { module, mostFds }: ProgramOptions = {},
): readonly [string, ...string[]] {
  const file = join(ownDirectory(t), module === 'commonjs' ? 'program.cjs' : 'program.mjs');
  writeFileSync(file, source);
  const words = [process.execPath, ...RUN[runtime()], file] as const;
  if (mostFds === undefined) return words;
  return ['/bin/sh', '-c', 'ulimit -n "$0" && exec "$@"', String(mostFds), ...words];
}

/** Runs a program and waits for its end. */
export function runProgram(
  t: TestContext,
  source: string,
  options: ProgramOptions = {},
): SpawnSyncReturns<string> {
  const [command, ...words] = programWords(t, source, options);
  return spawnSync(command, words, { encoding: 'utf8', timeout: 30_000 });
}

/** Starts a program, whose output is piped, and ends it with the test. Its first lines import by `imported()`. */
export function startProgram(
  t: TestContext,
  source: string,
  args: readonly string[],
  options: ProgramOptions = {},
): ChildProcess & { readonly stdout: Readable } {
  const [command, ...words] = programWords(t, source, options);
  const child = spawn(command, [...words, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** A module of the library as a program anywhere may import it. */
export function imported(subpath: string): string {
  return JSON.stringify(import.meta.resolve(subpath));
}
