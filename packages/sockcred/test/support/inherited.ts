/** Lets Python make descriptors of any kind, and the library be asked about them in a process that inherits them. */

import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { PeerJson } from 'sockcred';
import { type Identity, type PythonPeer, python } from './peers.js';

export interface ToldOfDescriptor {
  readonly peer?: PeerJson;
  readonly code?: string;
  readonly name?: string;
}

/**
 * Runs Python statements that end with `ask(number, …)`: the same process then
 * becomes the asker. Returns what it says, one entry per number.
 */
export async function askInherited(
  t: TestContext,
  script: string,
  count: number,
  options: Identity & { readonly args?: readonly string[] } = {},
): Promise<{ told: readonly ToldOfDescriptor[]; peer: PythonPeer }> {
  const program = fileURLToPath(new URL('ask-descriptors.js', import.meta.url));
  const prelude = `
keep = []
def ask(*numbers):
    for number in numbers:
        plain = int(str(number).split(':')[0])
        if plain > 2:
            try:
                os.set_inheritable(plain, True)
            except OSError:
                pass
    os.execv('${process.execPath}', ['node', '${program}', *map(str, numbers)])
`;
  const peer = python(t, prelude + script, options);
  const told: ToldOfDescriptor[] = [];
  for (let index = 0; index < count; index++) told.push(JSON.parse(await peer.line()) as ToldOfDescriptor);
  return { told, peer };
}
