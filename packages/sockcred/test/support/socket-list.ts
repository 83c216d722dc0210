/** What a test needs that reads the list of Unix sockets. */

import { unixSockets } from 'sockcred';
import { needs } from './requirements.js';

/** For the `skip` option of a test: why this kernel lists no sockets (it is built without unix_diag), or false. */
export function lacksList(): string | false {
  if (needs('linux') !== false) return false;
  try {
    unixSockets();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}
