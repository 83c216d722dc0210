/**
 * Kernels that do not run here: their files of the native core, compiled
 * against their own headers, against a stand-in for the kernel that gives
 * what is documented. What those kernels really do is not shown by this.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from './support/requirements.js';

interface Toolchain {
  isInstalled(): boolean;
}
interface Foreign {
  /** What went wrong, or ''. */
  runForeign(system: string, directory: string): string;
  readonly foreignSystems: Readonly<Record<string, unknown>>;
}

const cross = (file: string): Promise<unknown> => import(new URL(`../cross/${file}`, import.meta.url).href);

const toolchain = (await cross('toolchain.mjs')) as Toolchain;
const foreign = (await cross('foreign.mjs')) as Foreign;

function missing(): string | false {
  if (process.arch !== 'x64') return 'needs an x64 processor, whose object files these systems share';
  return toolchain.isInstalled() ? false : "needs the Zig toolchain: 'npm run check:cross' installs it";
}

const skip = needs('linux', 'cc') || missing();

const TITLES: Readonly<Record<string, string>> = {
  freebsd:
    'T3, T4, T6, T21, T37, T44, T67: FreeBSD: ids, pid and groups; senders, in three forms; ends of processes',
  dragonfly: 'T3, T4, T6, T21, T37, T44: DragonFly: ids and groups, no pid; senders with theirs',
  darwin:
    'T3, T4, T6, T21, T29, T67: macOS: ids at connect(), never a pid, groups never complete; last users and their end',
  openbsd: 'T3, T4, T6, T67: OpenBSD: uid, gid, pid in that order; ends of processes',
  netbsd: 'T3, T4, T6, T37, T67: NetBSD: EINVAL is nobody; a sender of the first byte; ends of processes',
  sunos: 'T3, T16, T37: illumos: effective, real and saved ids, all groups, the zone; senders of datagrams',
};

for (const [system, title] of Object.entries(TITLES)) {
  test(title, { skip }, () => {
    const directory = mkdtempSync(join(tmpdir(), 'sockcred-foreign-'));
    try {
      assert.equal(foreign.runForeign(system, directory), '');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

test('every system that does not run here is stood in for', { skip }, () => {
  assert.deepEqual(Object.keys(TITLES).sort(), Object.keys(foreign.foreignSystems).sort());
});
