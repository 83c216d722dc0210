/**
 * What program a process runs, since when, and what the kernel keeps it from.
 * Each of these can be of another program than the one that connected: exec
 * replaces the program and keeps the process. So all of them are of now.
 */

import { type UnknownEvidence, unknown } from '../credentials/evidence.ts';
import { TooLarge } from '../sys/kernel-record.ts';
import { ownNamespace } from '../sys/namespaces.ts';
import { type Fact, type FactSource, fact } from './graded.ts';
import type { Pin } from './pin.ts';
import { type ProcessFiles, textOf } from './process-files.ts';
import { parseStartTime, parseStatus, type SeccompMode } from './status-text.ts';

/** The file that a process runs. */
export interface Executable {
  /** As the kernel shows it from our root directory. Another file may have this path by now: compare device and inode. */
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
  /** No directory has this file any more. */
  readonly deleted: boolean;
}

/** The kinds of namespaces that are told. */
export type NamespaceName = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'user' | 'uts';

/** Inode numbers of namespaces, each unique while the namespace exists. */
export type Namespaces = Readonly<Record<NamespaceName, number>>;

/** What the kernel keeps a process from, for good. */
export interface Confinement {
  readonly seccomp: SeccompMode;
  /** No exec gives it privileges: prctl(2), PR_SET_NO_NEW_PRIVS. */
  readonly noNewPrivileges: boolean;
}

/** A process as a program. */
export interface ProcessDescription {
  readonly executable: Fact<Executable>;
  /** Its arguments, which it chooses and changes itself. */
  readonly commandLine: Fact<readonly string[]>;
  /** The command line is longer than 256 KiB, and only its beginning is told. */
  readonly commandLineCut?: true;
  /** Milliseconds from the start of the machine to that of the process. */
  readonly startedAfterBoot: Fact<number>;
  readonly namespaces: Fact<Namespaces>;
  /** Those that are not this program's own. By itself that holds nobody: ours may be the ones that are apart. */
  readonly otherNamespaces: Fact<readonly NamespaceName[]>;
  readonly confinement: Fact<Confinement>;
}

const MOST_COMMAND_BYTES = 256 * 1024;

export const NAMESPACES: readonly NamespaceName[] = Object.freeze([
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'user',
  'uts',
]);

const MALFORMED = unknown('refused', 'the kernel’s text was not of the form that proc(5) describes');
const NO_PERMISSION = unknown('refused', 'reading it needs the right to trace the process');
const NO_PROGRAM = unknown(
  'not-provided',
  'the process has no program: a kernel thread, or its first thread has ended',
);

/** A read that is refused is an answer; anything else that fails ends the whole reading. */
function tried<T>(look: () => Fact<T>): Fact<T> {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return NO_PERMISSION;
    if (code === 'ENOENT') return NO_PROGRAM;
    if (error instanceof TooLarge) return unknown('refused', error.message);
    throw error;
  }
}

/** The file that the process runs. */
export function executableOf(files: ProcessFiles): Executable {
  const link = files.link('exe');
  const { device, inode, links } = files.known('exe');
  const deleted = links === 0;
  const path = deleted && link.endsWith(' (deleted)') ? link.slice(0, -' (deleted)'.length) : link;
  return Object.freeze({ path, device, inode, deleted });
}

/** The inode number in `mnt:[4026531840]`; undefined if that is not its form. */
export function namespaceNumber(name: string, link: string): number | undefined {
  const [, kind, number] = /^(\w+):\[(\d{1,15})\]$/.exec(link) ?? [];
  return kind === name && number !== undefined ? Number(number) : undefined;
}

/** All namespaces of a process, or undefined if one link has another form. */
export function namespacesOf(files: ProcessFiles): Namespaces | undefined {
  const found: Record<string, number> = {};
  for (const name of NAMESPACES) {
    const number = namespaceNumber(name, files.link(`ns/${name}`));
    if (number === undefined) return undefined;
    found[name] = number;
  }
  return Object.freeze(found) as Namespaces;
}

/** Those kinds in which a process is elsewhere than we are; of a kind that is not to be seen here, nothing is said. */
function othersOf(files: ProcessFiles): readonly NamespaceName[] {
  return Object.freeze(
    NAMESPACES.filter(name => {
      const ours = ownNamespace(name);
      return ours !== undefined && files.link(`ns/${name}`) !== ours;
    }),
  );
}

function words(bytes: Uint8Array): readonly string[] {
  if (bytes.length === 0) return [];
  const text = textOf(bytes);
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}

function confinementIn(status: string): Confinement | undefined {
  const { seccomp, noNewPrivileges } = parseStatus(status);
  if (seccomp === undefined || noNewPrivileges === undefined) return undefined;
  return Object.freeze({ seccomp, noNewPrivileges });
}

/** Everything about the program of a held process, in one bracketed read. */
export function describeProcess(pin: Pin): ProcessDescription {
  const here = <T>(value: T | undefined, source: FactSource): Fact<T> | UnknownEvidence =>
    value === undefined ? MALFORMED : fact(value, pin.readBinding, source);
  return pin.read(files => {
    let cut = false;
    const commandLine = tried(() => {
      const start = files.start('cmdline', MOST_COMMAND_BYTES);
      cut = start.cut;
      return fact(Object.freeze(words(start.bytes)), pin.readBinding, 'procfs cmdline', 'self');
    });
    return Object.freeze({
      executable: tried(() => here(executableOf(files), 'procfs exe')),
      commandLine,
      ...(cut ? { commandLineCut: true } : {}),
      startedAfterBoot: tried(() => here(parseStartTime(files.text('stat')), 'procfs stat')),
      namespaces: tried(() => here(namespacesOf(files), 'procfs ns')),
      otherNamespaces: tried(() => here(othersOf(files), 'procfs ns')),
      confinement: tried(() => here(confinementIn(files.text('status')), 'procfs status')),
    });
  });
}
