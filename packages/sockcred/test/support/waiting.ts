/** Waiting for what happens in another process. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves once it is so; fails when it never becomes so. */
export async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    assert.ok(tries < 2000, 'it never happened');
    await delay(5);
  }
}

/** A line of /proc/PID/status, or undefined when there is no such process or line. */
export function statusOf(pid: number | undefined, field: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s*(.*)$`, 'm'))?.[1];
  } catch {
    return undefined;
  }
}
