/**
 * Does each mechanism of this system answer, and rightly? The witness is a
 * connection of this process to itself, about which everything is known
 * beforehand. Nothing here throws: what fails is a finding.
 */

import { peerCredentials } from '../credentials/ask.ts';
import type { CredentialField } from '../credentials/evidence.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { type SystemFacts, systemFacts } from '../credentials/systems.ts';
import { addon } from '../sys/addon.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { idView } from '../sys/id-view.ts';
import { labellingModules, linuxSince, targetName } from '../sys/kernel.ts';
import { peerPidfd } from '../sys/peer-pidfd.ts';
import { pidfdProcess } from '../sys/pidfd-info.ts';
import { ensureTrustworthy } from '../sys/self-test.ts';

/**
 * `works`: it answered, and rightly. `absent`: this system, kernel or runtime
 * does not have it, which the detail explains. `broken`: it should have worked.
 */
export type MechanismState = 'works' | 'absent' | 'broken';

/** One mechanism and what became of trying it. */
export interface Mechanism {
  /** The kernel's or runtime's own name for it. */
  readonly name: string;
  /** What it is good for. */
  readonly gives: string;
  readonly state: MechanismState;
  readonly detail: string;
}

type Finding = Pick<Mechanism, 'state' | 'detail'>;

const works = (detail: string): Finding => ({ state: 'works', detail });
const absent = (detail: string): Finding => ({ state: 'absent', detail });
const broken = (detail: string): Finding => ({ state: 'broken', detail });

/** A mechanism by what trying it finds; an error is a finding too. */
export function tried(name: string, gives: string, attempt: () => Finding): Mechanism {
  let finding: Finding;
  try {
    finding = attempt();
  } catch (error) {
    finding = broken(error instanceof Error ? error.message : String(error));
  }
  return { name, gives, ...finding };
}

function same(found: number | undefined, own: number | undefined): boolean {
  return own !== undefined && found === own;
}

function optionOf(system: SystemFacts, field: 'ids' | 'groups' | 'label'): string {
  const facts = system[field];
  return 'option' in facts ? facts.option : field;
}

/** Why a field of the answer about ourselves is missing. */
function missing(peer: PeerCredentials, field: CredentialField): string {
  const fact = peer.evidence[field];
  return fact.known ? 'known' : fact.detail;
}

function idsFinding(peer: PeerCredentials, system: SystemFacts): Finding {
  const wrong = [
    same(peer.uid, process.geteuid?.()) ? undefined : 'uid',
    same(peer.gid, process.getegid?.()) ? undefined : 'gid',
    !('option' in system.pid) || same(peer.pid, process.pid) ? undefined : 'pid',
  ].filter(name => name !== undefined);
  if (wrong.length === 0) return works(`a connection to ourselves shows uid ${peer.uid}, gid ${peer.gid}`);
  const [first = 'uid'] = wrong as CredentialField[];
  const fact = peer.evidence[first];
  if (!fact.known && fact.reason === 'hidden') return absent(`${wrong.join(', ')}: ${fact.detail}`);
  return broken(
    `a connection to ourselves does not show our own ${wrong.join(', ')}: ${missing(peer, first)}`,
  );
}

function groupsFinding(peer: PeerCredentials, system: SystemFacts): Finding {
  if (!('option' in system.groups)) return absent(system.groups.detail);
  if (peer.groups === undefined) {
    const detail = missing(peer, 'groups');
    if (!peer.evidence.gid.known) return absent(detail);
    return system.name === 'linux' && linuxSince(4, 13) ? broken(detail) : absent(detail);
  }
  const own = new Set([process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])]);
  const right = own.size === peer.groups.length && peer.groups.every(gid => own.has(gid));
  return right ? works(`complete: ${peer.groups.length} of ours`) : broken('not the groups of this process');
}

function labelFinding(peer: PeerCredentials, system: SystemFacts): Finding {
  if (!('option' in system.label)) return absent(system.label.detail);
  if (peer.label !== undefined) return works(`${peer.label.bytes.length} bytes`);
  const modules = labellingModules();
  if (modules === undefined) return absent(missing(peer, 'label'));
  if (modules.length === 0) return absent('no security module that labels sockets is active');
  const detail = `${modules.join(', ')} is active, and ${missing(peer, 'label')}`;
  // AppArmor labels Unix sockets from Linux 6.17 on, and in some distributions' kernels before.
  const labelled = modules.includes('selinux') || modules.includes('smack') || linuxSince(6, 17);
  // Before Linux 4.17 no label is believed: those of socketpairs were wrong.
  return labelled && linuxSince(4, 17) ? broken(detail) : absent(detail);
}

function pidfdFinding(fd: number): Finding {
  const { fd: pidfd, outcome } = peerPidfd(fd);
  if (pidfd === undefined) {
    const detail = `${outcome.kind}${outcome.errno === undefined ? '' : ` (${outcome.errno})`}`;
    return outcome.kind === 'unsupported' && !linuxSince(6, 5)
      ? absent('this kernel does not have it; Linux 6.5')
      : broken(detail);
  }
  const process_ = pidfdProcess(pidfd);
  closeDescriptor(pidfd);
  if (process_.state === 'visible') {
    return process_.pid === process.pid ? works('names this process') : broken('names another process');
  }
  return process_.state === 'unknown'
    ? absent('given, and its fdinfo does not say of whom')
    : broken(`given, and ${process_.state}`);
}

function mapsFinding(): Finding {
  const { overflowUid } = idView();
  if (overflowUid === undefined) return works('every user and group can be told from here');
  return absent(`ids without a mapping look like ${overflowUid}, which is therefore never believed`);
}

/** The addon and the self-test, without which nothing else is asked. */
export function foundations(): readonly Mechanism[] {
  const loads = tried('addon', 'a way to ask the kernel', () => {
    const { system } = addon();
    return system === 'none'
      ? absent(`${targetName()}: no question is built in`)
      : works(`${targetName()}: ${system}`);
  });
  if (loads.state !== 'works') return [loads];
  return [
    loads,
    tried('self-test', 'trust in the kernel’s answers', () => {
      ensureTrustworthy(addon());
      return works('our own socketpair shows us, a socket without a peer shows nobody');
    }),
  ];
}

/** Every question of this system, put to one end of a connection of this process to itself. */
export function kernelMechanisms(fd: number): readonly Mechanism[] {
  const system = systemFacts(addon().system);
  const peer = peerCredentials(fd, { side: 'connected' });
  const found = [
    tried(optionOf(system, 'ids'), 'uid, gid and, on most systems, pid', () => idsFinding(peer, system)),
    tried(optionOf(system, 'groups'), 'all groups', () => groupsFinding(peer, system)),
    tried(optionOf(system, 'label'), 'security label', () => labelFinding(peer, system)),
  ];
  if (system.name !== 'linux') return found;
  return [
    ...found,
    tried('SO_PEERPIDFD', 'the process itself, not just its number', () => pidfdFinding(fd)),
    tried('id maps', 'ids of every user', mapsFinding),
  ];
}
