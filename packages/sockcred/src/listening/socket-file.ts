/**
 * A socket's name in the file system: bound with a mode that holds from the
 * first moment, and without ever displacing a live socket. A file stays behind
 * when its server dies; such a file is taken away only after it was proven
 * that nobody is there, twice, and only if it is still the same file.
 */

import type { BigIntStats } from 'node:fs';
import { escapeText } from '../credentials/format.ts';
import { PeerError, type PeerErrorCode, PeerTypeError } from '../errors.ts';
import { fs, paths } from '../sys/builtin-modules.ts';
import { closeDescriptor } from '../sys/owned-fd.ts';
import { connectedSocket, type NewSocket, type UnixName, unixName } from '../sys/unix-socket.ts';

/**
 * A server that was bound but does not listen yet refuses connections just as
 * a dead one does; that state lasts for two system calls. Hence a second look.
 */
const SECOND_LOOK_MS = 100;

/**
 * One file, told from any other that has had its path. The inode number alone
 * does not do: file systems give a freed one to the next file at once. Times of
 * creation and change of content survive renaming and chmod(2).
 */
interface FileId {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly birthtimeNs: bigint;
}

function sameFile(a: FileId, b: FileId | undefined): boolean {
  return (
    b !== undefined &&
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.mtimeNs === b.mtimeNs &&
    a.birthtimeNs === b.birthtimeNs
  );
}

function lookAt(path: string): BigIntStats | undefined {
  return fs().lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** An error about a path, which its message shows. */
export function failure(code: PeerErrorCode, path: string, what: string, errno?: string): PeerError {
  const shown = `${escapeText(path)}: ${what}`;
  if (errno === undefined) return new PeerError(code, shown, { scope: 'call', path });
  return new PeerError(code, `${shown} (${errno})`, { scope: 'call', path, errno });
}

/** Turns what `node:fs` throws into an error that names path and errno. */
function systemFailure(path: string, what: string, error: unknown): PeerError {
  const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return failure('ERR_PEER_SYSTEM', path, what, errno);
}

/** The error of connect(2) at this path, or undefined if somebody listens. */
function probe(path: string): string | undefined {
  const socket = connectedSocket({ kind: 'path', path });
  if ('refused' in socket) return socket.refused.errno ?? socket.refused.kind;
  closeDescriptor(socket.fd);
  return undefined;
}

/** Takes away the file of a dead server, or throws. */
async function removeDead(path: string): Promise<void> {
  const old = lookAt(path);
  if (old === undefined) return;
  if (!old.isSocket()) {
    throw failure('ERR_LISTEN_OCCUPIED', path, 'a file that is not a socket is in the way', 'EADDRINUSE');
  }
  for (const wait of [SECOND_LOOK_MS, 0]) {
    const errno = probe(path);
    if (errno === 'ENOENT') return;
    if (errno === undefined)
      throw failure('ERR_LISTEN_IN_USE', path, 'somebody is listening there', 'EADDRINUSE');
    if (errno !== 'ECONNREFUSED') {
      const what = `a socket is in the way and cannot be proven dead: ${errno}`;
      throw failure('ERR_LISTEN_IN_USE', path, what, 'EADDRINUSE');
    }
    if (wait > 0) await new Promise(done => setTimeout(done, wait));
  }
  moveAway(path, old);
}

/**
 * Renaming over the old file could displace a server that came in after the
 * last look. So the file is moved aside, looked at once more, and put back if
 * it is not the one that was proven dead.
 */
function moveAway(path: string, dead: FileId): void {
  const { dirname, basename, join } = paths();
  const aside = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.dead`);
  try {
    fs().renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw systemFailure(path, 'the socket of a dead server cannot be taken away', error);
  }
  if (!sameFile(dead, lookAt(aside))) putBack(aside, path);
  fs().unlinkSync(aside);
}

/** link(2) never replaces: if a third server has bound the path by now, the moved file stays aside. */
function putBack(aside: string, path: string): never {
  try {
    fs().linkSync(aside, path);
    fs().unlinkSync(aside);
  } catch (error) {
    throw systemFailure(path, `another server came first, and its socket is now ${escapeText(aside)}`, error);
  }
  throw failure('ERR_LISTEN_IN_USE', path, 'another server came first', 'EADDRINUSE');
}

/** The umask may have taken permissions away at bind(2): gives them back, where nobody can have exchanged the file. */
function restoreMode(path: string, mode: number): void {
  const bound = lookAt(path);
  if (bound === undefined || (Number(bound.mode) & mode) === mode) return;
  const directory = fs().statSync(paths().dirname(path));
  const othersWrite = (directory.mode & 0o022) !== 0 && (directory.mode & 0o1000) === 0;
  const ours = directory.uid === 0 || directory.uid === process.geteuid?.();
  if (othersWrite || !ours) {
    const what =
      'other users can exchange files in this directory, so the mode cannot be set safely after the umask was applied';
    throw failure('ERR_LISTEN_DIRECTORY', path, what);
  }
  fs().chmodSync(path, mode);
}

/** A socket that has its name; the caller owns the descriptor. */
export interface BoundSocket {
  readonly fd: number;
  /** The path, absolute, or the abstract name as `@name`. */
  readonly path: string;
  /** Removes the socket file if it is still ours. */
  remove(): void;
  /**
   * Gives the file the permissions that the umask took away.
   *
   * @throws {@link PeerError} `ERR_LISTEN_DIRECTORY`
   */
  restoreMode(): void;
}

/** The name that a text means, a path made absolute; and how to show it. */
export function nameOf(path: string): { readonly name: UnixName; readonly shown: string } {
  const given = unixName(path);
  if (given.kind === 'abstract') return { name: given, shown: `@${given.name}` };
  const absolute = paths().resolve(given.path);
  return { name: { kind: 'path', path: absolute }, shown: absolute };
}

/**
 * Binds a socket that `make` makes. A live socket at the path is
 * `ERR_LISTEN_IN_USE`; a dead one's file is replaced.
 *
 * @throws {@link PeerError} `ERR_LISTEN_IN_USE`, `ERR_LISTEN_OCCUPIED`, `ERR_PEER_SYSTEM`
 */
export async function bindAt(
  path: string,
  mode: number,
  make: (name: UnixName) => NewSocket,
): Promise<BoundSocket> {
  const { name, shown } = nameOf(path);
  let bound = make(name);
  if ('refused' in bound && bound.refused.errno === 'EADDRINUSE' && name.kind === 'path') {
    await removeDead(name.path);
    bound = make(name);
  }
  if ('refused' in bound) {
    const errno = bound.refused.errno ?? bound.refused.kind;
    if (errno === 'EADDRINUSE')
      throw failure('ERR_LISTEN_IN_USE', shown, 'somebody is listening there', errno);
    throw failure('ERR_PEER_SYSTEM', shown, 'cannot listen', errno);
  }
  const ours = name.kind === 'path' ? lookAt(name.path) : undefined;
  return {
    fd: bound.fd,
    path: shown,
    remove() {
      try {
        if (ours !== undefined && sameFile(ours, lookAt(shown))) fs().unlinkSync(shown);
      } catch {
        // The directory has become closed to us: the file stays, and the next server finds it dead.
      }
    },
    restoreMode() {
      if (name.kind === 'path') restoreMode(name.path, mode);
    },
  };
}

/**
 * Refuses what can be no name, mode or backlog.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 */
export function checkArguments(path: string, mode: number, backlog: number): void {
  const refuse = (what: string): never => {
    throw new PeerTypeError('ERR_ARGUMENT', what);
  };
  if (typeof path !== 'string' || path === '' || path.indexOf('\0', 1) !== -1) {
    refuse('path must be a path, or @name or \\0name for an abstract name');
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) refuse('mode must be an integer from 0 to 0o777');
  if (!Number.isInteger(backlog) || backlog < 1 || backlog > 65535)
    refuse('backlog must be an integer from 1 to 65535');
}
