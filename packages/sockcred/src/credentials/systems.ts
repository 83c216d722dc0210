/**
 * What each kernel can vouch for about the peer of a Unix socket: the one table
 * that decoding, the tests and docs/os-support.md read. Pure data. Moments are
 * those of the kernel's own source or manual; where these disagree or say
 * nothing, the moment is left open.
 */

import type { NativeSystem } from '../sys/addon.ts';
import type { CaptureMoment, PeerRole, UnknownReason } from './evidence.ts';

/** The kernel's own name for a question about the peer. */
export type PeerOption =
  | 'SO_PEERCRED'
  | 'SO_PEERGROUPS'
  | 'SO_PEERSEC'
  | 'LOCAL_PEERCRED'
  | 'LOCAL_PEEREID'
  | 'getpeereid'
  | 'getpeerucred';

/** The kernel's own name for what tells of a message's sender, beside the message. */
export type SenderOption = 'SCM_CREDENTIALS' | 'SCM_CREDS' | 'SCM_CREDS2' | 'SCM_UCRED';

/** The kernel's own name for what a peer's process is held by. */
export type ProcessOption = 'SO_PEERPIDFD' | 'LOCAL_PEERTOKEN' | 'EVFILT_PROC';

/** A field that this kernel answers, and a sentence on the limits of the answer. */
export interface Answered<Option = PeerOption> {
  readonly option: Option;
  readonly note?: string;
  /** Of groups: why the list is never, or not always, known to be complete. */
  readonly incomplete?: string;
}

/** A field that this kernel never tells. */
export interface Untold {
  readonly reason: UnknownReason;
  readonly detail: string;
}

/** `open`: it is recorded, and when is not certain. `never`: nobody is recorded for this end. */
export type Moment = CaptureMoment | 'open' | 'never';

/** How the native file for this system has been proven in this repository. */
export type Proof = 'run' | 'compiled against real headers' | 'compiled against declarations only' | 'none';

/** What a message tells of its sender. */
export interface SenderFacts {
  /** Real ids, everywhere. */
  readonly ids: Answered<SenderOption>;
  readonly effectiveIds: Answered<SenderOption> | Untold;
  readonly pid: Answered<SenderOption>;
  readonly groups: Answered<SenderOption> | Untold;
  /** Its name where the sender attached it; the kernel fills it in all the same. */
  readonly attached?: SenderOption;
  /** Whether a sender may name other ids than those that the kernel would. */
  readonly chosenBy: 'kernel' | 'kernel-or-sender';
}

export interface SystemFacts {
  readonly name: NativeSystem;
  readonly title: string;
  readonly proof: Proof;
  readonly ids: Answered | Untold;
  readonly pid: Answered | Untold;
  readonly groups: Answered | Untold;
  readonly label: Answered | Untold;
  readonly otherIds: Answered | Untold;
  readonly zone: Answered | Untold;
  readonly sender: SenderFacts | Untold;
  /** By what the peer's process can be held. */
  readonly process: Answered<ProcessOption> | Untold;
  /** In which call of the recorded process ids and groups were captured. */
  readonly moments: Readonly<Record<PeerRole, Moment>>;
  /** A process id that is absent beside known ids may be one that a namespace hides. */
  readonly pidNamespaces: boolean;
  /** A kernel of this family was seen to name the asking client itself as its listener. */
  readonly listenerMayBeOurselves: boolean;
}

const untold = (detail: string): Untold => ({ reason: 'unsupported', detail });

const NO_GROUPS = untold('this system records no supplementary groups for a socket');
const NO_LABEL = untold('no answer to a question for a security label is built in for this system');
const NO_PID = untold('this system records no process for a socket');
const NO_OTHER_IDS = untold('this system records effective ids only');
const NO_ZONE = untold('this system has no zones');
const NOTHING = untold('this system has no question about a peer');
const NO_PROCESS = untold('this system records no process that could be held');
const NO_WAIT = untold('no way to wait for the end of another process is built in for this system');
const NO_SENDER = untold('this system passes no credentials with messages');
const NO_SENDER_BUILT_IN = untold('credentials that come with messages are not built in for this system');

const SIXTEEN = 'the system caps its list at 16 groups, and this one reached the cap';

/** Groups and all ids by one control message, which the kernel fills. */
function stamped(
  option: SenderOption,
  ids: Omit<Answered, 'option'>,
  groups: Omit<Answered, 'option'>,
): SenderFacts {
  return {
    ids: { option, ...ids },
    effectiveIds: { option },
    pid: { option },
    groups: { option, ...groups },
    chosenBy: 'kernel',
  };
}

const BY_ITS_NUMBER = {
  option: 'EVFILT_PROC',
  note: 'whether it has ended, and nothing else; whoever has the recorded number when asked for: `pid-only`',
} as const;

const CUT_AT_SIXTEEN = { incomplete: SIXTEEN, note: 'complete below 16' };
const MOST_BUILT_IN = { note: 'complete; up to 32' };

const PLAIN = {
  groups: NO_GROUPS,
  label: NO_LABEL,
  otherIds: NO_OTHER_IDS,
  zone: NO_ZONE,
  sender: NO_SENDER,
  process: NO_PROCESS,
  pidNamespaces: false,
  listenerMayBeOurselves: false,
} as const;

export const SYSTEMS: readonly SystemFacts[] = Object.freeze([
  {
    ...PLAIN,
    name: 'linux',
    title: 'Linux',
    proof: 'run',
    ids: { option: 'SO_PEERCRED' },
    pid: { option: 'SO_PEERCRED', note: 'absent for a process in a pid namespace that cannot be seen' },
    groups: { option: 'SO_PEERGROUPS', note: 'complete; Linux 4.13' },
    label: {
      option: 'SO_PEERSEC',
      note: 'where a security module labels sockets; as of the peer’s socket(2); Linux 4.17',
    },
    process: {
      option: 'SO_PEERPIDFD',
      note: 'Linux 6.5; before, whoever has the recorded number when asked for: `pid-only`',
    },
    sender: {
      ids: { option: 'SCM_CREDENTIALS' },
      effectiveIds: untold('this system passes real ids, or those that the sender chose, and no others'),
      pid: { option: 'SCM_CREDENTIALS' },
      groups: untold('this system passes no groups with messages'),
      chosenBy: 'kernel-or-sender',
    },
    moments: { connector: 'connect', listener: 'listen', creator: 'socketpair' },
    pidNamespaces: true,
  },
  {
    ...PLAIN,
    name: 'darwin',
    title: 'macOS',
    proof: 'compiled against real headers',
    ids: { option: 'LOCAL_PEERCRED', note: 'stream sockets' },
    pid: untold('this system knows the last process that used the socket, which need not be its peer'),
    groups: {
      option: 'LOCAL_PEERCRED',
      incomplete: 'the directory service may add groups that the kernel does not list',
    },
    process: {
      option: 'LOCAL_PEERTOKEN',
      note: 'macOS 11; `last-use`: whoever used the socket last, not who connected; its ids, and whether it has ended; `pid-only`',
    },
    moments: { connector: 'connect', listener: 'listen', creator: 'socketpair' },
  },
  {
    ...PLAIN,
    name: 'freebsd',
    title: 'FreeBSD',
    proof: 'compiled against real headers',
    ids: { option: 'LOCAL_PEERCRED' },
    pid: { option: 'LOCAL_PEERCRED', note: 'FreeBSD 13.0; absent for 32-bit processes' },
    groups: { option: 'LOCAL_PEERCRED', ...CUT_AT_SIXTEEN },
    sender: {
      ...stamped(
        'SCM_CREDS2',
        { note: 'FreeBSD 13.0; of a stream, of the first byte of each send' },
        CUT_AT_SIXTEEN,
      ),
      attached: 'SCM_CREDS',
    },
    process: BY_ITS_NUMBER,
    moments: { connector: 'connect', listener: 'listen', creator: 'open' },
  },
  {
    ...PLAIN,
    name: 'dragonfly',
    title: 'DragonFly',
    proof: 'compiled against declarations only',
    ids: { option: 'LOCAL_PEERCRED' },
    pid: NO_PID,
    groups: { option: 'LOCAL_PEERCRED', ...CUT_AT_SIXTEEN },
    sender: stamped('SCM_CREDS', { note: 'of datagrams only' }, CUT_AT_SIXTEEN),
    moments: { connector: 'connect', listener: 'listen', creator: 'never' },
  },
  {
    ...PLAIN,
    name: 'openbsd',
    title: 'OpenBSD',
    proof: 'compiled against real headers',
    ids: { option: 'SO_PEERCRED' },
    pid: { option: 'SO_PEERCRED' },
    process: BY_ITS_NUMBER,
    moments: { connector: 'connect', listener: 'bind', creator: 'socketpair' },
  },
  {
    ...PLAIN,
    name: 'netbsd',
    title: 'NetBSD',
    proof: 'compiled against real headers',
    ids: { option: 'LOCAL_PEEREID' },
    pid: { option: 'LOCAL_PEEREID' },
    process: { ...BY_ITS_NUMBER, note: `NetBSD 10; ${BY_ITS_NUMBER.note}` },
    sender: stamped(
      'SCM_CREDS',
      { note: 'NetBSD 8; of each datagram, and of the first message only of a connection' },
      MOST_BUILT_IN,
    ),
    moments: { connector: 'connect', listener: 'open', creator: 'open' },
    listenerMayBeOurselves: true,
  },
  {
    ...PLAIN,
    name: 'sunos',
    title: 'illumos, Solaris',
    proof: 'compiled against declarations only',
    ids: { option: 'getpeerucred' },
    pid: { option: 'getpeerucred' },
    groups: { option: 'getpeerucred', note: 'complete' },
    otherIds: { option: 'getpeerucred' },
    zone: { option: 'getpeerucred', note: 'the id of the zone that the process runs in' },
    process: NO_WAIT,
    sender: stamped('SCM_UCRED', { note: 'of datagrams only' }, MOST_BUILT_IN),
    moments: { connector: 'connect', listener: 'open', creator: 'open' },
  },
  {
    ...PLAIN,
    name: 'getpeereid',
    title: 'AIX and others with getpeereid(3)',
    proof: 'compiled against real headers',
    ids: { option: 'getpeereid' },
    pid: NO_PID,
    sender: NO_SENDER_BUILT_IN,
    moments: { connector: 'open', listener: 'open', creator: 'open' },
  },
  {
    ...PLAIN,
    name: 'none',
    title: 'everything else',
    proof: 'none',
    ids: NOTHING,
    pid: NOTHING,
    process: NOTHING,
    sender: NO_SENDER_BUILT_IN,
    moments: { connector: 'never', listener: 'never', creator: 'never' },
  },
] satisfies SystemFacts[]);

const byName: ReadonlyMap<string, SystemFacts> = new Map(SYSTEMS.map(system => [system.name, system]));

/** The facts about a system; a name that is not in the table knows nothing. */
export function systemFacts(name: string): SystemFacts {
  return byName.get(name) ?? (byName.get('none') as SystemFacts);
}
