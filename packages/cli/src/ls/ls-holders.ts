/**
 * Who holds a socket, told of the process itself and not of its number: each is
 * held by a pidfd first, and believed only if the process behind that has the
 * number that was seen, and the very socket at that descriptor. A number that
 * was seen a moment ago may mean another process now, and one of a procfs of
 * another pid namespace always does.
 */

import { type Holder, PeerError } from 'sockcred';
import { type Authority, type Claim, type Engine, peerApplication } from 'sockcred/application';
import { type HeldProcess, type ProcessFiles, runningProcess } from 'sockcred/process';

/** Why something is not told. */
export interface Unknown {
  readonly unknown: string;
}

/** The innermost thing that a process is part of, and whose word that is. */
export interface Part {
  readonly engine: Engine;
  readonly name: string;
  readonly authority: Authority;
}

/** What was told of a process while it was held. */
interface Facts {
  /** No other process ever has it. */
  readonly id?: string;
  readonly uid?: number;
  readonly program?: string;
  /** Absent where it is part of nothing that is known. */
  readonly part?: Part | Unknown;
  /** The unit, the user's unit and the application that it is said to be part of. */
  readonly claims: readonly Claim[];
}

/** A holder as it is shown: with what is known of the process, or the reason why nothing is. */
export type Who = Holder & ((Facts & { readonly unknown?: never }) | Unknown);

/** A descriptor that was seen to be a socket. */
export interface Sighting {
  readonly inode: number;
  readonly holder: Holder;
}

const sightingKey = ({ inode, holder }: Sighting): string =>
  `${inode} ${holder.pid} ${holder.thread ?? ''} ${holder.fd}`;

/** A reason for a person; nothing that is read of a process may end the list. */
function reasonOf(error: unknown): string {
  if (error instanceof PeerError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? String(message) : `a file of the process cannot be read (${code})`;
}

function told<T>(ask: () => T): T | Unknown {
  try {
    return ask();
  } catch (error) {
    return { unknown: reasonOf(error) };
  }
}

export function isUnknown(value: object | undefined): value is Unknown {
  return value !== undefined && 'unknown' in value && value.unknown !== undefined;
}

function nameOf(claim: Claim): string {
  const { applicationId, instanceId, userUnit, unit, slice } = claim;
  return applicationId ?? instanceId ?? userUnit ?? unit ?? slice ?? claim.engine;
}

function factsOf(held: HeldProcess): Facts {
  const ids = told(() => held.now().ids);
  const uid = !isUnknown(ids) && ids.known ? ids.value.effectiveUid : undefined;
  const executable = told(() => held.describe().executable);
  const program = !isUnknown(executable) && executable.known ? executable.value : undefined;
  const claims = told(() => peerApplication(held).claims);
  const innermost = isUnknown(claims) ? undefined : claims[0];
  return {
    ...(held.id === undefined ? {} : { id: held.id }),
    ...(uid === undefined ? {} : { uid }),
    ...(program === undefined ? {} : { program: `${program.path}${program.deleted ? ' (deleted)' : ''}` }),
    ...(isUnknown(claims) ? { part: claims } : {}),
    ...(innermost === undefined
      ? {}
      : {
          part: { engine: innermost.engine, name: nameOf(innermost), authority: innermost.authority },
        }),
    claims: isUnknown(claims) ? [] : claims,
  };
}

const NOT_THIS_NUMBER =
  'its number means another process here: procfs is that of another pid namespace, or the number has passed on';
const NO_SOCKET = 'the process with this number does not hold the socket any more';

/** The process number in the text of `status`, of the procfs that it was read from. */
function numberIn(status: string): number | undefined {
  const [, pid] = /^Tgid:\t(\d{1,10})$/m.exec(status) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/** Why the held process is not the holder that was seen; undefined if it is. */
function objection(files: ProcessFiles, { inode, holder }: Sighting): string | undefined {
  if (numberIn(files.text('status')) !== holder.pid) return NOT_THIS_NUMBER;
  const { thread, fd } = holder;
  try {
    const link = files.link(thread === undefined ? `fd/${fd}` : `task/${thread}/fd/${fd}`);
    return link === `socket:[${inode}]` ? undefined : NO_SOCKET;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? NO_SOCKET : reasonOf(error);
  }
}

/** All sightings of one number, by one pidfd. */
function lookAt(pid: number, sightings: readonly Sighting[]): readonly (readonly [string, Who])[] {
  const unknown = (why: string) =>
    sightings.map(sighting => [sightingKey(sighting), { ...sighting.holder, unknown: why }] as const);
  let held: HeldProcess;
  try {
    held = runningProcess(pid);
  } catch (error) {
    return unknown(reasonOf(error));
  }
  try {
    const facts = factsOf(held);
    // After the facts, and through the same pidfd: what was told is of a process that holds the socket still.
    return sightings.map(sighting => {
      const against = told(() => held.read(files => ({ why: objection(files, sighting) })));
      const why = isUnknown(against) ? against.unknown : against.why;
      const { holder } = sighting;
      return [
        sightingKey(sighting),
        why === undefined ? { ...holder, ...facts } : { ...holder, unknown: why },
      ] as const;
    });
  } finally {
    held.close();
  }
}

/** Looks at each process that was seen with a socket, once; gives what is known of a sighting. */
export function lookAtHolders(sightings: readonly Sighting[]): (inode: number, holder: Holder) => Who {
  const byNumber = new Map<number, Sighting[]>();
  for (const sighting of sightings) {
    const { pid } = sighting.holder;
    const others = byNumber.get(pid);
    if (others === undefined) byNumber.set(pid, [sighting]);
    else others.push(sighting);
  }
  const known = new Map([...byNumber].flatMap(([pid, list]) => lookAt(pid, list)));
  return (inode, holder) =>
    known.get(sightingKey({ inode, holder })) ?? { ...holder, unknown: 'it was not looked at' };
}
