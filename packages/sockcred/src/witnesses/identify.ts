/**
 * What a policy may ask besides the credentials: is the process there, whose
 * namespaces is it in, which unit, application and container is it? Who
 * vouches: the kernel for the process, which the socket itself gave, and for
 * its names whoever gave them; a name that others than root could have given
 * says so. Time: now. Each fact is read when a rule wants it, synchronously and
 * in a bracket, and nothing stays open.
 */

import { type PeerCgroup, readCgroup } from '../application/cgroup.ts';
import { peerApplication } from '../application/peer-application.ts';
import type { Fact, OtherWitnesses, UnknownFact } from '../authorization/fact.ts';
import { known } from '../authorization/fact.ts';
import type { PeerSource } from '../credentials/ask.ts';
import type { UnknownReason } from '../credentials/evidence.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, type PeerErrorCode } from '../errors.ts';
import type { Binding } from '../process/graded.ts';
import { type HeldProcess, requireLinux } from '../process/held-process.ts';
import { descriptorBehind } from '../process/peer-process.ts';
import { type Pin, pinPeer } from '../process/pin.ts';
import { addon } from '../sys/addon.ts';
import { pinnedPid } from '../sys/pinned-pid.ts';
import { applicationFact, containerFact, unitFact, userUnitFact } from './application-facts.ts';
import { sharedNamespaces } from './shared-namespaces.ts';
import { weighedByBinding } from './weight.ts';

const ALL: readonly (keyof OtherWitnesses)[] = Object.freeze([
  'process',
  'alive',
  'namespaces',
  'unit',
  'userUnit',
  'application',
  'container',
]);

/** The sandboxes whose applications have ids; a unit or a container is a fact of its own. */
const SANDBOXES = { engines: ['flatpak', 'snap'] } as const;

const REASONS: { readonly [code in PeerErrorCode]?: UnknownReason } = {
  ERR_PEER_GONE: 'gone',
  ERR_PEER_CLOSED: 'gone',
  ERR_PEER_RACED: 'raced',
  ERR_PEER_UNSUPPORTED: 'unsupported',
  ERR_PEER_PROCESS: 'hidden',
};

/** Why a fact cannot be told. Never "none": that would be an answer. */
function untold(error: unknown): UnknownFact {
  if (error instanceof PeerError) {
    return { known: false, reason: REASONS[error.code] ?? 'refused', detail: error.message };
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return { known: false, reason: 'refused', detail: 'reading it needs the right to trace the process' };
  }
  return { known: false, reason: 'refused', detail: code ?? message };
}

/** The process that facts are asked of, and how long it is held. */
interface Behind {
  pinned<T>(ask: (pin: Pin) => T): T;
  readonly source: PeerSource | HeldProcess;
  /** What the binding of a claim about it counts as. */
  binding(found: Binding): Binding;
}

function told<T>(ask: () => Fact<T>): Fact<T> {
  try {
    return ask();
  } catch (error) {
    return untold(error);
  }
}

/** It has ended is an answer, also where the kernel keeps nothing of it. */
function aliveOf({ pinned }: Behind): Fact<boolean> {
  try {
    return pinned(pin => weighedByBinding(!pin.ended(), pin.binding));
  } catch (error) {
    return error instanceof PeerError && error.code === 'ERR_PEER_GONE' ? known(false) : untold(error);
  }
}

function applicationOf({ source, binding }: Behind): Fact<string | null> {
  const { claims } = peerApplication(source, SANDBOXES);
  return applicationFact(claims.map(claim => ({ ...claim, binding: binding(claim.binding) })));
}

function witnessesOf(behind: Behind): OtherWitnesses {
  let read: { readonly cgroup: PeerCgroup } | { readonly missing: UnknownFact } | undefined;
  /** One reading for the three facts that are names of cgroups. */
  const byCgroup = (ask: (cgroup: PeerCgroup) => Fact<string | null>): Fact<string | null> => {
    try {
      read ??= { cgroup: behind.pinned(pin => pin.read((files, info) => readCgroup(pin, files, info))) };
    } catch (error) {
      read = { missing: untold(error) };
    }
    return 'missing' in read ? read.missing : ask(read.cgroup);
  };
  return {
    alive: () => aliveOf(behind),
    namespaces: () =>
      told(() => behind.pinned(pin => weighedByBinding(pin.read(sharedNamespaces), pin.readBinding))),
    unit: () => byCgroup(unitFact),
    userUnit: () => byCgroup(userUnitFact),
    container: () => byCgroup(containerFact),
    application: () => told(() => applicationOf(behind)),
  };
}

/** Which process the peer of a live socket is at this moment; also for gates that nobody gave `identify`. */
export function processNow(source: PeerSource): Fact<number> {
  return told(() => {
    requireLinux();
    const found = pinnedPid(descriptorBehind(source));
    return 'pid' in found ? known(found.pid) : { known: false, ...found };
  });
}

/**
 * The facts besides the credentials that {@link identifyPeer} can tell on this system, for
 * `PolicyOptions.witnesses`: all of them on Linux, none elsewhere.
 *
 * @example
 * ```ts
 * import { definePolicy } from 'sockcred/authorization';
 * import { peerWitnesses } from 'sockcred/witnesses';
 *
 * const rule = { effect: 'allow', user: 0, sameNamespaces: true } as const;
 * const policy = definePolicy({ rules: [rule] }, { witnesses: peerWitnesses() });
 * console.log(policy.findings.length); // 0
 * ```
 */
export function peerWitnesses(): readonly (keyof OtherWitnesses)[] {
  try {
    return addon().system === 'linux' ? ALL : [];
  } catch {
    return [];
  }
}

/**
 * Witnesses of a connected peer for a policy: its process, whether that exists, the namespaces that it has in
 * common with this program, its unit, its user's unit, its application and its container. To be given to
 * `createGate({ identify: identifyPeer })`, or to `policy.decide(peer, identifyPeer(peer, socket))`.
 *
 * Nothing is asked before a rule needs it. A fact that cannot be told is unknown, never "none"; of a peer of another
 * user only root can tell namespaces and application.
 *
 * @remarks
 * Trust: the kernel for process, namespaces and cgroup; names of cgroups and applications are the word of whoever
 * gave them, and raise no trust unless that is root or the kernel, or the rule believes it. Before Linux 6.5 the process
 * is found by its number, and every fact of it is as weak. Of nested units and containers the outermost is told. Time: now, at
 * the moment when a rule asks.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { definePolicy } from 'sockcred/authorization';
 * import { createGate } from 'sockcred/gate';
 * import { identifyPeer, peerWitnesses } from 'sockcred/witnesses';
 *
 * const authorize = definePolicy(
 *   { rules: [{ effect: 'allow', unit: 'backup.service', user: 0, sameNamespaces: true }] },
 *   { witnesses: peerWitnesses() },
 * );
 * const gate = createGate({ authorize, identify: identifyPeer }).handTo(createServer());
 * await gate.listen('@sockcred-witnesses-example');
 * await gate.close();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/namespaces.7.html
 */
export function identifyPeer(peer: PeerCredentials, source: PeerSource): OtherWitnesses {
  const behind: Behind = {
    source,
    binding: found => found,
    pinned(ask) {
      requireLinux();
      const pin = pinPeer(descriptorBehind(source), peer);
      try {
        return ask(pin);
      } finally {
        pin.close();
      }
    },
  };
  return {
    process: () => processNow(source),
    ...witnessesOf(behind),
  };
}

/** What would be told of a process that is held, if a socket had given it; for `sockcred/testing`. */
export function supposedWitnesses(process: HeldProcess, pin: Pin): OtherWitnesses {
  const given: Pin = { ...pin, binding: 'kernel', readBinding: 'pinned' };
  return witnessesOf({ source: process, pinned: ask => ask(given), binding: () => 'pinned' });
}
