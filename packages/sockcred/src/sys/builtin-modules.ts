/**
 * Modules of the runtime that are loaded at their first use. Importing them
 * takes as long as the rest of this library does, and a program needs none of
 * them before its first question.
 */

import { createRequire } from 'node:module';

const loaded = new Map<string, unknown>();

/** `process.getBuiltinModule` (Node 20.16) also works where a bundler has left no `import.meta.url`. */
export function builtin(name: string): unknown {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const found = process.getBuiltinModule?.(name) ?? createRequire(import.meta.url)(name);
  loaded.set(name, found);
  return found;
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
