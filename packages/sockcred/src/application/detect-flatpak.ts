/**
 * Flatpak: `.flatpak-info` in the root directory of the process. Flatpak makes
 * that file with the rights of its user, and any process of that user can make
 * itself a root with another one: it is the user's word, whatever its owner.
 * The root of a Flatpak is a tmpfs that bubblewrap makes.
 * What cannot be made up is what the kernel keeps the process inside of.
 */

import { namespaceNumber } from '../process/description.ts';
import { NotPlain, NotRegular, readBelow } from '../sys/foreign-file.ts';
import { idView } from '../sys/id-view.ts';
import { TooLarge } from '../sys/kernel-record.ts';
import { type Claim, type InstanceCheck, wordOf } from './claim.ts';
import { type Detector, DetectorFailure, type Evidences } from './detector.ts';
import { parseFlatpakInfo, parseSandboxNamespaces } from './flatpak-info.ts';

const MOST_BYTES = 256 * 1024;

const utf8 = new TextDecoder();

function infoFile({ files }: Evidences): Uint8Array | undefined {
  try {
    return files.inRoot('.flatpak-info', MOST_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof NotRegular) throw new DetectorFailure('.flatpak-info is no regular file');
    if (error instanceof NotPlain) throw new DetectorFailure(`.flatpak-info is not opened: ${error.message}`);
    if (error instanceof TooLarge) throw new DetectorFailure('.flatpak-info is too large');
    if (code === 'ELOOP') throw new DetectorFailure('.flatpak-info is a symbolic link');
    throw new DetectorFailure(`.flatpak-info cannot be read (${code})`, { cause: error });
  }
}

/** Whose session it is: the effective user now, where that can be told. */
function userOf({ info, peer }: Evidences): number | undefined {
  const uid = 'refused' in info ? undefined : info.ids?.effectiveUid;
  return uid === undefined || uid === idView().overflowUid ? peer?.uid : uid;
}

/** Compares the process's namespaces with those that bubblewrap wrote down for this instance. */
function checkInstance(instance: string, uid: number | undefined, { files }: Evidences): InstanceCheck {
  if (uid === undefined) return 'unconfirmed';
  let text: string;
  try {
    const record = readBelow(`/run/user/${uid}`, `.flatpak/${instance}/bwrapinfo.json`, MOST_BYTES);
    text = utf8.decode(record);
  } catch {
    return 'unconfirmed';
  }
  const recorded = parseSandboxNamespaces(text);
  if (recorded === undefined) return 'unconfirmed';
  try {
    const [mnt, pid] = (['mnt', 'pid'] as const).map(name => namespaceNumber(name, files.link(`ns/${name}`)));
    if (mnt === undefined || pid === undefined) return 'unconfirmed';
    return mnt === recorded.get('mnt') && pid === recorded.get('pid') ? 'confirmed' : 'other-namespaces';
  } catch {
    return 'unconfirmed';
  }
}

export const flatpak: Detector = {
  engine: 'flatpak',
  detect(evidences) {
    const bytes = infoFile(evidences);
    if (bytes === undefined) return 'not-mine';
    const info = parseFlatpakInfo(bytes);
    if (info === undefined) throw new DetectorFailure('.flatpak-info is not of the form that Flatpak writes');
    const uid = userOf(evidences);
    const claim: Claim = {
      engine: 'flatpak',
      applicationId: info.applicationId,
      instanceId: info.instanceId,
      instance: checkInstance(info.instanceId, uid, evidences),
      binding: evidences.pin.readBinding,
      authority: wordOf(uid),
      containment: evidences.containment(),
      evidence: '.flatpak-info',
      captured: 'now',
    };
    return [Object.freeze(claim)];
  },
};
