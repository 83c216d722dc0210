/** Whether a file is being written, as the kernel counts who has it open. */

import { addon } from './addon.ts';
import { outcomeOf } from './outcome.ts';

/** Has somebody it open for writing? `fd` is open for reading only; undefined where that cannot be told. */
export function openForWriting(fd: number): boolean | undefined {
  const { kind, errno } = outcomeOf(-addon().unwritten(fd));
  if (kind === 'answered') return false;
  return errno === 'EAGAIN' ? true : undefined;
}
