/**
 * The directories of cgroups, as they are mounted here: which inode a path has,
 * and whose each directory on the way is. Whoever owns a directory names what
 * is below it, and moves processes there: cgroups(7), "Delegation". systemd
 * marks what it has delegated by an extended attribute, of which the one in
 * `trusted.` is seen with CAP_SYS_ADMIN only, and the one in `user.` could be
 * taken away by the owner: see "Control Group APIs and Delegation" at systemd.io.
 */

import { addon } from './addon.ts';
import { fs } from './builtin-modules.ts';
import { answeringFile, S_IFDIR, S_IFMT } from './known-file.ts';
import { outcomeOf } from './outcome.ts';

/** One directory on the way from the root of a hierarchy. */
export interface CgroupDirectory {
  readonly uid: number;
  /** Others than its owner may write into it. */
  readonly shared: boolean;
  /** What is below it was given to whoever owns it, by the mark of systemd. */
  readonly delegated: boolean;
}

/**
 * Others than root alone may move processes into the cgroup itself, whoever its
 * directory belongs to: only the files may have been given away (cgcreate(1), -t).
 */
export interface CgroupJoiner {
  readonly uid: number;
  /** Others than its owner may write into the file. */
  readonly shared: boolean;
  /**
   * How deep the cgroup lies, the root of the hierarchy being 0, from below which
   * they can come; -1: from anywhere.
   */
  readonly from: number;
}

/** The way to a cgroup, and the inode at its end. */
export interface CgroupWay {
  /** The root of the hierarchy first; the last one is that of the cgroup, or the first one that is not root's alone. */
  readonly directories: readonly CgroupDirectory[];
  readonly inode: bigint;
  readonly joiner?: CgroupJoiner;
}

/** f_type of the unified hierarchy: statfs(2). */
const CGROUP2_SUPER_MAGIC = 0x63677270;

interface Mount {
  readonly at: string;
  /** Which cgroup of the hierarchy is mounted there. */
  readonly root: string;
  readonly unified: boolean;
  readonly options: readonly string[];
}

const unescaped = (word: string) =>
  word.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));

/** The cgroup mounts in the text of a mountinfo file: proc(5). Pure. */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , , root, at] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || at === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [
      { at: unescaped(at), root: unescaped(root), unified: type === 'cgroup2', options: options.split(',') },
    ];
  });
}

let mounts: readonly Mount[] | undefined;

function mountOf(controller: string): Mount | undefined {
  mounts ??= parseMounts(fs().readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    ({ at, root, unified }) => root === '/' && (!unified || fs().statfsSync(at).type === CGROUP2_SUPER_MAGIC),
  );
  return mounts.find(({ unified, options }) => (controller === '' ? unified : options.includes(controller)));
}

const latin1 = new TextDecoder('latin1');
const MARKS = new Set(['trusted.delegate', 'user.delegate']);
/** More than a few short names the kernel does not give. */
const names = new Uint8Array(4096);

/** What cannot be looked at counts as marked: that lowers trust. */
function isDelegated(path: string): boolean {
  const length = addon().attributeNames(Buffer.from(path), names);
  if (length < 0) return outcomeOf(-length).kind !== 'unsupported';
  return latin1
    .decode(names.subarray(0, length))
    .split('\0')
    .some(name => MARKS.has(name));
}

/** The owner of a file, unless only root can write to it. */
function otherWriter(path: string): Omit<CgroupJoiner, 'from'> | undefined {
  const found = answeringFile(path);
  if (found === undefined) return undefined;
  const shared = (found.mode & 0o022) !== 0;
  return found.uid === 0 && !shared ? undefined : { uid: found.uid, shared };
}

/**
 * Who can move a process into the cgroup at the end of a way. In the unified
 * hierarchy they must be able to write to `cgroup.procs` of the nearest common
 * ancestor as well, so that they come from below the outermost such: cgroups(7),
 * "Delegation containment". In the older ones from anywhere. `alone` is how many
 * of the directories, from the root on, are root's alone.
 */
function joinerOf(mount: Mount, paths: readonly string[], alone: number): CgroupJoiner | undefined {
  const end = paths.at(-1);
  // Nobody names the root of a hierarchy.
  if (end === undefined || paths.length === 1) return undefined;
  const writer =
    otherWriter(`${end}/cgroup.procs`) ?? otherWriter(`${end}/${mount.unified ? 'cgroup.threads' : 'tasks'}`);
  if (writer === undefined) return undefined;
  if (!mount.unified) return { ...writer, from: -1 };
  const above = paths.slice(0, Math.min(alone, paths.length - 1));
  const from = above.findIndex(path => otherWriter(`${path}/cgroup.procs`) !== undefined);
  return from === -1 ? undefined : { ...writer, from };
}

/**
 * Looks at the directories from the root of a hierarchy to a path, as far as
 * they are root's alone, and at the last one. The controller is '' for the
 * unified hierarchy. Undefined where the hierarchy is not mounted here from its
 * root on, or has no such path (any more).
 */
export function cgroupWay(controller: string, path: string): CgroupWay | undefined {
  const mount = mountOf(controller);
  if (mount === undefined) return undefined;
  const words = path.split('/').filter(name => name !== '');
  const paths = [mount.at];
  for (const name of words) paths.push(`${paths.at(-1)}/${name}`);
  const directories: CgroupDirectory[] = [];
  let inode = 0n;
  let alone = 0;
  for (const [depth, at] of paths.entries()) {
    const last = depth === words.length;
    // Whose the names below somebody else's directory are is known by then.
    if (alone < depth && !last) continue;
    const found = answeringFile(at);
    if (found === undefined || (found.mode & S_IFMT) !== S_IFDIR) return undefined;
    inode = found.inode;
    if (alone < depth) break;
    const { uid } = found;
    const shared = (found.mode & 0o022) !== 0;
    // The root is above every name that is told; the last directory has no name below it that is.
    const delegated = depth > 0 && !last && uid === 0 && !shared && isDelegated(at);
    directories.push({ uid, shared, delegated });
    if (uid === 0 && !shared && !delegated) alone++;
  }
  const joiner = joinerOf(mount, paths, alone);
  return { directories, inode, ...(joiner === undefined ? {} : { joiner }) };
}

/** Forgets which hierarchies are mounted where, for programs that mount some. */
export function forgetCgroupMounts(): void {
  mounts = undefined;
}
