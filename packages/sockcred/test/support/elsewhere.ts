/** Starts programs of this directory in processes of their own, in other namespaces say, and asks them about peers. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PeerJson } from 'sockcred';
import { openDirectory } from './directories.js';
import { start } from './peers.js';

/** What the asker says of one connection. */
export interface Told {
  readonly peer: PeerJson;
  readonly isUser: boolean;
  readonly inGroup: boolean;
  readonly sameAsItself: boolean;
  /** The code of the error, where there was no answer. */
  readonly code?: string;
}

export interface Asker {
  readonly path: string;
  /** What it says of the next connection. */
  next(): Promise<Told>;
}

/** A program of this directory that listens at a path, and what it prints. */
export interface Elsewhere {
  readonly path: string;
  /** Its next line. */
  line(): Promise<string>;
  /** Ends it by closing its input, and waits for that. */
  end(): Promise<unknown>;
}

/** Starts a program of this directory behind the given command words; its first argument is the path, of the same file for it and for us. */
export async function programElsewhere(
  t: TestContext,
  before: readonly string[],
  name: string,
  args: readonly string[],
  path: string = join(openDirectory(t), 's'),
): Promise<Elsewhere> {
  const program = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const child = start(t, [...before, process.execPath, program, path, ...args]);
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the ${name} ended with status ${code}`);
  });
  gone.catch(() => {});
  const line = async () => {
    const next = await Promise.race([lines.next(), gone]);
    if (next.done === true) throw new Error(`the ${name} said nothing`);
    return next.value;
  };
  const first = await line();
  if (first !== 'ready') throw new Error(`the ${name} said ${first}`);
  while (!existsSync(path)) await delay(5);
  const end = () => {
    child.stdin?.end();
    return gone.catch(() => {});
  };
  return { path, line, end };
}

/** An asker behind the given command words, which asks isUser(uid) and inGroup(gid) of each peer. */
export async function askerElsewhere(
  t: TestContext,
  before: readonly string[],
  { uid = 0, gid = 0 }: { readonly uid?: number; readonly gid?: number } = {},
): Promise<Asker> {
  const { path, line } = await programElsewhere(t, before, 'asker', [`${uid}`, `${gid}`]);
  return { path, next: async () => JSON.parse(await line()) as Told };
}
