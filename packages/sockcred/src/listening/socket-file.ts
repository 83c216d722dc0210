/**
 * A socket's name in the file system: bound with a mode that holds from the
 * first moment, and without ever displacing a live socket. A file stays behind
 * when its server dies; such a file is taken away only after it was proven
 * that nobody is there, twice, and only if it is still the same file.
 */

import type { BigIntStats } from 'node:fs';
import { escapeText } from '../credentials/format.ts';
import { PeerTypeError } from '../errors.ts';
import { isId } from '../ids.ts';
import { fs, paths } from '../sys/builtin-modules.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { connectedSocket, type NewSocket, type UnixName, unixName } from '../sys/unix-socket.ts';
import { failure, systemFailure } from './listen-failure.ts';
import { completePermissions, firstMode, type Permissions } from './socket-permissions.ts';

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

/** A socket that has its name; the caller owns the descriptor. */
export interface BoundSocket {
  readonly fd: number;
  /** The path, absolute, or the abstract name as `@name`. */
  readonly path: string;
  /** Removes the socket file if it is still ours. */
  remove(): void;
  /**
   * Gives the file its group, and what is missing of its permissions.
   *
   * @throws {@link PeerError} `ERR_LISTEN_DIRECTORY`, `ERR_PEER_SYSTEM`
   */
  completePermissions(): void;
}

/** The name that a text means, a path made absolute; and how to show it. */
export function nameOf(path: string): { readonly name: UnixName; readonly shown: string } {
  const given = unixName(path);
  if (given.kind === 'abstract') return { name: given, shown: `@${given.name}` };
  const absolute = paths().resolve(given.path);
  return { name: { kind: 'path', path: absolute }, shown: absolute };
}

/**
 * Binds a socket that `make` makes, with the mode that it is given. A live socket at the path is
 * `ERR_LISTEN_IN_USE`; a dead one's file is replaced.
 *
 * @throws {@link PeerError} `ERR_LISTEN_IN_USE`, `ERR_LISTEN_OCCUPIED`, `ERR_PEER_SYSTEM`
 */
export async function bindAt(
  path: string,
  permissions: Permissions,
  make: (name: UnixName, mode: number) => NewSocket,
): Promise<BoundSocket> {
  const { name, shown } = nameOf(path);
  const mode = firstMode(permissions);
  let bound = make(name, mode);
  if ('refused' in bound && bound.refused.errno === 'EADDRINUSE' && name.kind === 'path') {
    await removeDead(name.path);
    bound = make(name, mode);
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
    completePermissions() {
      if (name.kind === 'path') completePermissions(name.path, permissions);
    },
  };
}

/**
 * Refuses what can be no name, mode, group or backlog.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 */
export function checkArguments(path: string, { mode, group }: Permissions, backlog: number): void {
  const refuse = (what: string): never => {
    throw new PeerTypeError('ERR_ARGUMENT', what);
  };
  if (typeof path !== 'string' || path === '' || path.indexOf('\0', 1) !== -1) {
    refuse('path must be a path, or @name or \\0name for an abstract name');
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) refuse('mode must be an integer from 0 to 0o777');
  if (group !== undefined && !isId(group)) refuse('group must be the id of a group');
  if (group !== undefined && unixName(path).kind === 'abstract') refuse('an abstract name has no group');
  if (!Number.isInteger(backlog) || backlog < 1 || backlog > 65535)
    refuse('backlog must be an integer from 1 to 65535');
}
