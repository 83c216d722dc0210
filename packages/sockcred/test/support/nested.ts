/** Containers in containers, for tests: what one has to hold to start another, and the words that do. */

import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hybrid, type Inside, type Place, place } from './containers.js';

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');

/** A place whose root is one for this machine's own programs. */
export function machinePlace(t: TestContext): Place {
  const where = place(t);
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(where.root, name));
  for (const name of ['root', 'var/tmp']) mkdirSync(join(where.root, name));
  return where;
}

/**
 * A place for a container in that one, which sees the same sockets. What it
 * leaves ends with the container around it, and cannot be ended from here.
 */
export function placeIn(t: TestContext, { sockets }: Place): Place {
  // No manager runs in there.
  return { ...place(t), sockets, manager: 'cgroupfs', endings: [] };
}

/** Before a program of ours in a container: what the sanitizers' own runs of these tests put into its environment. */
export const SANITIZED: readonly string[] = [
  '/usr/bin/env',
  ...['LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'].flatMap(name => {
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  }),
];

/** Before an engine, which is run without it. */
export const PLAIN = ['/usr/bin/env', '-u', 'LD_PRELOAD'] as const;

/** Engines mount cgroups read-only for whoever is not given all rights. */
const WRITABLE = `for at in $(findmnt -rno TARGET -R /sys/fs/cgroup); do mount -o remount,bind,rw "$at"; done`;

/** Only a cgroup without processes of its own has controllers below it: cgroups(7), "no internal processes". */
const STEP_ASIDE = 'mkdir /sys/fs/cgroup/init && echo $$ >/sys/fs/cgroup/init/cgroup.procs && ';

/** Podman and Docker mount all hierarchies of a hybrid in a container but the unified one. */
const UNIFIED = '/sys/fs/cgroup/unified';
const PREPARED = hybrid
  ? `mountpoint -q ${UNIFIED} || { mkdir ${UNIFIED} && mount -t cgroup2 none ${UNIFIED}; } && `
  : STEP_ASIDE;

/** What a container runs that holds these words' one; `asMounted`: with no more hierarchies than its engine gave it. */
export function holding(words: readonly string[], options: { readonly asMounted?: true } = {}): Inside {
  const prepare = options.asMounted ? '' : PREPARED;
  const script = `export PATH=/usr/sbin:/usr/bin; ${WRITABLE}; ${prepare}exec "$@"`;
  const runtime = dirname(process.execPath);
  const binds = ['/usr', '/etc', '/tmp', REPOSITORY, ...(runtime.startsWith('/usr/') ? [] : [runtime])];
  return { words: ['/bin/sh', '-c', script, 'sh', ...words], binds };
}
