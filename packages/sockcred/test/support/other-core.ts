/** The library with another native core than this machine's: a copy of it, for programs that a test runs. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ownDirectory } from './directories.js';

interface Build {
  compileAddon(
    sources: readonly string[],
    out: string,
    options?: { readonly flags?: readonly string[] },
  ): void;
}
export interface NativeSystems {
  readonly native: string;
  addonSources(system: string): readonly string[];
}

const library = fileURLToPath(new URL('../../', import.meta.url));

export const nativeSystems = (await import(join(library, 'native-systems.mjs'))) as NativeSystems;
const build = (await import(join(library, 'build-native.mjs'))) as Build;

/** Where the copy's modules are; its addon is made of these files, for this kernel. */
export function libraryOf(t: TestContext, sources: readonly string[]): string {
  const copy = ownDirectory(t);
  cpSync(join(library, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(library, 'package.json'), join(copy, 'package.json'));
  const flags = ['-I', nativeSystems.native];
  build.compileAddon(sources, join(copy, 'prebuilds', `linux-${process.arch}`, 'sockcred.node'), { flags });
  return join(copy, 'dist');
}
