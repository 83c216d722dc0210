// The Zig toolchain: one C compiler with the headers of many systems. Installed
// from PyPI into build/toolchain, never elsewhere, once per version.
//
//   node packages/sockcred/cross/toolchain.mjs       installs it and prints its folder

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '0.17.1';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const buildDirectory = join(root, 'build');
const directory = join(buildDirectory, 'toolchain', `ziglang-${VERSION}`);
export const zigDirectory = join(directory, 'ziglang');
export const zig = join(zigDirectory, 'zig');
const libc = join(zigDirectory, 'lib', 'libc', 'include');

/** Zig keeps what it has worked out in a folder; this one goes with `build/`. */
const environment = {
  ...process.env,
  ZIG_GLOBAL_CACHE_DIR: join(buildDirectory, 'toolchain', 'cache'),
  ZIG_LOCAL_CACHE_DIR: join(buildDirectory, 'toolchain', 'cache'),
};

export function isInstalled() {
  return existsSync(zig);
}

/** Installs a package of PyPI, as it is and without what it depends on, into a folder of its own. */
export function installWheel(name, into, more = []) {
  const staged = `${into}.${process.pid}.tmp`;
  mkdirSync(into, { recursive: true });
  rmSync(into, { recursive: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check'];
  const quiet = ['--root-user-action=ignore', '--no-compile', '--only-binary=:all:'];
  const { status } = spawnSync('python3', [...pip, ...quiet, ...more, '--target', staged, name], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    rmSync(staged, { recursive: true, force: true });
    throw new Error(`python3 -m pip could not install ${name} (Debian: apt-get install python3-pip)`);
  }
  renameSync(staged, into);
}

export function ensureInstalled() {
  if (!isInstalled()) installWheel(`ziglang==${VERSION}`, directory);
}

/** Runs zig; gives what it said, and whether it succeeded. */
export function runZig(args) {
  const { status, stdout, stderr } = spawnSync(zig, args, { encoding: 'utf8', env: environment });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` };
}

/** Arguments that make zig's compiler see nothing but these folders and its own stddef.h and the like. */
export function onlyHeaders(folders) {
  return ['-nostdinc', ...[...folders, join(zigDirectory, 'lib', 'include')].flatMap(at => ['-isystem', at])];
}

/** The headers that a Linux kernel exports, for a kernel's name of an architecture. */
export function linuxKernelHeaders(architecture) {
  return [join(libc, `${architecture}-linux-any`), join(libc, 'any-linux-any')];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  console.log(zigDirectory);
}
