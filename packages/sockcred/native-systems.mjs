// Which C files answer on which system. One sys_*.c file asks the system; the
// questions that it does not have are answered "no such question" by a file
// each in native/absent/.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const native = join(dirname(fileURLToPath(import.meta.url)), 'native');

const SOCKETS = ['unix_socket.c', 'self_test.c'];

/** What only Linux has: a mode before the name, threads with ids of their own, splice(2). */
const NOT_LINUX = ['absent/mode.c', 'absent/connect_as.c', 'absent/relay.c'];

/** What travels with messages, and waiting for them. */
const NO_MESSAGES = ['absent/messages.c', 'absent/readiness.c'];

const SYSTEMS = {
  linux: [
    'sys_linux.c',
    'layouts.c',
    ...SOCKETS,
    'message_linux.c',
    'message_walk.c',
    'readiness_linux.c',
    'connect_as_linux.c',
    'relay_linux.c',
    'relay_way_linux.c',
    'absent/more_ids.c',
    'absent/token.c',
  ],
  freebsd: [
    'sys_freebsd.c',
    'layouts.c',
    ...SOCKETS,
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    'absent/token.c',
    ...NO_MESSAGES,
    ...NOT_LINUX,
  ],
  darwin: [
    'sys_darwin.c',
    'layouts.c',
    ...SOCKETS,
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    ...NO_MESSAGES,
    ...NOT_LINUX,
  ],
  openbsd: [
    'sys_openbsd.c',
    'layouts.c',
    ...SOCKETS,
    'absent/groups.c',
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    'absent/token.c',
    ...NO_MESSAGES,
    ...NOT_LINUX,
  ],
  netbsd: [
    'sys_netbsd.c',
    'layouts.c',
    ...SOCKETS,
    'absent/groups.c',
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    'absent/token.c',
    ...NO_MESSAGES,
    ...NOT_LINUX,
  ],
  sunos: [
    'sys_sunos.c',
    ...SOCKETS,
    'absent/label.c',
    'absent/pidfd.c',
    'absent/token.c',
    ...NOT_LINUX,
    ...NO_MESSAGES,
  ],
  getpeereid: [
    'sys_getpeereid.c',
    ...SOCKETS,
    'absent/groups.c',
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    'absent/token.c',
    ...NO_MESSAGES,
    ...NOT_LINUX,
  ],
  none: [
    'sys_none.c',
    'absent/groups.c',
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    'absent/token.c',
    ...NO_MESSAGES,
    ...NOT_LINUX,
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

/** The addon's half that knows JavaScript; how it is woken goes with what there is to wait for. */
function marshalling(system) {
  const wakeup = SYSTEMS[system].includes('absent/readiness.c') ? 'absent/wakeup.c' : 'addon_wakeup.c';
  return ['addon.c', 'addon_sockets.c', 'addon_messages.c', 'addon_readiness.c', 'addon_relay.c', wakeup];
}

/** Everything that one system's addon is made of. */
export function addonSources(system) {
  return [...marshalling(system).map(file => join(native, file)), ...kernelSources(system)];
}

/** The native tests: Linux's file and the layouts of every kernel, in one program. */
export function nativeTestSources() {
  const tests = ['main.c', 'questions_test.c', 'answers_test.c', 'layouts_test.c', 'messages_test.c'];
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
