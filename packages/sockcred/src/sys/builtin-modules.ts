/**
 * Modules of the runtime that are loaded at their first use. Importing them
 * takes as long as the rest of this library does, and a program needs none of
 * them before its first question.
 */

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The module `node:fs`. */
export function fs(): typeof import('node:fs') {
  return require('node:fs');
}

/** The module `node:os`. */
export function os(): typeof import('node:os') {
  return require('node:os');
}

/** The module `node:path`. */
export function paths(): typeof import('node:path') {
  return require('node:path');
}
