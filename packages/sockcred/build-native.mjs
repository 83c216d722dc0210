// Compiles the addon with the system's C compiler against the headers of the
// npm package node-api-headers: no node-gyp, no header download.
//
//   node build-native.mjs [--out FILE] [--sanitize] [--system linux|none]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const native = join(here, 'native');

const HARDENED = ['-O2', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong'];
const SANITIZED = [
  '-O1',
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
  '-fno-omit-frame-pointer',
];
const WARNINGS = ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wconversion', '-Wstrict-prototypes'];

/** Compiles C files to one addon; ends the process with a message where that fails. */
export function compileAddon(sources, out, { sanitize = false } = {}) {
  const compiler = process.env.CC ?? 'cc';
  const staged = `${out}.${process.pid}.tmp`;
  mkdirSync(dirname(out), { recursive: true });
  const args = [
    '-std=c11',
    ...(sanitize ? SANITIZED : HARDENED),
    '-fPIC',
    '-shared',
    '-fvisibility=hidden',
    ...WARNINGS,
    `-I${require('node-api-headers').include_dir}`,
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    '-o',
    staged,
    ...sources,
  ];
  const { status, error } = spawnSync(compiler, args, { stdio: 'inherit' });
  if (status !== 0) {
    rmSync(staged, { force: true });
    if (error !== undefined) {
      console.error(`sockcred: the C compiler '${compiler}' did not start: ${error.message}`);
      console.error('sockcred: install one (Debian: apt-get install gcc libc6-dev) or set CC');
    }
    process.exit(1);
  }
  // A running process keeps the file it has loaded: replace it, never write into it.
  renameSync(staged, out);
}

function main() {
  const { values } = parseArgs({
    options: {
      out: {
        type: 'string',
        default: join(here, 'prebuilds', `${process.platform}-${process.arch}`, 'sockcred.node'),
      },
      sanitize: { type: 'boolean', default: false },
      system: {
        type: 'string',
        default: existsSync(join(native, `sys_${process.platform}.c`)) ? process.platform : 'none',
      },
    },
  });
  const sources = [join(native, 'addon.c'), join(native, `sys_${values.system}.c`)];
  compileAddon(sources, values.out, { sanitize: values.sanitize });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
