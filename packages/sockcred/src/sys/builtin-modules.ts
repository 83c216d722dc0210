/**
 * Modules of the runtime that are loaded at their first use. Importing them
 * takes as long as the rest of this library does, and a program needs none of
 * them before its first question.
 */

import { createRequire } from 'node:module';

/** `process.getBuiltinModule` (Node 20.16) also works where a bundler has left no `import.meta.url`. */
export function builtin(name: string): unknown {
  return process.getBuiltinModule?.(name) ?? createRequire(import.meta.url)(name);
}

/** The module `node:fs`. */
export function fs(): typeof import('node:fs') {
  return builtin('node:fs') as typeof import('node:fs');
}

/** The module `node:os`. */
export function os(): typeof import('node:os') {
  return builtin('node:os') as typeof import('node:os');
}

/** The module `node:path`. */
export function paths(): typeof import('node:path') {
  return builtin('node:path') as typeof import('node:path');
}
