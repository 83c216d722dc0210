/**
 * Loads the native addon, at the first question and not at import: importing
 * this library never throws.
 */

import { createRequire } from 'node:module';
import { PeerError } from '../errors.ts';

/** The names that the kernel files in `native/` give themselves; FreeBSD and DragonFly share one file. */
export type NativeSystem =
  | 'linux'
  | 'freebsd'
  | 'dragonfly'
  | 'openbsd'
  | 'netbsd'
  | 'darwin'
  | 'sunos'
  | 'getpeereid'
  | 'none';

/** What `native/addon.c` exports; a negative result is minus a status of `native/sys.h`. */
export interface Addon {
  readonly abi: number;
  readonly system: NativeSystem;
  resize(groups: number, labelBytes: number): ArrayBuffer;
  peer(fd: number): number;
  kind(fd: number): number;
  isDatagram(fd: number): number;
  peerPidfd(fd: number): number;
  /** The eight words of a macOS audit token, which is of the moment of the call. */
  peerToken(fd: number): Uint32Array | number;
  selfTest(): number;
  streamSocket(): number;
  seqpacketSocket(): number;
  bindListen(fd: number, name: Uint8Array, backlog: number): number;
  setMode(fd: number, mode: number): number;
  close(fd: number): number;
  adoptStream(fd: number): number;
  connect(fd: number, name: Uint8Array): number;
  datagramSocket(): number;
  bind(fd: number, name: Uint8Array): number;
  /** Messages as `struct message` of `native/message.h` has them, then the room for their data. */
  messageArena(count: number, room: number): ArrayBuffer;
  receiveMessages(
    fd: number,
    kind: number,
    count: number,
    room: number,
    mostFds: number,
    peek: boolean,
  ): number;
  send(fd: number, bytes: Uint8Array, name: Uint8Array): number;
  sendMessage(fd: number, bytes: Uint8Array, name: Uint8Array, fds: Int32Array, claim: Uint32Array): number;
  sendBatch(fd: number, bytes: Uint8Array, lengths: Uint32Array, count: number, name: Uint8Array): number;
  socketPair(kind: number, fds: Int32Array): number;
  accept(fd: number): number;
  duplicate(fd: number): number;
  finish(fd: number): number;
  setMessageOption(fd: number, option: number, on: boolean): number;
  messageOption(fd: number, option: number): number;
  /** The callback gets the number of reports in the buffer, each a token and what happened. */
  readinessOpen(callback: (count: number) => void, byThread: boolean): ArrayBuffer | number;
  readinessWatch(fd: number, interest: number, token: number): number;
  readinessUnwatch(fd: number): number;
  readinessHold(hold: boolean): number;
  relayOpen(callback: (id: number, status: number, forth: number, back: number) => void): number;
  relayAdd(id: number, first: number, second: number, passFds: boolean, idleMs: number): number;
  relayStop(id: number): number;
  relayHold(hold: boolean): number;
  connectAs(name: Uint8Array, uid: number, gid: number, groups: Uint32Array): number;
  /** Fills the low and the high half of the cookie. */
  netnsCookie(fd: number, words: Uint32Array): number;
  /** Fills fourteen words, in the order of `struct sys_process_info`. */
  processInfo(pidfd: number, words: Uint32Array): number;
  processEnded(process: number): number;
  processOpen(pid: number): number;
  processDescriptor(pidfd: number, fd: number): number;
  /** Fills the text of a UUID. */
  bootId(bytes: Uint8Array): number;
  unixSockets(bytes: Uint8Array): number;
  /** Of a path that begins at an open directory, unless with a slash. */
  recordAt(directory: number, path: Uint8Array, bytes: Uint8Array): number;
  /** On the very mount of the directory, with no link on the way. */
  recordInside(directory: number, path: Uint8Array, bytes: Uint8Array): number;
  linkAt(directory: number, path: Uint8Array, bytes: Uint8Array): number;
  /** A descriptor that holds a file without opening it. */
  pathAt(directory: number, path: Uint8Array, follow: boolean): number;
  /** Fills eleven words, in the order of `struct sys_file`. */
  fileAt(directory: number, path: Uint8Array, words: Uint32Array): number;
  namespaceBelow(directory: number, path: Uint8Array): number;
  /** Fills the names of a file's extended attributes, each with a final NUL. */
  attributeNames(path: Uint8Array, bytes: Uint8Array): number;
  /** Of a file that is open for reading only. */
  unwritten(fd: number): number;
}

/** Changes with the meaning of anything that crosses the boundary; `native/addon.c` has the same number. */
const ABI = 12;

/**
 * Bun and bundlers give a module a `require`, and take along what a literal
 * path in a call of it names, but not what createRequire() is asked for. ES
 * modules of Node and Deno have none; `node -e` and the like put one into the
 * global scope, which looks for files beside the working directory: never to
 * be asked for code.
 */
declare const require: ((path: string) => unknown) | undefined;

function load(target: string): unknown {
  if (typeof require === 'function' && require !== (globalThis as { require?: unknown }).require) {
    switch (target) {
      case 'linux-x64':
        return require('../../prebuilds/linux-x64/sockcred.node');
      case 'linux-arm64':
        return require('../../prebuilds/linux-arm64/sockcred.node');
      case 'linux-arm':
        return require('../../prebuilds/linux-arm/sockcred.node');
      case 'linux-riscv64':
        return require('../../prebuilds/linux-riscv64/sockcred.node');
      case 'linux-s390x':
        return require('../../prebuilds/linux-s390x/sockcred.node');
      case 'linux-ppc64':
        return require('../../prebuilds/linux-ppc64/sockcred.node');
      case 'darwin-x64':
        return require('../../prebuilds/darwin-x64/sockcred.node');
      case 'darwin-arm64':
        return require('../../prebuilds/darwin-arm64/sockcred.node');
      case 'freebsd-x64':
        return require('../../prebuilds/freebsd-x64/sockcred.node');
      case 'freebsd-arm64':
        return require('../../prebuilds/freebsd-arm64/sockcred.node');
      case 'netbsd-x64':
        return require('../../prebuilds/netbsd-x64/sockcred.node');
      case 'netbsd-arm64':
        return require('../../prebuilds/netbsd-arm64/sockcred.node');
    }
  }
  // Also for what `npx sockcred build` makes on any other system.
  return createRequire(import.meta.url)(`../../prebuilds/${target}/sockcred.node`);
}

let loaded: Addon | undefined;

/**
 * The addon, loaded once per thread.
 *
 * @throws {@link PeerError} `ERR_PEER_ADDON` where no binary fits or loads.
 */
export function addon(): Addon {
  if (loaded !== undefined) return loaded;
  const target = `${process.platform}-${process.arch}`;
  let candidate: Addon;
  try {
    candidate = load(target) as Addon;
  } catch (cause) {
    const message = `no native addon for ${target} loads here; 'npx sockcred build' makes one (it needs a C compiler)`;
    throw new PeerError('ERR_PEER_ADDON', message, { scope: 'daemon', cause });
  }
  if (candidate.abi !== ABI) {
    const message = `the native addon for ${target} is of another version (ABI ${candidate.abi}, needed: ${ABI}); 'npx sockcred build' makes it again (it needs a C compiler)`;
    throw new PeerError('ERR_PEER_ADDON', message, { scope: 'daemon' });
  }
  loaded = candidate;
  return candidate;
}
