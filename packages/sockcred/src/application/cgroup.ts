/**
 * In which cgroup a process is now, and whose word each name of its path is.
 * The kernel vouches for the cgroup by its number; the path is the one whose
 * directory has that number. Names at and below the first directory that does
 * not belong to root alone are the word of that directory's owner, and so are
 * names below one that systemd has delegated, and below one that is a
 * container's: they are given in there, by whoever is root in there. Where others
 * than root may write to the file by which processes are moved in, that the
 * process is there is their word.
 */

import type { Binding } from '../process/graded.ts';
import type { PidfdAnswer, Pin } from '../process/pin.ts';
import type { ProcessFiles } from '../process/process-files.ts';
import { type CgroupDirectory, type CgroupJoiner, cgroupWay } from '../sys/cgroup-tree.ts';
import { idView } from '../sys/id-view.ts';
import { type NamedCgroup, namedCgroup, parseCgroupLines, pathSegments } from './cgroup-lines.ts';
import { type Authority, ROOT, wordOf } from './claim.ts';
import { containerNames } from './container-name.ts';

/** One name of the path to a cgroup. */
export interface CgroupSegment {
  readonly name: string;
  readonly authority: Authority;
}

/** A cgroup. */
export interface PeerCgroup {
  /** Inode of its directory in the unified hierarchy, and what the kernel calls it by. */
  readonly id?: bigint;
  /** From the root of our cgroup namespace; `/..` begins one that lies outside of it. */
  readonly path: string;
  /** The names of the path, with whose word each is: of nobody in particular where its directory cannot be seen. */
  readonly segments: readonly CgroupSegment[];
  /** `unified`, or the older hierarchy whose names are used. */
  readonly hierarchy: string;
  /** `kernel`: the kernel's number and the directory's are the same. */
  readonly binding: Binding;
  /** Its directory has been removed. */
  readonly deleted: boolean;
}

/** A cgroup cannot be told: why, as a sentence. */
export class CgroupFailure extends Error {}

/**
 * The directories on the way, where the outermost container's counts as given
 * away. Pure. Engines that go without systemd mark none, and root in a
 * container may make directories below its own wherever it sees the hierarchy.
 */
export function withContainer(
  directories: readonly CgroupDirectory[],
  names: readonly string[],
): readonly CgroupDirectory[] {
  const outermost = containerNames(names).at(-1);
  if (outermost === undefined) return directories;
  // The root of the hierarchy comes before the first name.
  return directories.map((directory, depth) =>
    depth === outermost.at + 1 ? { ...directory, delegated: true } : directory,
  );
}

/**
 * Whose word each of `count` directories' names is, the root of the hierarchy
 * first. Pure. With an overflow id, we are in a user namespace: uid 0 is its
 * root and not the machine's, and the overflow id is nobody in particular. A
 * delegated directory still has its name from above; what is below it is the
 * word of whom it was given to, who is not the machine's manager even as root.
 */
export function authorities(
  directories: readonly CgroupDirectory[],
  count: number,
  overflowUid: number | undefined,
): readonly Authority[] {
  let word: Authority | undefined;
  return Array.from({ length: count }, (_, at) => {
    const directory = directories[at];
    if (word === undefined) {
      if (directory === undefined || directory.shared || directory.uid === overflowUid) {
        word = wordOf(undefined);
      } else if (directory.uid !== 0 || overflowUid !== undefined) {
        word = wordOf(directory.uid);
      }
    }
    const own = word ?? ROOT;
    if (directory?.delegated === true) word ??= wordOf(directory.uid);
    return own;
  });
}

/**
 * The same, where others than root may move a process into the cgroup: then it is
 * they who say that it is there, for every name below where they can come from. Pure.
 */
export function withJoiner(
  words: readonly Authority[],
  joiner: CgroupJoiner | undefined,
  overflowUid: number | undefined,
): readonly Authority[] {
  if (joiner === undefined) return words;
  const { uid, shared, from } = joiner;
  const word = wordOf(shared || uid === overflowUid ? undefined : uid);
  return words.map((own, depth) => (own.of === 'root' && depth > from ? word : own));
}

function checkedBinding(
  named: NamedCgroup,
  inode: bigint,
  id: bigint | undefined,
  pin: Pin,
): Binding | undefined {
  if (named.controller !== '' || id === undefined) return pin.readBinding;
  return inode === id ? pin.binding : undefined;
}

/**
 * The cgroup of a process, read inside a bracket that begins with `info`. If it
 * moves meanwhile the bracket does not close, and is begun anew.
 *
 * @throws {@link CgroupFailure} where it cannot be told.
 */
export function readCgroup(pin: Pin, files: ProcessFiles, info: PidfdAnswer): PeerCgroup {
  const lines = parseCgroupLines(files.text('cgroup'));
  if (lines === undefined) throw new CgroupFailure('the kernel’s list of cgroups has another form');
  const named = namedCgroup(lines);
  if (named === undefined) throw new CgroupFailure('the process is in no cgroup that is told');
  if (named === 'ambiguous') throw new CgroupFailure('the hierarchies of cgroups name different ones');
  const id = 'refused' in info ? undefined : info.cgroup;
  const about = {
    ...(id === undefined ? {} : { id }),
    path: named.path,
    hierarchy: named.controller === '' ? 'unified' : named.controller,
    deleted: named.deleted,
  };
  const names = pathSegments(named.path);
  const way = names.outside || named.deleted ? undefined : cgroupWay(named.controller, named.path);
  if (way === undefined) {
    // The names are there, and nothing tells who gave them.
    return Object.freeze({ ...about, segments: worded(names.segments, []), binding: pin.readBinding });
  }
  const binding = checkedBinding(named, way.inode, id, pin);
  if (binding === undefined) throw new CgroupFailure('its cgroup’s path has another number here');
  const { overflowUid } = idView();
  const words = withJoiner(
    authorities(withContainer(way.directories, names.segments), names.segments.length + 1, overflowUid),
    way.joiner,
    overflowUid,
  );
  return Object.freeze({ ...about, segments: worded(names.segments, words), binding });
}

/** The names of a path with whose word each is; the first word is that of the hierarchy's root. */
function worded(names: readonly string[], words: readonly Authority[]): readonly CgroupSegment[] {
  return Object.freeze(
    names.map((name, index) => Object.freeze({ name, authority: words[index + 1] ?? wordOf(undefined) })),
  );
}
