/**
 * `/proc/self/fdinfo/N` of a pidfd (Linux 5.4): which process it is, in the
 * numbers of the pid namespace that this procfs was mounted for.
 */

import { FROM_THE_ROOT, readRecord } from './kernel-record.ts';

/** The process behind a pidfd, as its fdinfo tells it. */
export type PidfdProcess =
  /** Its number on this procfs mount, and only there. */
  | { readonly state: 'visible'; readonly pid: number }
  /** Alive or not, it is in a pid namespace that this mount does not show. */
  | { readonly state: 'foreign' }
  /** Dead and waited for. */
  | { readonly state: 'reaped' }
  /** fdinfo could not be read, or says nothing about a process. */
  | { readonly state: 'unknown' };

/** A line for each pid namespace that the process is in, and little else. */
const MOST_BYTES = 64 * 1024;

const latin1 = new TextDecoder('latin1');

const FOREIGN: PidfdProcess = Object.freeze({ state: 'foreign' });
const REAPED: PidfdProcess = Object.freeze({ state: 'reaped' });
const UNKNOWN: PidfdProcess = Object.freeze({ state: 'unknown' });

/** Reads the text of an fdinfo file; pure. `Pid:` is the line meant, not `PPid:` or `NSpid:`. */
export function parsePidfdInfo(text: string): PidfdProcess {
  const lines = text.match(/^Pid:[ \t]*(-?\d{1,10})[ \t]*$/gm);
  if (lines === null || lines.length !== 1) return UNKNOWN;
  const pid = Number(lines[0]?.slice('Pid:'.length));
  if (pid === -1) return REAPED;
  if (pid === 0) return FOREIGN;
  return pid > 0 ? { state: 'visible', pid } : UNKNOWN;
}

/**
 * The process behind a pidfd. `unknown` where fdinfo is unreadable: it belongs
 * to the user that opened the descriptor, and a program that has dropped its
 * privileges may not be that user any more.
 */
export function pidfdProcess(pidfd: number): PidfdProcess {
  try {
    return parsePidfdInfo(latin1.decode(readRecord(FROM_THE_ROOT, `/proc/self/fdinfo/${pidfd}`, MOST_BYTES)));
  } catch {
    return UNKNOWN;
  }
}
