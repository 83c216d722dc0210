// Makes every file that the package ships: prebuilds/<platform>-<arch>/sockcred.node.
// A Linux file needs no library and no symbol version, so that the same one
// loads under glibc and musl; that and the size of all of them is checked here.
//
//   npm run prebuild

import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { compileFor } from './check.mjs';
import { readElf } from './elf.mjs';
import { linkArguments, sourcesOf, targets } from './targets.mjs';
import { buildDirectory, ensureInstalled, runZig } from './toolchain.mjs';

/** Of all files, compressed as a package has them. */
const MOST_PACKED_BYTES = 400 * 1024;

const prebuilds = fileURLToPath(new URL('../prebuilds/', import.meta.url));

/** What every C library of Linux has, and Node-API. */
const PLAIN_SYMBOL = new RegExp(
  `^(${[
    'napi_\\w+',
    '[gs]etsockopt|getsockname|getpeername|socket|socketpair|bind|listen|accept4|connect|shutdown',
    'sendto|recvfrom|poll|ioctl|sendmsg|recvmsg|sendmmsg|recvmmsg|splice|pipe2|close|fcntl|fchmod|openat|read|readlinkat|llistxattr|clock_gettime|syscall',
    'epoll_(create1|ctl|wait)|eventfd|eventfd_(read|write)',
    'pthread_(create|join|sigmask|mutex_(init|destroy|lock|unlock))',
  ].join('|')})$`,
);
const LIBC_SYMBOL =
  /^(calloc|malloc|free|memcpy|memset|strnlen|sigfillset|getpid|geteuid|getegid|__errno_location|__stack_chk_(fail|guard))$/;

/** Looked up in the program, and not needed where it has none: native/uv_declarations.h. */
const RUNTIME_SYMBOL = /^uv_\w+$/;

/** What would keep this file from loading under either libc of Linux. */
function linuxProblems(file) {
  const { needed, versioned, undefinedSymbols } = readElf(readFileSync(file));
  const odd = undefinedSymbols.filter(
    name => !PLAIN_SYMBOL.test(name) && !LIBC_SYMBOL.test(name) && !RUNTIME_SYMBOL.test(name),
  );
  return [
    ...needed.map(name => `needs the library ${name}`),
    ...(versioned ? ['asks for versions of symbols'] : []),
    ...odd.map(name => `asks for ${name}, which not every libc has`),
  ];
}

/** Links one target's file and puts it in its place; its bytes. */
export function prebuild(target) {
  const scratch = join(buildDirectory, 'prebuild', target.name);
  mkdirSync(scratch, { recursive: true });
  const { objects, failures } = compileFor(target, sourcesOf(target), scratch);
  if (failures.length > 0) throw new Error(`${target.name}: ${failures.join('\n')}`);
  const staged = join(scratch, 'sockcred.node');
  const { ok, output } = runZig(linkArguments(target, objects, staged));
  if (!ok) throw new Error(`${target.name}: ${output}`);
  const problems = target.system === 'linux' ? linuxProblems(staged) : [];
  if (problems.length > 0) throw new Error(`${target.name}: ${problems.join(', ')}`);
  const out = join(prebuilds, target.name, 'sockcred.node');
  mkdirSync(join(prebuilds, target.name), { recursive: true });
  renameSync(staged, out);
  rmSync(scratch, { recursive: true });
  return readFileSync(out);
}

function main() {
  ensureInstalled();
  // What is left of targets that no longer ship would be packed as well.
  rmSync(prebuilds, { recursive: true, force: true });
  let [all, allPacked] = [0, 0];
  const say = (size, packed, name) =>
    console.log(`${String(size).padStart(7)} bytes, ${String(packed).padStart(6)} packed  ${name}`);
  for (const target of targets.filter(each => each.ships)) {
    const bytes = prebuild(target);
    const packed = gzipSync(bytes).length;
    all += bytes.length;
    allPacked += packed;
    say(bytes.length, packed, target.name);
  }
  say(all, allPacked, 'all');
  if (allPacked > MOST_PACKED_BYTES) throw new Error(`more than ${MOST_PACKED_BYTES} bytes packed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
