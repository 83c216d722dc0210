/**
 * How many file descriptors may this process have? RLIMIT_NOFILE's soft limit,
 * from /proc/self/limits (Linux); other systems are not asked.
 */

import { fs } from './builtin-modules.ts';

/**
 * The soft limit of file descriptors; undefined where there is none or it cannot be read.
 *
 * @example
 * ```ts
 * import { descriptorLimit } from 'sockcred/gate';
 *
 * const limits = { connections: Math.floor((descriptorLimit() ?? 1024) / 2) };
 * ```
 */
export function descriptorLimit(): number | undefined {
  try {
    const text = fs().readFileSync('/proc/self/limits', 'latin1');
    const soft = /^Max open files +([0-9]+) /m.exec(text)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
