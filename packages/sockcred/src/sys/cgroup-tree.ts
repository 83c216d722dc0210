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
import { outcomeOf } from './outcome.ts';

/** One directory on the way from the root of a hierarchy. */
export interface CgroupDirectory {
  readonly uid: number;
  /** Others than its owner may write into it. */
  readonly shared: boolean;
  /** What is below it was given to whoever owns it, by the mark of systemd. */
  readonly delegated: boolean;
}

/** The way to a cgroup, and the inode at its end. */
export interface CgroupWay {
  /** The root of the hierarchy first; the last one is that of the cgroup, or the first one that is not root's alone. */
  readonly directories: readonly CgroupDirectory[];
  readonly inode: bigint;
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
  const directories: CgroupDirectory[] = [];
  let at = mount.at;
  let inode = 0n;
  let alone = true;
  for (let depth = 0; depth <= words.length; depth++) {
    if (depth > 0) at += `/${words[depth - 1]}`;
    const last = depth === words.length;
    // Whose the names below somebody else's directory are is known by then.
    if (!alone && !last) continue;
    const found = fs().lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (found === undefined || !found.isDirectory()) return undefined;
    inode = found.ino;
    if (!alone) break;
    const uid = Number(found.uid);
    const shared = (found.mode & 0o022n) !== 0n;
    // The root is above every name that is told; the last directory has no name below it that is.
    const delegated = depth > 0 && !last && uid === 0 && !shared && isDelegated(at);
    directories.push({ uid, shared, delegated });
    alone = uid === 0 && !shared && !delegated;
  }
  return { directories, inode };
}

/** Forgets which hierarchies are mounted where, for programs that mount some. */
export function forgetCgroupMounts(): void {
  mounts = undefined;
}
