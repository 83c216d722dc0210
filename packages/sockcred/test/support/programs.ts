/** Programs that a test runs in a process of their own, by the runtime that it runs in itself. */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ownDirectory } from './peers.js';
import { runtime } from './requirements.js';

/** The words before a program's file. */
const RUN = { node: [], bun: ['run'], deno: ['run', '--allow-all', '--no-prompt'] } as const;

/** Runs an ES module, or what `require()` takes, and waits for its end. */
export function runProgram(
  t: TestContext,
  source: string,
  module: 'esm' | 'commonjs' = 'esm',
): SpawnSyncReturns<string> {
  const file = join(ownDirectory(t), module === 'esm' ? 'program.mjs' : 'program.cjs');
  writeFileSync(file, source);
  return spawnSync(process.execPath, [...RUN[runtime()], file], { encoding: 'utf8', timeout: 30_000 });
}
