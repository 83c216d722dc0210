/**
 * Makes a server listen at a path, with a mode that holds from the first
 * moment and without ever displacing a live server. A socket file stays behind
 * when its server dies; such a file is taken away only after it was proven
 * that nobody listens there, twice, and only if it is still the same file.
 */

import type { BigIntStats } from 'node:fs';
import type { Server } from 'node:net';
import { escapeText } from '../credentials/format.ts';
import { PeerError, type PeerErrorCode, PeerTypeError } from '../errors.ts';
import { fs, paths } from '../sys/builtin-modules.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { connectedSocket, listeningSocket, type UnixName, unixName } from '../sys/unix-socket.ts';

/** Who may connect, and how many may wait. */
export interface ListenOptions {
  /** Permissions of the socket file: who may connect. Default: 0o600. */
  readonly mode?: number;
  /** Connections that may wait for accept(2). Default: 511, as in `net.Server`. */
  readonly backlog?: number;
}

/** A server that listens. */
export interface Listening {
  /** The path, absolute, or the abstract name as `@name`. */
  readonly path: string;
  /** Removes the socket file if it is still ours, then stops listening. Connections that exist stay. */
  close(): Promise<void>;
}

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

function failure(code: PeerErrorCode, path: string, what: string, errno?: string): PeerError {
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

async function bind(name: UnixName, shown: string, mode: number, backlog: number): Promise<number> {
  let bound = listeningSocket(name, mode, backlog);
  if ('refused' in bound && bound.refused.errno === 'EADDRINUSE' && name.kind === 'path') {
    await removeDead(name.path);
    bound = listeningSocket(name, mode, backlog);
  }
  if ('fd' in bound) return bound.fd;
  const errno = bound.refused.errno ?? bound.refused.kind;
  if (errno === 'EADDRINUSE') throw failure('ERR_LISTEN_IN_USE', shown, 'somebody is listening there', errno);
  throw failure('ERR_PEER_SYSTEM', shown, 'cannot listen', errno);
}

/** Hands a listening descriptor to the server, which owns it from here on and listens once more. */
function adopt(server: Server, fd: number, backlog: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen({ fd }, backlog, () => {
      server.off('error', failed);
      done();
    });
  });
}

function checkArguments(path: string, mode: number, backlog: number): void {
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

/**
 * Makes a `net.Server` (or `http.Server`) listen at a path.
 *
 * The mode is set before the socket has a name: nobody whom it shuts out can
 * connect in between. The file of a server that died is replaced; a file that
 * is no socket, and a server that lives, are left alone. When the server
 * closes, the file is removed if it can be and is still the same one. Abstract names
 * (`@name`) have no file and no mode: anybody in the network namespace can
 * connect. Workers of `node:cluster` cannot use it: what they listen on is
 * opened by the primary.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 * @throws {@link PeerError} `ERR_LISTEN_IN_USE`, `ERR_LISTEN_OCCUPIED`,
 * `ERR_LISTEN_DIRECTORY`, `ERR_PEER_SYSTEM` with `path` and `errno`,
 * `ERR_PEER_ADDON`, `ERR_PEER_UNSUPPORTED`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { listenAt } from 'sockcred';
 *
 * const server = createServer(socket => socket.end());
 * const listening = await listenAt(server, '@sockcred-listen-example');
 * await listening.close();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html "Pathname socket ownership and permissions"
 */
export async function listenAt(server: Server, path: string, options?: ListenOptions): Promise<Listening> {
  const mode = options?.mode ?? 0o600;
  const backlog = options?.backlog ?? 511;
  checkArguments(path, mode, backlog);
  const given = unixName(path);
  const name: UnixName = given.kind === 'path' ? { kind: 'path', path: paths().resolve(given.path) } : given;
  const shown = name.kind === 'path' ? name.path : `@${name.name}`;
  const { default: cluster } = await import('node:cluster');
  if (cluster.isWorker) {
    const what = 'in a worker of node:cluster the primary would listen, on a descriptor of its own';
    throw failure('ERR_PEER_UNSUPPORTED', shown, what);
  }

  const fd = await bind(name, shown, mode, backlog);
  const ours = name.kind === 'path' ? lookAt(name.path) : undefined;
  const remove = (): void => {
    try {
      if (ours !== undefined && sameFile(ours, lookAt(shown))) fs().unlinkSync(shown);
    } catch {
      // The directory has become closed to us: the file stays, and the next server finds it dead.
    }
  };
  server.once('close', remove);
  await adopt(server, fd, backlog);
  try {
    if (name.kind === 'path') restoreMode(name.path, mode);
  } catch (error) {
    remove();
    server.close();
    throw error;
  }
  return {
    path: shown,
    close: () =>
      new Promise((done, failed) => {
        remove();
        server.close(error => (error === undefined ? done() : failed(error)));
      }),
  };
}
