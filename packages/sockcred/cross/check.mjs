// Compiles every kernel's files against that kernel's own headers, where the
// toolchain has them, so that each _Static_assert is held against the truth;
// and our option numbers for Linux against a newer kernel's. No output file is
// kept.
//
//   npm run check:cross

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WARNINGS } from '../native-systems.mjs';
import { compileArguments, linuxArchitectures, sourcesOf, targets } from './targets.mjs';
import { buildDirectory, ensureInstalled, linuxKernelHeaders, onlyHeaders, runZig } from './toolchain.mjs';

const here = fileURLToPath(new URL('./', import.meta.url));
const scratch = join(buildDirectory, 'cross-check');

/** Compiles the files for a target; what the compiler said of those that failed. */
export function compileFor(target, files, directory = scratch) {
  const failures = [];
  const objects = files.map(file => {
    const object = join(directory, `${basename(file)}.o`);
    const { ok, output } = runZig(compileArguments(target, file, object));
    if (!ok || output !== '') failures.push(`${basename(file)}: ${output}`);
    return object;
  });
  return { objects, failures };
}

/** A file of our numbers for one architecture, against the kernel's headers; '' or what is wrong. */
export function checkLinuxNumbers([triple, kernel], file) {
  const headers = onlyHeaders(linuxKernelHeaders(kernel));
  const { ok, output } = runZig([
    'clang',
    `--target=${triple}`,
    '-ffreestanding',
    '-std=c11',
    ...WARNINGS,
    ...headers,
    '-fsyntax-only',
    file,
  ]);
  return ok && output === '' ? '' : output;
}

/** A file that holds declarations of ours against the headers in a folder; '' or what is wrong. */
export function checkDeclarations(file, include) {
  const flags = ['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-isystem', include, '-fsyntax-only'];
  const { stderr, status } = spawnSync(process.env.CC ?? 'cc', [...flags, file], { encoding: 'utf8' });
  return status === 0 ? '' : stderr;
}

/** Where the headers of Node-API are. */
export function nodeApiHeaders() {
  return createRequire(import.meta.url)('node-api-headers').include_dir;
}

/** Where the headers of libuv are: those of this Node, or the system's (Debian: libuv1-dev). */
export function uvHeaders() {
  const folders = [join(dirname(process.execPath), '..', 'include', 'node'), '/usr/include'];
  const found = folders.find(folder => existsSync(join(folder, 'uv.h')));
  if (found === undefined) throw new Error('no uv.h beside this Node (Debian: apt-get install libuv1-dev)');
  return found;
}

function kernelVersion() {
  const [, any] = linuxKernelHeaders('x86');
  const text = readFileSync(join(any, 'linux', 'version.h'), 'latin1');
  return ['MAJOR', 'PATCHLEVEL'].map(part => text.match(`LINUX_VERSION_${part} (\\d+)`)?.[1]).join('.');
}

function main() {
  ensureInstalled();
  mkdirSync(scratch, { recursive: true });
  let failed = 0;
  const report = (what, against, problem) => {
    if (problem !== '') failed++;
    console.log(`${problem === '' ? 'ok    ' : 'FAILED'} ${what.padEnd(34)} ${against}`);
    if (problem !== '') console.log(problem);
  };
  for (const target of targets) {
    const files = sourcesOf(target);
    const { failures } = compileFor(target, files);
    const against =
      target.declarations === undefined
        ? `real headers, ${target.triple}`
        : `declarations only, native/declarations/${target.declarations}`;
    report(target.name, against, failures.join('\n'));
  }
  for (const each of linuxArchitectures) {
    for (const [what, file] of [
      ['options', 'linux-options.c'],
      ['files', 'linux-files.c'],
    ]) {
      report(
        `numbers of ${what}, ${each[0]}`,
        `headers of Linux ${kernelVersion()} for ${each[1]}`,
        checkLinuxNumbers(each, join(here, file)),
      );
    }
  }
  const declared = (file, include) => checkDeclarations(join(here, file), include);
  report('declarations of Node-API', 'node-api-headers', declared('node-api.c', nodeApiHeaders()));
  report('declarations of libuv', join(uvHeaders(), 'uv.h'), declared('uv.c', uvHeaders()));
  rmSync(scratch, { recursive: true });
  if (failed > 0) {
    console.error(`${failed} targets do not compile`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
