/** A peer in a few words, for people. */

import type { Peer } from 'sockcred';

function known(name: string, value: number | undefined): string {
  return value === undefined ? `an unknown ${name}` : `${name} ${value}`;
}

/** The first line for a person: `uid 1000, gid 1000, pid 4242`. */
export function summary(peer: Peer): string {
  return `${known('uid', peer.uid)}, ${known('gid', peer.gid)}, ${known('pid', peer.pid)}`;
}
