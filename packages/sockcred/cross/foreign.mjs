// Kernels that do not run here: their files, compiled against their own
// headers for this processor (x64), linked with native/test/foreign_test.c,
// which stands where the kernel would, and run. What that kernel really does
// is not shown by this; which question it is asked, and what its answers and
// errors are taken for, is.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { kernelSources, native } from '../native-systems.mjs';
import { onlyHeaders, runZig, zigDirectory } from './toolchain.mjs';

const XUCRED = { AT_UID: 4, AT_GID: 12, AT_GROUPS: 12, HAS_PID: 0, AT_PID: 0, PID_MAY_BE_MISSING: 1 };
const LOCAL_PEERCRED = { QUESTION_LEVEL: 0, QUESTION: 1, NONE_ERRORS: '57, 22' };

/** Facts of each kernel, as numbers; see foreign_cases.h for what they mean. */
export const foreignSystems = {
  freebsd: {
    ...{ files: 'freebsd', triple: 'x86_64-freebsd', FAMILY: 'BSD', ...LOCAL_PEERCRED, ...XUCRED },
    ...{ ROOM: 88, HAS_PID: 1, AT_PID: 80, GROUPS: 2, PAIR: 'MAY' },
  },
  dragonfly: {
    ...{ files: 'freebsd', declarations: 'dragonfly', triple: 'x86_64-unknown-dragonfly', FAMILY: 'BSD' },
    ...{ ...LOCAL_PEERCRED, ...XUCRED, ROOM: 88, GROUPS: 2, PAIR: 'MAY' },
  },
  darwin: {
    ...{
      files: 'darwin',
      apple: true,
      triple: 'x86_64-linux-gnu',
      FAMILY: 'BSD',
      ...LOCAL_PEERCRED,
      ...XUCRED,
    },
    ...{ ROOM: 76, GROUPS: -2, PAIR: 'MUST' },
  },
  openbsd: {
    ...{
      files: 'openbsd',
      triple: 'x86_64-openbsd',
      FAMILY: 'BSD',
      QUESTION_LEVEL: 0xffff,
      QUESTION: 0x1022,
    },
    ...{ NONE_ERRORS: '57', ROOM: 12, AT_UID: 0, AT_GID: 4, AT_GROUPS: 0, HAS_PID: 1, AT_PID: 8, GROUPS: -1 },
    ...{ PAIR: 'MUST', PID_MAY_BE_MISSING: 0 },
  },
  netbsd: {
    ...{ files: 'netbsd', triple: 'x86_64-netbsd', FAMILY: 'BSD', QUESTION_LEVEL: 0, QUESTION: 3 },
    ...{ NONE_ERRORS: '22', ROOM: 12, AT_PID: 0, AT_UID: 4, AT_GID: 8, AT_GROUPS: 0, HAS_PID: 1, GROUPS: -1 },
    ...{ PAIR: 'MAY', PID_MAY_BE_MISSING: 0 },
  },
  sunos: {
    ...{ files: 'sunos', declarations: 'sunos', triple: 'x86_64-unknown-solaris2.11', FAMILY: 'SYSV' },
    ...{ QUESTION_LEVEL: -1, QUESTION: -1, NONE_ERRORS: '134, 22', ROOM: 128, AT_UID: 0, AT_GID: 4 },
    ...{ AT_GROUPS: 0, HAS_PID: 1, AT_PID: 8, GROUPS: 3, PAIR: 'MAY', PID_MAY_BE_MISSING: 0 },
  },
};

/** Apple's headers, but objects that a linker here takes: the same processor, and the same rules for structures. */
function appleHeaders() {
  const version = ['MAC_OS_X_VERSION_MIN_REQUIRED', 'OS_VERSION_MIN_REQUIRED'];
  return [
    ...onlyHeaders([join(zigDirectory, 'lib', 'libc', 'include', 'any-darwin-any')]),
    ...['-U__linux__', '-U__linux', '-Ulinux', '-U__gnu_linux__', '-D__APPLE__=1', '-D__MACH__=1'],
    ...version.map(name => `-D__ENVIRONMENT_${name}__=110000`),
  ];
}

function compilerFor({ triple, apple, declarations }) {
  if (apple) return ['clang', `--target=${triple}`, ...appleHeaders()];
  if (declarations === undefined) return ['cc', '-target', triple];
  const at = name => join(native, 'declarations', name);
  return ['clang', `--target=${triple}`, '-ffreestanding', ...onlyHeaders([at(declarations), at('posix')])];
}

/**
 * Compiles, links and runs one system's files; '' or what went wrong. `moved`
 * gives the place of each file, for the mutation check.
 */
export function runForeign(name, directory, moved = file => file) {
  const { files, triple, apple, declarations, ...facts } = foreignSystems[name];
  mkdirSync(directory, { recursive: true });
  const flags = [
    '-std=c11',
    '-O1',
    '-g0',
    '-fno-sanitize=all',
    '-fno-stack-protector',
    '-D_FORTIFY_SOURCE=0',
    '-fPIC',
  ];
  const objects = [];
  for (const file of kernelSources(files)) {
    const object = join(directory, `${basename(file)}.o`);
    const { ok, output } = runZig([
      ...compilerFor({ triple, apple, declarations }),
      ...['-U_FORTIFY_SOURCE', ...flags, '-c', moved(file), '-o', object],
    ]);
    if (!ok) return output;
    objects.push(object);
  }
  const program = join(directory, 'foreign-test');
  const compiled = spawnSync(
    process.env.CC ?? 'cc',
    [
      ...['-std=c11', '-O1', '-fno-builtin', '-Wall', '-Wextra', '-Wno-builtin-declaration-mismatch'],
      ...['-DMAY=1', '-DMUST=2', `-DSYSTEM="${name}"`],
      ...Object.entries(facts).map(([fact, value]) => `-D${fact}=${value}`),
      ...['foreign_kernel.c', 'foreign_test.c'].map(file => moved(join(native, 'test', file))),
      ...[...objects, '-o', program],
    ],
    { encoding: 'utf8' },
  );
  if (compiled.status !== 0) return compiled.stderr;
  const { status, signal, stderr } = spawnSync(program, { encoding: 'utf8' });
  return status === 0 ? '' : `${signal ?? ''}${stderr}`;
}
