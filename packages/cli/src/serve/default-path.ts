/**
 * Where `sockcred serve` listens unless told otherwise: a directory that is
 * ours alone, so that nobody else can put a socket of theirs in its place.
 */

import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escapeText } from 'sockcred';
import { SystemRefusal } from '../exit-codes.ts';

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

/** `$XDG_RUNTIME_DIR` if it is a directory of ours; su(1) may have left somebody else's. */
function runtimeDirectory(env: NodeJS.ProcessEnv, uid: number): string | undefined {
  const { XDG_RUNTIME_DIR: directory } = env;
  if (directory === undefined || !directory.startsWith('/')) return undefined;
  let found: Stats;
  try {
    found = statSync(directory);
  } catch {
    return undefined;
  }
  return found.isDirectory() && found.uid === uid ? directory : undefined;
}

/**
 * Makes a directory with mode 0700, or makes sure that the one that is there
 * is a directory (no symbolic link), ours, and closed to everybody else.
 *
 * @throws {@link SystemRefusal} if it is anything else.
 */
export function privateDirectory(path: string, uid: number): string {
  const shown = escapeText(path);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw new SystemRefusal(`${shown}: cannot be made: ${errnoOf(error)}`);
  }
  const found = lstatSync(path);
  if (!found.isDirectory()) throw new SystemRefusal(`${shown}: is not a directory (ENOTDIR); use --listen`);
  if (found.uid !== uid)
    throw new SystemRefusal(`${shown}: belongs to uid ${found.uid} (EPERM); use --listen`);
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
    throw new SystemRefusal(`${shown}: is open to other users, its mode is ${mode} (EPERM); use --listen`);
  }
  return path;
}

/** The default path of the socket; makes its directory. */
export function defaultPath(env: NodeJS.ProcessEnv): string {
  const uid = process.geteuid?.() ?? -1;
  const runtime = runtimeDirectory(env, uid);
  const directory = runtime === undefined ? join(tmpdir(), `sockcred-${uid}`) : join(runtime, 'sockcred');
  return join(privateDirectory(directory, uid), 'whoami.sock');
}
