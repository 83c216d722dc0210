// Which C files answer on which system. One sys_*.c file asks the system; the
// questions that it does not have are answered "no such question" by a file
// each in native/absent/.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const native = join(dirname(fileURLToPath(import.meta.url)), 'native');

const SOCKETS = ['unix_socket.c', 'self_test.c'];

/** The questions about processes behind descriptors, which only Linux has. */
const NO_PROCESSES = ['absent/pidfd.c', 'absent/process.c'];

const SYSTEMS = {
  linux: ['sys_linux.c', 'process_linux.c', 'layouts.c', ...SOCKETS, 'absent/more_ids.c', 'absent/token.c'],
  freebsd: [
    'sys_freebsd.c',
    'layouts.c',
    ...SOCKETS,
    'absent/label.c',
    ...NO_PROCESSES,
    'absent/more_ids.c',
    'absent/token.c',
  ],
  darwin: ['sys_darwin.c', 'layouts.c', ...SOCKETS, 'absent/label.c', ...NO_PROCESSES, 'absent/more_ids.c'],
  openbsd: [
    'sys_openbsd.c',
    'layouts.c',
    ...SOCKETS,
    'absent/groups.c',
    'absent/label.c',
    ...NO_PROCESSES,
    'absent/more_ids.c',
    'absent/token.c',
  ],
  netbsd: [
    'sys_netbsd.c',
    'layouts.c',
    ...SOCKETS,
    'absent/groups.c',
    'absent/label.c',
    ...NO_PROCESSES,
    'absent/more_ids.c',
    'absent/token.c',
  ],
  sunos: ['sys_sunos.c', ...SOCKETS, 'absent/label.c', ...NO_PROCESSES, 'absent/token.c'],
  getpeereid: [
    'sys_getpeereid.c',
    ...SOCKETS,
    'absent/groups.c',
    'absent/label.c',
    ...NO_PROCESSES,
    'absent/more_ids.c',
    'absent/token.c',
  ],
  none: [
    'sys_none.c',
    'absent/groups.c',
    'absent/label.c',
    ...NO_PROCESSES,
    'absent/more_ids.c',
    'absent/token.c',
  ],
};

/** By `process.platform`, where it is not the system's own name. */
const BY_PLATFORM = { android: 'linux', dragonfly: 'freebsd', aix: 'getpeereid' };

/** The system that answers on a platform; `none` on one that has no way. */
export function systemOf(platform) {
  const system = BY_PLATFORM[platform] ?? platform;
  return Object.hasOwn(SYSTEMS, system) ? system : 'none';
}

export const systems = Object.keys(SYSTEMS);

/** The kernel's half of the addon, without what knows JavaScript. */
export function kernelSources(system) {
  return SYSTEMS[system].map(file => join(native, file));
}

/** Everything that one system's addon is made of. */
export function addonSources(system) {
  const marshalling = ['addon.c', 'addon_sockets.c', 'addon_process.c'];
  return [...marshalling.map(file => join(native, file)), ...kernelSources(system)];
}

/** The native tests: Linux's file and the layouts of every kernel, in one program. */
export function nativeTestSources() {
  const tests = ['main.c', 'questions_test.c', 'processes_test.c', 'answers_test.c', 'layouts_test.c'];
  return [...kernelSources('linux'), ...tests.map(file => join(native, 'test', file))];
}

export const WARNINGS = [
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wshadow',
  '-Wconversion',
  '-Wstrict-prototypes',
  '-Wmissing-prototypes',
];
