/** Directories of a test, removed with it. */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A new directory of ours with this mode: by default every user may enter it, and nobody else write. */
export function ownDirectory(t: TestContext, mode = 0o755): string {
  const directory = mkdtempSync(join(tmpdir(), 'sockcred-test-'));
  chmodSync(directory, mode);
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A new directory that every user may enter and write. */
export const openDirectory = (t: TestContext): string => ownDirectory(t, 0o777);
