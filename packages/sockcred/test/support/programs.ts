/** Programs that a test runs in a process of their own, by the runtime that it runs in itself. */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ownDirectory } from './peers.js';
import { runtime } from './requirements.js';

/** The words before a program's file. */
const RUN = { node: [], bun: ['run'], deno: ['run', '--allow-all', '--no-prompt'] } as const;

export interface ProgramOptions {
  /** `commonjs`: what `require()` takes. Default: an ES module. */
  readonly module?: 'commonjs';
  /** How many descriptors it may have open. */
  readonly mostFds?: number;
}

/** Runs a program and waits for its end. */
export function runProgram(
  t: TestContext,
  source: string,
  { module, mostFds }: ProgramOptions = {},
): SpawnSyncReturns<string> {
  const file = join(ownDirectory(t), module === 'commonjs' ? 'program.cjs' : 'program.mjs');
  writeFileSync(file, source);
  const limited =
    mostFds === undefined ? [] : ['/bin/sh', '-c', 'ulimit -n "$0" && exec "$@"', String(mostFds)];
  const [command = '', ...words] = [...limited, process.execPath, ...RUN[runtime()], file];
  return spawnSync(command, words, { encoding: 'utf8', timeout: 30_000 });
}
