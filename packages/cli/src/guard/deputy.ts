/**
 * Whom does the server behind see? The guard, in place of every client. Where
 * that is root, anybody who is let in could make the server do what root may: the
 * confused deputy. So this has to be said in so many words; and likewise that
 * programs for clients run as root.
 */

import { SystemRefusal, UsageError } from '../exit-codes.ts';
import type { GuardOptions } from './options/guard-options.ts';
import { upstreamText } from './options/upstream-text.ts';

/**
 * Refuses what would lend root to clients, and what only root can do.
 *
 * @throws {@link UsageError} {@link SystemRefusal}
 */
export function checkDeputy({ target, deputy, runAs }: GuardOptions, euid: number | undefined): void {
  if (deputy === 'peer' && euid !== 0) {
    throw new SystemRefusal('--as-peer: only root can connect under the ids of others (EPERM)');
  }
  if (euid !== 0 || runAs !== undefined || deputy !== 'guard') return;
  if (target.kind === 'program') {
    throw new UsageError(`-- PROGRAM: this guard is root, and so would be the program that it runs for each client: whoever is let
in talks to root. Say as whom it is to run:
  --run-as USER          this user, for all clients
  --programs-as-root     root`);
  }
  if (!('to' in target) || !('path' in target.to)) return;
  throw new UsageError(
    `--to ${upstreamText(target.to)}: this guard is root, and the server behind would see root in place of each
client: whoever is let in could do there what root may. Say whom it is to see:
  --as-peer              each client, by its own user and groups
  --run-as USER          this user, in place of all clients
  --upstream-sees-guard  root, and it decides nothing by that`,
  );
}
