/**
 * Which containers the names of cgroups speak of. Pure. A name is a name: any
 * user can make a directory `docker-….scope` below one of their own, so what a
 * container is worth is what the owner of its directory is.
 */

import type { ContainerRuntime } from './claim.ts';
import { unescapeUnit } from './unit-name.ts';

/** One container, by its name. */
export interface ContainerName {
  readonly runtime: ContainerRuntime;
  readonly id: string;
  readonly podId?: string;
  /** Index of the segment that names it. */
  readonly at: number;
}

const ID = '([0-9a-f]{64})';

/** A whole segment. What only watches a container (`libpod-conmon-…`) matches none of them. */
const SCOPES: readonly (readonly [RegExp, ContainerRuntime])[] = [
  [new RegExp(`^docker-${ID}\\.scope$`), 'docker'],
  [new RegExp(`^cri-containerd-${ID}\\.scope$`), 'containerd'],
  [new RegExp(`^crio-${ID}(?:\\.scope)?$`), 'cri-o'],
  [new RegExp(`^libpod-${ID}(?:\\.scope)?$`), 'podman'],
  [new RegExp(`^nerdctl-${ID}\\.scope$`), 'nerdctl'],
  [new RegExp(`^[\\w-]+\\.slice:cri-containerd:${ID}$`), 'containerd'],
  [/^lxc\.payload\.([\w.-]{1,200})$/, 'lxc'],
];

const PLAIN_ID = new RegExp(`^${ID}$`);
const POD = /(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice|$)/;
const STATIC_POD = /(?:^|-)pod([0-9a-f]{32})(?:\.slice|$)/;

function podIn(segment: string): string | undefined {
  const name = segment.split(':', 1)[0] ?? '';
  return POD.exec(name)?.[1]?.replaceAll('_', '-') ?? STATIC_POD.exec(name)?.[1];
}

function machineIn(segment: string): { runtime: ContainerRuntime; id: string } | undefined {
  const nspawn = /^systemd-nspawn@([\w:.\\-]{1,200})\.service$/.exec(segment)?.[1];
  if (nspawn !== undefined) return machine('systemd-nspawn', nspawn);
  const virtual = /^machine-(qemu\\x2d[\w:.\\-]{1,200})\.scope$/.exec(segment)?.[1];
  if (virtual !== undefined) return machine('libvirt', virtual);
  const other = /^machine-([\w:.\\-]{1,200})\.scope$/.exec(segment)?.[1];
  return other === undefined ? undefined : machine('machined', other);
}

function machine(
  runtime: ContainerRuntime,
  name: string,
): { runtime: ContainerRuntime; id: string } | undefined {
  const id = unescapeUnit(name);
  return id === undefined ? undefined : { runtime, id };
}

function containerAt(
  segments: readonly string[],
  at: number,
): { runtime: ContainerRuntime; id: string } | undefined {
  const segment = segments[at] ?? '';
  const parent = segments[at - 1] ?? '';
  for (const [pattern, runtime] of SCOPES) {
    const id = pattern.exec(segment)?.[1];
    if (id !== undefined) return { runtime, id };
  }
  const plain = PLAIN_ID.exec(segment)?.[1];
  if (plain !== undefined && parent === 'docker') return { runtime: 'docker', id: plain };
  if (plain !== undefined && podIn(parent) !== undefined) return { runtime: 'kubernetes', id: plain };
  if (parent === 'lxc' && /^[\w.-]{1,200}$/.test(segment)) return { runtime: 'lxc', id: segment };
  return parent === 'machine.slice' ? machineIn(segment) : undefined;
}

/** Every container on the way, the innermost first. */
export function containerNames(segments: readonly string[]): readonly ContainerName[] {
  const found: ContainerName[] = [];
  segments.forEach((_, at) => {
    const container = containerAt(segments, at);
    if (container === undefined) return;
    const podId = podIn(segments[at] ?? '') ?? podIn(segments[at - 1] ?? '');
    found.unshift({ ...container, ...(podId === undefined ? {} : { podId }), at });
  });
  return found;
}
