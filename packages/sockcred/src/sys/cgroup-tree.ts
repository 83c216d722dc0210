/**
 * The directories of cgroups, as they are mounted here: which inode a path has,
 * and whose each directory on the way is. Whoever owns a directory names what
 * is below it, and moves processes there: cgroups(7), "Delegation".
 */

import { fs } from './builtin-modules.ts';

/** One directory on the way from the root of a hierarchy. */
export interface CgroupDirectory {
  readonly uid: number;
  /** Others than its owner may write into it. */
  readonly shared: boolean;
}

/** The way to a cgroup, the root of the hierarchy first; and the inode at its end. */
export interface CgroupWay {
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

/**
 * Looks at every directory from the root of a hierarchy to a path. The
 * controller is '' for the unified hierarchy. Undefined where the hierarchy is
 * not mounted here from its root on, or has no such path (any more).
 */
export function cgroupWay(controller: string, path: string): CgroupWay | undefined {
  const mount = mountOf(controller);
  if (mount === undefined) return undefined;
  const names = path.split('/').filter(name => name !== '');
  const directories: CgroupDirectory[] = [];
  let at = mount.at;
  let inode = 0n;
  for (const name of ['', ...names]) {
    if (name !== '') at += `/${name}`;
    const found = fs().lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (found === undefined || !found.isDirectory()) return undefined;
    directories.push({ uid: Number(found.uid), shared: (found.mode & 0o022n) !== 0n });
    inode = found.ino;
  }
  return { directories, inode };
}

/** Forgets which hierarchies are mounted where, for programs that mount some. */
export function forgetCgroupMounts(): void {
  mounts = undefined;
}
