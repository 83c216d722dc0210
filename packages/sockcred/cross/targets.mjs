// What the addon is compiled for, and how: every target has a name as Node
// has it (`process.platform-process.arch`), the triple of the compiler, and
// whether a file to load is made of it (`ships`) or objects only.

import { join } from 'node:path';
import { addonSources, kernelSources, native, WARNINGS } from '../native-systems.mjs';
import { onlyHeaders } from './toolchain.mjs';

/** glibc of 2014, and of each younger architecture its first. */
const linux = (name, triple, more = {}) => ({ name, system: 'linux', triple, ships: true, ...more });
const other = (name, system, triple, more = {}) => ({ name, system, triple, ...more });

export const targets = [
  linux('linux-x64', 'x86_64-linux-gnu.2.17'),
  linux('linux-arm64', 'aarch64-linux-gnu.2.17'),
  linux('linux-arm', 'arm-linux-gnueabihf.2.17'),
  linux('linux-riscv64', 'riscv64-linux-gnu'),
  linux('linux-s390x', 's390x-linux-gnu.2.17'),
  linux('linux-ppc64', 'powerpc64le-linux-gnu'),
  // The same files against musl's headers: they must not depend on which libc it is.
  linux('linux-x64, musl headers', 'x86_64-linux-musl', { ships: false }),
  linux('linux-arm64, musl headers', 'aarch64-linux-musl', { ships: false }),
  linux('linux-arm, musl headers', 'arm-linux-musleabihf', { ships: false }),
  linux('linux-riscv64, musl headers', 'riscv64-linux-musl', { ships: false }),
  linux('linux-s390x, musl headers', 's390x-linux-musl', { ships: false }),
  linux('linux-ppc64, musl headers', 'powerpc64le-linux-musl', { ships: false }),
  // Option numbers of their own.
  linux('linux-mipsel', 'mipsel-linux-gnueabihf', { ships: false }),
  linux('linux-mips64el', 'mips64el-linux-gnuabi64', { ships: false }),
  linux('linux-sparc64', 'sparc64-linux-gnu', { ships: false }),
  linux('linux-loong64', 'loongarch64-linux-gnu', { ships: false }),
  linux('linux-ia32', 'x86-linux-gnu', { ships: false }),
  other('darwin-x64', 'darwin', 'x86_64-macos.11.0', { ships: true }),
  other('darwin-arm64', 'darwin', 'aarch64-macos.11.0', { ships: true }),
  other('freebsd-x64', 'freebsd', 'x86_64-freebsd', { ships: true }),
  other('freebsd-arm64', 'freebsd', 'aarch64-freebsd', { ships: true }),
  other('freebsd-ia32', 'freebsd', 'x86-freebsd'),
  other('netbsd-x64', 'netbsd', 'x86_64-netbsd', { ships: true }),
  other('netbsd-arm64', 'netbsd', 'aarch64-netbsd', { ships: true }),
  // No file: OpenBSD's own compiler hardens in ways that its kernel insists on (branch targets, the
  // secret of the stack protector in each object), so there the addon is built where it runs.
  other('openbsd-x64', 'openbsd', 'x86_64-openbsd'),
  other('openbsd-arm64', 'openbsd', 'aarch64-openbsd'),
  other('dragonfly-x64', 'freebsd', 'x86_64-unknown-dragonfly', { declarations: 'dragonfly' }),
  other('sunos-x64', 'sunos', 'x86_64-unknown-solaris2.11', { declarations: 'sunos' }),
  // getpeereid(3) where real headers declare it, for the systems that have nothing else.
  ...['x86_64-freebsd', 'x86_64-netbsd', 'x86_64-openbsd', 'aarch64-macos.11.0'].map(triple =>
    other(`getpeereid, ${triple}`, 'getpeereid', triple),
  ),
  linux('none, linux-x64', 'x86_64-linux-gnu.2.17', { system: 'none', ships: false }),
];

/** Nothing is ever thrown through this code; on arm its tables ask for functions of the compiler's library. */
const NO_UNWINDING = ['-fno-unwind-tables', '-fno-asynchronous-unwind-tables'];

const COMMON = [
  '-std=c11',
  '-Oz',
  '-g0',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-sanitize=all',
  '-fno-ident',
  ...NO_UNWINDING,
];

/**
 * The arguments of zig that compile one file for a target. Linux files must
 * suit two libcs: no fortified functions, which only glibc has.
 */
export function compileArguments(target, file, out) {
  const flags = [...COMMON, '-U_FORTIFY_SOURCE', ...WARNINGS, '-c', file, '-o', out];
  if (target.declarations !== undefined) {
    const at = name => join(native, 'declarations', name);
    const headers = onlyHeaders([at(target.declarations), at('posix')]);
    return ['clang', `--target=${target.triple}`, '-ffreestanding', ...headers, ...flags];
  }
  return ['cc', '-target', target.triple, '-fstack-protector-strong', ...flags];
}

export function sourcesOf(target) {
  return target.system === 'getpeereid' ? kernelSources(target.system) : addonSources(target.system);
}

/** The arguments of zig that make a file to load, which takes every symbol from the program that loads it. */
export function linkArguments(target, objects, out) {
  const way =
    target.system === 'darwin'
      ? ['-Wl,-undefined,dynamic_lookup']
      : ['-Wl,-z,noexecstack', '-Wl,-z,relro,-z,now', '-Wl,--hash-style=gnu'];
  return ['cc', '-target', target.triple, '-shared', '-nostdlib', '-s', ...way, ...objects, '-o', out];
}

/** Whose option numbers there are, by the compiler's name and the kernel's. */
export const linuxArchitectures = [
  ['x86_64-linux-gnu', 'x86'],
  ['aarch64-linux-gnu', 'aarch64'],
  ['arm-linux-gnueabihf', 'arm'],
  ['riscv64-linux-gnu', 'riscv'],
  ['s390x-linux-gnu', 's390x'],
  ['powerpc64le-linux-gnu', 'powerpc'],
  ['mipsel-linux-gnu', 'mips'],
  ['mips64el-linux-gnuabi64', 'mips'],
  ['sparc64-linux-gnu', 'sparc'],
  ['loongarch64-linux-gnu', 'loongarch'],
];
