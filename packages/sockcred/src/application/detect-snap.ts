/**
 * Snap: first the AppArmor label of the peer's socket, then the name of the
 * cgroup, which is its owner's word. That the label was there at socket(2), and
 * that the module enforces it, the kernel says. That the snap is what the label
 * names it does not: a process that nothing confines enters any profile that it
 * likes, and so the name is the user's word. Where there is a label that
 * confines to another profile, the cgroup's name does not count.
 */

import type { Claim } from './claim.ts';
import { wordOf } from './claim.ts';
import type { Detector, Evidences } from './detector.ts';
import { securityContext } from './security-context.ts';
import { type SnapName, snapOfCgroup, snapOfProfile } from './snap-name.ts';

const idOf = ({ instance, app }: SnapName) => `${instance}.${app}`;

type LabelSays = { readonly snap: SnapName; readonly enforced: boolean } | 'nothing' | 'another profile';

function fromLabel({ peer }: Evidences): LabelSays {
  const text = peer?.label?.text;
  const context = text === undefined ? undefined : securityContext(text);
  if (context?.module !== 'apparmor' || context.profiles.length === 0) return 'nothing';
  const snaps = context.profiles.map(snapOfProfile);
  const [snap, ...more] = snaps.filter(found => found !== undefined);
  if (snap === undefined || more.length > 0) return 'another profile';
  return { snap, enforced: context.mode === 'enforce' };
}

function fromCgroup(evidences: Evidences): readonly Claim[] | 'not-mine' {
  const { segments, binding } = evidences.cgroup();
  const last = segments.at(-1);
  const snap = last === undefined ? undefined : snapOfCgroup(last.name);
  if (last === undefined || snap === undefined) return 'not-mine';
  const claim: Claim = {
    engine: 'snap',
    applicationId: idOf(snap),
    binding,
    authority: last.authority,
    containment: evidences.containment(),
    evidence: 'cgroup',
    captured: 'now',
  };
  return [Object.freeze(claim)];
}

export const snap: Detector = {
  engine: 'snap',
  detect(evidences) {
    const label = fromLabel(evidences);
    if (label === 'another profile') return 'not-mine';
    if (label === 'nothing') return fromCgroup(evidences);
    const held = evidences.containment();
    const claim: Claim = {
      engine: 'snap',
      applicationId: idOf(label.snap),
      binding: 'kernel',
      authority: wordOf(evidences.peer?.uid),
      containment: label.enforced ? [...held, 'security module'] : held,
      evidence: 'SO_PEERSEC',
      captured: 'socket',
    };
    return [Object.freeze(claim)];
  },
};
