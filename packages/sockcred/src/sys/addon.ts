/**
 * Loads the native addon, at the first question and not at import: importing
 * this library never throws. The table of literal paths is for bundlers, which
 * follow a literal `require` and nothing else.
 */

import { createRequire } from 'node:module';
import { PeerError } from '../errors.ts';

/** What `native/addon.c` exports; a negative result is minus a status of `native/sys.h`. */
export interface Addon {
  readonly abi: number;
  readonly system: 'linux' | 'none';
  resize(groups: number, labelBytes: number): ArrayBuffer;
  peer(fd: number): number;
  kind(fd: number): number;
  isDatagram(fd: number): number;
  peerPidfd(fd: number): number;
  selfTest(): number;
  streamSocket(): number;
  seqpacketSocket(): number;
  bindListen(fd: number, name: Uint8Array, backlog: number): number;
  connect(fd: number, name: Uint8Array): number;
}

/** Changes with the meaning of anything that crosses the boundary; `native/addon.c` has the same number. */
const ABI = 2;

function load(target: string): unknown {
  const require = createRequire(import.meta.url);
  switch (target) {
    case 'linux-x64':
      return require('../../prebuilds/linux-x64/sockcred.node');
    case 'linux-arm64':
      return require('../../prebuilds/linux-arm64/sockcred.node');
    default:
      return require(`../../prebuilds/${target}/sockcred.node`);
  }
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
    const message = `the native addon for ${target} does not load; build it with 'npm run build' (needs a C compiler)`;
    throw new PeerError('ERR_PEER_ADDON', message, { scope: 'daemon', cause });
  }
  if (candidate.abi !== ABI) {
    const message = `the native addon for ${target} is of another version (ABI ${candidate.abi}, needed: ${ABI}); build it again with 'npm run build'`;
    throw new PeerError('ERR_PEER_ADDON', message, { scope: 'daemon' });
  }
  loaded = candidate;
  return candidate;
}
