/**
 * Which kernel and runtime this program runs on, for a diagnosis. Nothing is
 * believed for a kernel's version; where one was known to answer wrongly, it
 * is not believed.
 */

import { fs, os } from './builtin-modules.ts';

/** Security modules of Linux that label the sockets of processes, where they are active. */
const LABELLING = ['selinux', 'smack', 'apparmor'];

/** `Linux 6.12.5 x64`. */
export function kernelName(): string {
  return `${os().type()} ${os().release()} ${process.arch}`;
}

/** `linux-x64`: which addon belongs here. */
export function targetName(): string {
  return `${process.platform}-${process.arch}`;
}

/** Is this Linux of at least that version, as its release says? */
export function linuxSince(major: number, minor: number): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(os().release()) ?? [];
  if (process.platform !== 'linux' || first === undefined) return false;
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

/** `Node 20.20.2`; Bun and Deno give their own version beside the Node version that they imitate. */
export function runtimeName(): string {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? `Node ${node}` : `Deno ${deno}`;
}

/** The active security modules that may label sockets; undefined where the kernel does not list them. */
export function labellingModules(): readonly string[] | undefined {
  let list: string;
  try {
    list = fs().readFileSync('/sys/kernel/security/lsm', 'latin1');
  } catch {
    return undefined;
  }
  return list
    .trim()
    .split(',')
    .filter(name => LABELLING.includes(name));
}
