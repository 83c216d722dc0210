/**
 * `sockcred build`: compiles the native addon where no prebuilt one fits. The
 * library has it, as a program of the same name that works without this one.
 */

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const BUILD_HELP = `Usage: sockcred build [--out FILE] [--system NAME]

Compiles the native addon for this machine, where no prebuilt one fits. Needs
a C compiler ($CC, or cc) and the system's headers, and no network.

  --out FILE      where to put it (default: where the library looks for it)
  --system NAME   whose questions to build in (default: this system's)
  --help          this text
  --version       the version
`;

export async function build(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(BUILD_HELP);
    return 0;
  }
  const library = dirname(createRequire(import.meta.url).resolve('sockcred/package.json'));
  await import(pathToFileURL(join(library, 'bin', 'sockcred.mjs')).href);
  return Number(process.exitCode ?? 0);
}
