/** Directories of a test, removed with it. */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Identity, python } from '../../../sockcred/build/support/peers.js';

/** A new directory of ours with this mode: by default every user may enter it, and nobody else write. */
export function ownDirectory(t: TestContext, mode = 0o755): string {
  const directory = mkdtempSync(join(tmpdir(), 'sockcred-test-'));
  chmodSync(directory, mode);
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Leaves the socket file of a dead server behind. */
export async function leaveStale(t: TestContext, path: string, identity: Identity = {}): Promise<void> {
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
`;
  const { exited } = python(t, script, { ...identity, args: [path] });
  if ((await exited) !== 0) throw new Error(`no stale socket at ${path}`);
}
