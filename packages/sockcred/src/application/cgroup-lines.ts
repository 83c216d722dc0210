/**
 * The text of a process's cgroup file: cgroups(7). Pure. The kernel writes it,
 * but the names in it were chosen by whoever made the directories, who may be
 * any user below a delegated one: each name is only worth what its directory is.
 */

import { containerNames } from './container-name.ts';

/** One hierarchy, and where the process is in it. */
export interface CgroupLine {
  /** Of the unified hierarchy none; else the controllers, or `name=systemd`. */
  readonly controllers: readonly string[];
  readonly path: string;
  /** The directory has been removed. */
  readonly deleted: boolean;
}

/** Where a process is, in the hierarchy whose names are telling. */
export interface NamedCgroup {
  /** '' for the unified hierarchy, else a controller that finds the mount. */
  readonly controller: string;
  readonly path: string;
  readonly deleted: boolean;
}

const DELETED = ' (deleted)';

/** The lines; undefined if any of them has another form. A name cannot hold a newline, but colons. */
export function parseCgroupLines(text: string): readonly CgroupLine[] | undefined {
  const lines: CgroupLine[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, number, controllers, path] = /^(\d{1,10}):([^:]*):(\/[^\n]*)$/.exec(line) ?? [];
    if (number === undefined || controllers === undefined || path === undefined) return undefined;
    const unified = number === '0' && controllers === '';
    if (!unified && controllers === '') return undefined;
    // Only the unified hierarchy marks removed directories, and a name may end in the same words elsewhere.
    const deleted = unified && path.endsWith(DELETED);
    lines.push({
      controllers: unified ? [] : controllers.split(','),
      path: deleted ? path.slice(0, -DELETED.length) || '/' : path,
      deleted,
    });
  }
  return lines;
}

/**
 * The hierarchy whose names tell most: the unified one, else systemd's own,
 * else the others where they agree. `ambiguous` if they do not; undefined if
 * the process is in no hierarchy.
 *
 * An engine that does not see the unified hierarchy, as in a container of
 * another one, or does not use it (runc before 1.1 on a hybrid) leaves its
 * processes there where they were started. So systemd's own goes first where
 * it names a container that the unified one does not.
 */
export function namedCgroup(lines: readonly CgroupLine[]): NamedCgroup | 'ambiguous' | undefined {
  const unified = lines.find(({ controllers }) => controllers.length === 0);
  const systemd = lines.find(({ controllers }) => controllers.includes('name=systemd'));
  const told = containersOf(unified);
  const more = containersOf(systemd).some(id => !told.includes(id));
  if (unified !== undefined && unified.path !== '/' && !more) return { controller: '', ...pathOf(unified) };
  if (systemd !== undefined && systemd.path !== '/') {
    return { controller: 'name=systemd', ...pathOf(systemd) };
  }
  const others = lines.filter(({ path }) => path !== '/');
  const [first] = others;
  if (first !== undefined) {
    if (others.some(({ path }) => path !== first.path)) return 'ambiguous';
    return { controller: first.controllers[0] ?? '', ...pathOf(first) };
  }
  if (unified !== undefined) return { controller: '', ...pathOf(unified) };
  const [any] = lines;
  return any === undefined ? undefined : { controller: any.controllers[0] ?? '', ...pathOf(any) };
}

function containersOf(line: CgroupLine | undefined): readonly string[] {
  return line === undefined ? [] : containerNames(pathSegments(line.path).segments).map(({ id }) => id);
}

function pathOf({ path, deleted }: CgroupLine): { readonly path: string; readonly deleted: boolean } {
  return { path, deleted };
}

/** The names on the way to a path; `outside` if it leads out of our cgroup namespace first. */
export function pathSegments(path: string): {
  readonly segments: readonly string[];
  readonly outside: boolean;
} {
  const words = path.split('/').filter(word => word !== '');
  const segments = words.filter(word => word !== '..');
  return { segments, outside: segments.length < words.length };
}
