/** The sockets that were asked for, each connection once, with who is at which end. */

import type { UnixSocket, UnixSockets } from 'sockcred';
import { lookAtHolders, type Part, type Sighting, type Unknown, type Who } from './ls-holders.ts';
import type { LsOptions } from './ls-options.ts';

/** A connection that nobody has accepted yet. */
export interface Waiter {
  readonly inode: number;
  readonly holders: readonly Who[];
}

/** One socket, or both ends of a connection. */
export interface Entry {
  readonly inode: number;
  readonly type: UnixSocket['type'];
  readonly state: UnixSocket['state'];
  readonly name?: string;
  readonly leadsHere?: boolean;
  readonly peerInode?: number;
  readonly peerName?: string;
  /** How many, the ones that have gone again too. */
  readonly waiting: number;
  readonly holders: readonly Who[];
  readonly peers: readonly Who[];
  readonly waiters: readonly Waiter[];
}

/** What is told before a process is looked at. */
interface Candidate {
  readonly socket: UnixSocket;
  readonly peer: UnixSocket | undefined;
  readonly waiters: readonly UnixSocket[];
}

const ends = ({ socket, peer, waiters }: Candidate): readonly UnixSocket[] => [
  socket,
  ...(peer === undefined ? [] : [peer]),
  ...waiters,
];

/** Of the two ends of a connection the one to be listed: that with a name, as accepted sockets have the listener's. */
function isSecondEnd(socket: UnixSocket, peer: UnixSocket | undefined): boolean {
  // A datagram socket may send to one that knows nothing of it: those are no two ends.
  if (peer?.peer !== socket.inode || peer.inode === socket.inode) return false;
  if ((socket.name === undefined) !== (peer.name === undefined)) return socket.name === undefined;
  return socket.inode > peer.inode;
}

function candidates({ sockets }: UnixSockets): readonly Candidate[] {
  const byInode = new Map(sockets.map(socket => [socket.inode, socket]));
  // Told with the socket that they wait at.
  const waiting = new Set(sockets.flatMap(({ waitingInodes }) => waitingInodes));
  return sockets.flatMap(socket => {
    const peer = socket.peer === undefined ? undefined : byInode.get(socket.peer);
    if (isSecondEnd(socket, peer)) return [];
    if (waiting.has(socket.inode) && socket.state === 'connected') return [];
    const waiters = socket.waitingInodes.flatMap(inode => byInode.get(inode) ?? []);
    return [{ socket, peer, waiters }];
  });
}

/** What can be told without looking at a process. */
function isWanted(candidate: Candidate, options: LsOptions): boolean {
  const { socket, peer } = candidate;
  const names = [socket.name, peer?.name].filter(name => name !== undefined);
  if (!options.all && socket.state !== 'listening' && names.length === 0) return false;
  if (options.state !== undefined && socket.state !== options.state) return false;
  if (options.type !== undefined && socket.type !== options.type) return false;
  const { name: text, pid } = options;
  if (pid !== undefined && !ends(candidate).some(({ holders }) => holders.some(one => one.pid === pid))) {
    return false;
  }
  return text === undefined || names.some(name => name.includes(text));
}

const everybody = ({ holders, peers, waiters }: Entry): readonly Who[] => [
  ...holders,
  ...peers,
  ...waiters.flatMap(waiter => waiter.holders),
];

function isPartOf(who: Who, { unit, application }: LsOptions): boolean {
  if (who.unknown !== undefined) return false;
  const { claims } = who;
  return (
    (unit === undefined || claims.some(claim => claim.unit === unit || claim.userUnit === unit)) &&
    (application === undefined ||
      claims.some(claim => claim.applicationId === application || claim.instanceId === application))
  );
}

/** What the processes themselves must be for. */
function isAsked(entry: Entry, options: LsOptions): boolean {
  const { uid, pid, unit, application } = options;
  if ([uid, pid, unit, application].every(wish => wish === undefined)) return true;
  return everybody(entry).some(
    who =>
      (pid === undefined || who.pid === pid) &&
      (uid === undefined || (who.unknown === undefined && who.uid === uid)) &&
      ((unit === undefined && application === undefined) || isPartOf(who, options)),
  );
}

const STATES: readonly UnixSocket['state'][] = ['listening', 'connected', 'other'];

function compare(one: Entry, other: Entry): number {
  const name = (entry: Entry) => entry.name ?? entry.peerName ?? '\u{10ffff}';
  if (name(one) !== name(other)) return name(one) < name(other) ? -1 : 1;
  return STATES.indexOf(one.state) - STATES.indexOf(other.state) || one.inode - other.inode;
}

/** What is listed, in an order that does not change while the sockets do not. */
export function entriesOf(listed: UnixSockets, options: LsOptions): readonly Entry[] {
  const wanted = candidates(listed).filter(candidate => isWanted(candidate, options));
  const sightings: readonly Sighting[] = wanted
    .flatMap(ends)
    .flatMap(({ inode, holders }) => holders.map(holder => ({ inode, holder })));
  const whoIs = lookAtHolders(sightings);
  const whoHolds = (socket: UnixSocket | undefined): readonly Who[] =>
    (socket?.holders ?? [])
      .map(holder => whoIs(socket?.inode ?? 0, holder))
      .sort((one, other) => one.pid - other.pid || one.fd - other.fd);
  return wanted
    .map(({ socket, peer, waiters }): Entry => {
      const { inode, type, state, name, leadsHere, waiting } = socket;
      return {
        inode,
        type,
        state,
        ...(name === undefined ? {} : { name }),
        ...(leadsHere === undefined ? {} : { leadsHere }),
        ...(socket.peer === undefined ? {} : { peerInode: socket.peer }),
        ...(peer?.name === undefined ? {} : { peerName: peer.name }),
        waiting,
        holders: whoHolds(socket),
        peers: whoHolds(peer),
        waiters: waiters.map(waiter => ({ inode: waiter.inode, holders: whoHolds(waiter) })),
      };
    })
    .filter(entry => isAsked(entry, options))
    .sort(compare);
}

/** A holder as `--json` prints it. */
function plainWho(who: Who): Readonly<Record<string, unknown>> {
  if (who.unknown !== undefined) return { ...who };
  const { claims: _, ...rest }: typeof who & { readonly part?: Part | Unknown } = who;
  return rest;
}

/** What `--json` prints. */
export function entryToJson(entry: Entry): Readonly<Record<string, unknown>> {
  return {
    ...entry,
    holders: entry.holders.map(plainWho),
    peers: entry.peers.map(plainWho),
    waiters: entry.waiters.map(({ inode, holders }) => ({ inode, holders: holders.map(plainWho) })),
  };
}
