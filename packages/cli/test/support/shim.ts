/**
 * A shared object put before the C library (LD_PRELOAD), to watch the system
 * calls of the command or to hold one of them back.
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programPath } from '../../../sockcred/build/support/requirements.js';

const PRELUDE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
`;

/** Compiles C that defines functions of the C library anew; returns the environment that puts it first. */
export function shim(directory: string, source: string): { LD_PRELOAD: string } {
  const file = join(directory, 'shim.c');
  const library = join(directory, 'shim.so');
  writeFileSync(file, PRELUDE + source);
  const words = ['-shared', '-fPIC', '-o', library, file, '-ldl'];
  const { status, stderr } = spawnSync(programPath('cc'), words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the shim does not compile: ${stderr}`);
  const before = process.env['LD_PRELOAD'];
  return { LD_PRELOAD: before === undefined ? library : `${before}:${library}` };
}
