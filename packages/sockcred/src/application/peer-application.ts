/**
 * Which application, container or service the peer's process is part of, as
 * several graded claims; see `claim.ts` for what a claim is worth. Everything
 * is read in one bracket around the held process: it lived, with the same ids,
 * program and cgroup, from the first look to the last.
 */

import { type PeerSource, peerCredentials } from '../credentials/ask.ts';
import { unknown } from '../credentials/evidence.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { type Fact, fact } from '../process/graded.ts';
import { type HeldProcess, pinBehind, requireLinux } from '../process/held-process.ts';
import { descriptorBehind, type PeerProcess } from '../process/peer-process.ts';
import { type PidfdAnswer, type Pin, pinPeer } from '../process/pin.ts';
import type { ProcessFiles } from '../process/process-files.ts';
import { isOwnNetwork, ownNamespace } from '../sys/namespaces.ts';
import { netnsCookie } from '../sys/pidfd.ts';
import { CgroupFailure, type PeerCgroup, readCgroup } from './cgroup.ts';
import type { Claim, Containment, Engine } from './claim.ts';
import { containmentOf } from './confinement.ts';
import { container } from './detect-container.ts';
import { flatpak } from './detect-flatpak.ts';
import { slurm } from './detect-slurm.ts';
import { snap } from './detect-snap.ts';
import { systemd } from './detect-systemd.ts';
import { type Detector, DetectorFailure, type Evidences } from './detector.ts';
import { labelOfProcess, labelOfSocket, type ToldLabel } from './told-label.ts';

/** Which questions are asked. */
export interface ApplicationOptions {
  /** The engines that count here. One that is left out is not looked for. Default: all. */
  readonly engines?: readonly Engine[];
}

/** What the peer's process is part of. */
export interface PeerApplication {
  /** Sandboxes first, then containers from the innermost out, then the unit. Empty: none of the engines asked knows it. */
  readonly claims: readonly Claim[];
  /** The cgroup of this moment, where a claim wanted it or all engines were asked. */
  readonly cgroup?: PeerCgroup;
  /** What holds the process, where a claim wanted it or all engines were asked; whether any claims it or not. */
  readonly containment?: readonly Containment[];
  /** Whether the peer made its socket in our network namespace. */
  readonly network: Fact<'same' | 'other'>;
  /** The label of the peer's socket, or of a process that no socket was asked about; absent where there is none. */
  readonly label?: ToldLabel;
}

/** Sandboxes before what they run in; the order of the claims. */
const DETECTORS: readonly Detector[] = [flatpak, snap, container, slurm, systemd];

const NO_COOKIE = unknown('unsupported', 'no answer to SO_NETNS_COOKIE on this system (Linux 5.14)');
const NOT_ACCEPTED = unknown(
  'not-provided',
  'only an accepted socket tells the network namespace of the other end',
);

const failed = (message: string, cause: unknown) =>
  new PeerError('ERR_PEER_APPLICATION', `the application of the peer cannot be told: ${message}`, {
    scope: 'connection',
    cause,
  });

/** Keeps the answer of the first time. */
function once<T>(ask: () => T): () => T {
  let answer: { readonly value: T } | undefined;
  return () => {
    answer ??= { value: ask() };
    return answer.value;
  };
}

function translated(error: unknown): unknown {
  if (error instanceof PeerError || error instanceof PeerTypeError) return error;
  if (error instanceof DetectorFailure || error instanceof CgroupFailure) return failed(error.message, error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error : failed(`a file of the process cannot be read (${code})`, error);
}

function collect(
  pin: Pin,
  peer: PeerCredentials | undefined,
  files: ProcessFiles,
  info: PidfdAnswer,
  engines: readonly Engine[],
): Pick<PeerApplication, 'claims' | 'cgroup' | 'containment'> {
  let seen: PeerCgroup | undefined;
  const cgroup = once(() => {
    seen = readCgroup(pin, files, info);
    return seen;
  });
  let held: readonly Containment[] | undefined;
  const containment = once(() => {
    held = containmentOf(files, info);
    return held;
  });
  const evidences: Evidences = { peer, pin, files, info, cgroup, containment };
  const claims: Claim[] = [];
  for (const { engine, detect } of DETECTORS) {
    if (!engines.includes(engine)) continue;
    const answer = detect(evidences);
    if (answer !== 'not-mine') claims.push(...answer);
  }
  if (DETECTORS.every(({ engine }) => engines.includes(engine))) containment();
  return {
    claims: Object.freeze(claims),
    ...(seen === undefined ? {} : { cgroup: seen }),
    ...(held === undefined ? {} : { containment: held }),
  };
}

/** All engines, in the order of their claims. */
export const ENGINES: readonly Engine[] = Object.freeze(DETECTORS.map(({ engine }) => engine));

function checkedEngines(options: ApplicationOptions | undefined): readonly Engine[] {
  const engines = options?.engines ?? ENGINES;
  for (const engine of engines) {
    if (!ENGINES.includes(engine)) {
      throw new PeerTypeError('ERR_ARGUMENT', `engines must be some of ${ENGINES.join(', ')}`);
    }
  }
  return engines;
}

function networkOf(fd: number | undefined, peer: PeerCredentials | undefined): Fact<'same' | 'other'> {
  if (fd === undefined || peer?.role !== 'connector') return NOT_ACCEPTED;
  const theirs = netnsCookie(fd);
  const same = theirs === undefined ? undefined : isOwnNetwork(theirs, ownNamespace('net'));
  if (same === undefined) return NO_COOKIE;
  return fact(same ? 'same' : 'other', 'kernel', 'SO_NETNS_COOKIE');
}

function tell(
  pin: Pin,
  peer: PeerCredentials | undefined,
  fd: number | undefined,
  engines: readonly Engine[],
): PeerApplication {
  let found: ReturnType<typeof collect>;
  let label: ToldLabel | undefined;
  try {
    found = pin.read((files, info) => collect(pin, peer, files, info, engines));
    label = peer === undefined ? labelOfProcess(pin) : labelOfSocket(peer);
  } catch (error) {
    throw translated(error);
  }
  return Object.freeze({
    ...found,
    network: networkOf(fd, peer),
    ...(label === undefined ? {} : { label }),
  });
}

function isHeld(source: PeerSource | HeldProcess): source is HeldProcess {
  return typeof source === 'object' && source !== null && 'describe' in source && 'exitStatus' in source;
}

/** What was recorded with a socket, if that is where the process came from. */
function recordedOf(process: HeldProcess): PeerCredentials | undefined {
  return (process as Partial<PeerProcess>).credentials;
}

/** Runs a question about a source on its process, which is let go afterwards unless it was held before. */
function withPin<T>(
  source: PeerSource | HeldProcess,
  ask: (pin: Pin, peer: PeerCredentials | undefined, fd: number | undefined) => T,
): T {
  if (isHeld(source)) return ask(pinBehind(source), recordedOf(source), undefined);
  requireLinux();
  const peer = peerCredentials(source);
  const fd = descriptorBehind(source);
  const pin = pinPeer(fd, peer);
  try {
    return ask(pin, peer, fd);
  } finally {
    pin.close();
  }
}

/**
 * Which application, container or service the peer of a Unix socket is, or
 * that of a process that is held already.
 *
 * Every engine that is asked either claims the process, or does not know it, or
 * cannot tell; if one cannot tell, that is an error and never "none". A peer
 * of another user can be looked into by root only.
 *
 * @remarks
 * Trust: each claim says itself how surely it is about the process, whose word
 * it is, and what contains the process. Let a claim lower trust; raise trust
 * only by one whose `authority.of` is `kernel` or `root`. Time: now, but for
 * labels. The process that connected need not be the one that speaks: a proxy
 * is what connected, and a Flatpak's proxy looks like its application.
 *
 * @throws what {@link peerProcess} throws, and
 * @throws {@link PeerError} `ERR_PEER_APPLICATION`, `ERR_PEER_RACED`
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { peerApplication } from 'sockcred/application';
 *
 * const server = createServer(socket => {
 *   const { claims } = peerApplication(socket);
 *   const sandboxed = claims.some(({ engine }) => engine === 'flatpak' || engine === 'snap');
 *   socket.end(sandboxed ? 'some things are kept from you\n' : 'as your user may\n');
 * });
 * server.listen('\0sockcred-application-example', () => server.close());
 * ```
 */
export function peerApplication(
  source: PeerSource | HeldProcess,
  options?: ApplicationOptions,
): PeerApplication {
  const engines = checkedEngines(options);
  return withPin(source, (pin, peer, fd) => tell(pin, peer, fd, engines));
}

/**
 * The cgroup of the peer's process at this moment: what a `SO_PEERCGROUP`
 * would have told, checked by the kernel's number of the cgroup.
 *
 * @remarks
 * Trust: the kernel for the cgroup itself (Linux 6.13; `binding` is `pinned`
 * before), and for each name of its path whoever its `authority` says. Time:
 * now; a process can have been moved since it connected.
 *
 * @throws what {@link peerApplication} throws.
 *
 * @example
 * ```ts
 * import { peerCgroup } from 'sockcred/application';
 * import type { Socket } from 'node:net';
 *
 * export const isSystemService = (socket: Socket, unit: string) =>
 *   peerCgroup(socket).segments.some(
 *     ({ name, authority }, at) => at === 1 && name === unit && authority.of === 'root',
 *   );
 * ```
 */
export function peerCgroup(source: PeerSource | HeldProcess): PeerCgroup {
  return withPin(source, pin => {
    try {
      return pin.read((files, info) => readCgroup(pin, files, info));
    } catch (error) {
      throw translated(error);
    }
  });
}
