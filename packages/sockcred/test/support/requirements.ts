/**
 * What a test needs of the machine. A test that cannot run is skipped with the
 * reason, never passed; a run with SOCKCRED_SKIPS=fail fails on every skip.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';

const PROGRAMS = {
  python3: '/usr/bin/python3',
  setpriv: '/usr/bin/setpriv',
  unshare: '/usr/bin/unshare',
  setarch: '/usr/bin/setarch',
  strace: '/usr/bin/strace',
  curl: '/usr/bin/curl',
  socat: '/usr/bin/socat',
  nc: '/usr/bin/nc',
  cc: '/usr/bin/cc',
  script: '/usr/bin/script',
  openssl: '/usr/bin/openssl',
  haproxy: '/usr/sbin/haproxy',
  nginx: '/usr/sbin/nginx',
  bwrap: '/usr/bin/bwrap',
  flatpak: '/usr/bin/flatpak',
  'xdg-dbus-proxy': '/usr/bin/xdg-dbus-proxy',
  logger: '/usr/bin/logger',
  podman: '/usr/bin/podman',
  dockerd: '/usr/sbin/dockerd',
  docker: '/usr/bin/docker',
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  crun: '/usr/bin/crun',
  'lxc-start': '/usr/bin/lxc-start',
  'systemd-nspawn': '/usr/bin/systemd-nspawn',
  'systemd-run': '/usr/bin/systemd-run',
  'systemd-notify': '/usr/bin/systemd-notify',
  'systemd-socket-activate': '/usr/bin/systemd-socket-activate',
  postgres: '/usr/lib/postgresql/15/bin/postgres',
  psql: '/usr/lib/postgresql/15/bin/psql',
} as const;

export type Program = keyof typeof PROGRAMS;
/**
 * `node`: what Bun and Deno do otherwise than Node, by design or not yet alike. `sockets-from-fds`: that
 * `new Socket({ fd })` is that descriptor's, which the test looks through.
 */
export type Need =
  | Program
  | 'root'
  | 'namespaces'
  | 'linux'
  | 'node'
  | 'sockets-from-fds'
  | 'cgroups'
  | 'gi'
  | 'prometheus-client';

/** Where a program is; tests use the distribution's own, which every user may run. */
export function programPath(program: Program): string {
  return PROGRAMS[program];
}

/** The runtime that the tests run in. */
export function runtime(): 'node' | 'bun' | 'deno' {
  if ('Bun' in globalThis) return 'bun';
  return 'Deno' in globalThis ? 'deno' : 'node';
}

let namespaces: boolean | undefined;

function canUnshare(): boolean {
  namespaces ??= spawnSync('/usr/bin/unshare', ['--pid', '--user', '--fork', '/bin/true']).status === 0;
  return namespaces;
}

/** Where the unified hierarchy of cgroups is mounted, if directories can be made in it. */
export function cgroupRoot(): string | undefined {
  const at = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(path =>
    existsSync(`${path}/cgroup.controllers`),
  );
  if (at === undefined) return undefined;
  try {
    // By trying: Deno's access() asks the mode of the directory, and root needs none.
    const probe = mkdtempSync(`${at}/sockcred`);
    rmdirSync(probe);
    return at;
  } catch {
    return undefined;
  }
}

let gi: boolean | undefined;

function hasGi(): boolean {
  gi ??= spawnSync(PROGRAMS.python3, ['-c', 'from gi.repository import Gio']).status === 0;
  return gi;
}

let prometheusClient: boolean | undefined;

function hasPrometheusClient(): boolean {
  prometheusClient ??= spawnSync(PROGRAMS.python3, ['-c', 'import prometheus_client']).status === 0;
  return prometheusClient;
}

function missing(need: Need): string | undefined {
  switch (need) {
    case 'root':
      return process.getuid?.() === 0 ? undefined : 'needs root';
    case 'linux':
      return process.platform === 'linux' ? undefined : 'needs Linux';
    case 'node':
      return runtime() === 'node' ? undefined : 'needs Node';
    case 'sockets-from-fds':
      return runtime() === 'bun'
        ? 'needs a net.Socket made of a descriptor, which Bun leaves unwired'
        : undefined;
    case 'cgroups':
      return cgroupRoot() === undefined ? 'needs the unified hierarchy of cgroups, writable' : undefined;
    case 'namespaces':
      return canUnshare() ? undefined : 'needs unshare(1) and permission to make namespaces';
    case 'gi':
      return hasGi() ? undefined : 'needs python3-gi and gir1.2-glib-2.0';
    case 'prometheus-client':
      return hasPrometheusClient() ? undefined : 'needs python3-prometheus-client';
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
