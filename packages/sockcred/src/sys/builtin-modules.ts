/**
 * Modules of the runtime that are loaded at their first use. Importing
 * `node:fs` and `node:os` takes as long as the rest of this library does, and
 * a program needs neither before its first question.
 */

import { createRequire } from 'node:module';

type FileSystem = typeof import('node:fs');
type OperatingSystem = typeof import('node:os');

let loadedFs: FileSystem | undefined;
let loadedOs: OperatingSystem | undefined;

/** The module `node:fs`. */
export function fs(): FileSystem {
  loadedFs ??= createRequire(import.meta.url)('node:fs') as FileSystem;
  return loadedFs;
}

/** The module `node:os`. */
export function os(): OperatingSystem {
  loadedOs ??= createRequire(import.meta.url)('node:os') as OperatingSystem;
  return loadedOs;
}
