/** Directories of a test, removed with it. */

import type { TestContext } from 'node:test';
import { type Identity, python } from '../../../sockcred/build/support/peers.js';

export { ownDirectory } from '../../../sockcred/build/support/directories.js';

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
