// Compiles the addon for this machine: a C compiler and the system's headers
// are all that it takes. Nothing is downloaded, and Node's own headers are not
// needed (native/node_api_declarations.h says why).
//
//   node build-native.mjs [--out FILE] [--sanitize] [--system NAME]

import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addonSources, systemOf, systems, WARNINGS } from './native-systems.mjs';

const here = dirname(fileURLToPath(import.meta.url));

// Some compilers define _FORTIFY_SOURCE by themselves, and warn of another value.
const HARDENED = ['-O2', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong'];
const SANITIZED = [
  '-O1',
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
  '-fno-omit-frame-pointer',
];

/**
 * Compiles C files to one addon, or throws an Error that says what to do. A
 * warning is an error where we work on it (`strict`), not where it is used:
 * other compilers know other warnings.
 */
export function compileAddon(sources, out, { sanitize = false, strict = true, flags = [] } = {}) {
  const compiler = process.env.CC ?? 'cc';
  const staged = `${out}.${process.pid}.tmp`;
  mkdirSync(dirname(out), { recursive: true });
  const args = [
    '-std=c11',
    ...(sanitize ? SANITIZED : HARDENED),
    '-fPIC',
    '-shared',
    '-fvisibility=hidden',
    ...(strict ? WARNINGS : []),
    ...flags,
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    '-o',
    staged,
    ...sources,
  ];
  const { status, error } = spawnSync(compiler, args, { stdio: 'inherit' });
  if (error !== undefined) {
    throw new Error(
      `the C compiler '${compiler}' did not start (${error.message}): install one ` +
        '(Debian: apt-get install gcc libc6-dev) or set CC',
    );
  }
  if (status !== 0) {
    rmSync(staged, { force: true });
    throw new Error(`the C compiler '${compiler}' failed: see above`);
  }
  // A running process keeps the file it has loaded: replace it, never write into it.
  renameSync(staged, out);
}

/** Where the library looks for the addon of this machine. */
export function addonPath() {
  return join(here, 'prebuilds', `${process.platform}-${process.arch}`, 'sockcred.node');
}

/** Compiles the addon as command line arguments say (see above), and says where it is. */
export function build(args, { strict = true } = {}) {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: addonPath() },
      sanitize: { type: 'boolean', default: false },
      system: { type: 'string', default: systemOf(process.platform) },
    },
  });
  if (!systems.includes(values.system)) throw new Error(`--system is one of ${systems.join(', ')}`);
  compileAddon(addonSources(values.system), values.out, { sanitize: values.sanitize, strict });
  return values.out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    build(process.argv.slice(2));
  } catch (error) {
    console.error(`sockcred: ${error.message}`);
    process.exitCode = 1;
  }
}
