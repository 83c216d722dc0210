/**
 * What a test needs of the machine. A test that cannot run is skipped with the
 * reason, never passed; a run with SOCKCRED_SKIPS=fail fails on every skip.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PROGRAMS = {
  python3: '/usr/bin/python3',
  setpriv: '/usr/bin/setpriv',
  unshare: '/usr/bin/unshare',
  curl: '/usr/bin/curl',
  socat: '/usr/bin/socat',
  nc: '/usr/bin/nc',
  cc: '/usr/bin/cc',
  script: '/usr/bin/script',
  logger: '/usr/bin/logger',
  'systemd-notify': '/usr/bin/systemd-notify',
  'systemd-socket-activate': '/usr/bin/systemd-socket-activate',
} as const;

export type Program = keyof typeof PROGRAMS;
export type Need = Program | 'root' | 'namespaces' | 'linux' | 'gi';

/** Where a program is; tests use the distribution's own, which every user may run. */
export function programPath(program: Program): string {
  return PROGRAMS[program];
}

let namespaces: boolean | undefined;

function canUnshare(): boolean {
  namespaces ??= spawnSync('/usr/bin/unshare', ['--pid', '--user', '--fork', '/bin/true']).status === 0;
  return namespaces;
}

let gi: boolean | undefined;

function hasGi(): boolean {
  gi ??= spawnSync(PROGRAMS.python3, ['-c', 'from gi.repository import Gio']).status === 0;
  return gi;
}

function missing(need: Need): string | undefined {
  switch (need) {
    case 'root':
      return process.getuid?.() === 0 ? undefined : 'needs root';
    case 'linux':
      return process.platform === 'linux' ? undefined : 'needs Linux';
    case 'namespaces':
      return canUnshare() ? undefined : 'needs unshare(1) and permission to make namespaces';
    case 'gi':
      return hasGi() ? undefined : 'needs python3-gi and gir1.2-glib-2.0';
    default:
      return existsSync(PROGRAMS[need]) ? undefined : `needs ${PROGRAMS[need]}`;
  }
}

/** For the `skip` option of a test: the first thing that is missing here, or false. */
export function needs(...list: readonly Need[]): string | false {
  for (const need of list) {
    const reason = missing(need);
    if (reason !== undefined) return reason;
  }
  return false;
}
