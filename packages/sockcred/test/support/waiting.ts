/** Waiting for what happens in another process. */

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const LONGEST_WAIT_MS = 20_000;

/** Resolves once it is so; fails if it does not become so in a time that is long for any machine. */
export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + LONGEST_WAIT_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never: ${holds}`);
    await delay(5);
  }
}

/** Resolves once somebody listens at this path. */
export async function listened(path: string): Promise<void> {
  let there = false;
  const look = () => {
    const socket = connect(path);
    socket.on('connect', () => {
      there = true;
      socket.destroy();
    });
    socket.on('error', () => setTimeout(look, 20));
  };
  look();
  await until(() => there);
}

/** A line of /proc/PID/status, or undefined when there is no such process or line. */
export function statusOf(pid: number | undefined, field: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s*(.*)$`, 'm'))?.[1];
  } catch {
    return undefined;
  }
}
