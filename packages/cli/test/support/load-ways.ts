/** What a guard under load is in front of, and how that is killed. */

import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export type LoadWay = 'relay' | 'http' | 'pass' | 'program';

/** One way to serve. */
export interface Way {
  /** Options of the guard, for a server at this path; its program, after `--`, last. */
  readonly words: (behind: string) => readonly string[];
  /** Is there a server of its own? */
  readonly hasServer: boolean;
  /** Connections of each client that may be being made: who takes them one by one has few that wait. */
  readonly most: number;
}

/** Says whom it was told of in one line, then echoes. */
const PROGRAM = `set -- $SOCKCRED_GROUPS
IFS=,
printf '%s\\n' "$SOCKCRED_UID $SOCKCRED_GID $*"
exec cat`;

export const WAYS: Readonly<Record<LoadWay, Way>> = {
  relay: {
    words: behind => ['--as-peer', '--to', `unix:${behind}`],
    hasServer: true,
    most: 1_000_000,
  },
  http: {
    words: behind => ['--as-peer', '--http', '--simple-headers', '--to', `unix:${behind}`],
    hasServer: true,
    most: 1_000_000,
  },
  pass: { words: behind => ['--pass-to', behind], hasServer: true, most: 8 },
  program: {
    words: () => ['--programs-as-root', '--connections', '1000000', '--', '/bin/sh', '-c', PROGRAM],
    hasServer: false,
    most: 8,
  },
};

/** Kills all programs that a guard has started. */
export function killPrograms(guard: ChildProcess): void {
  for (const task of readdirSync(`/proc/${guard.pid}/task`)) {
    const children = readFileSync(`/proc/${guard.pid}/task/${task}/children`, 'utf8');
    for (const pid of children.split(' ').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended by itself, and the guard has waited for it.
      }
    }
  }
}
