// Which C files answer on which system. One sys_*.c file asks the system; the
// questions that it does not have are answered "no such question" by a file
// each in native/absent/.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const native = join(dirname(fileURLToPath(import.meta.url)), 'native');

const SOCKETS = ['unix_socket.c', 'self_test.c'];

/** What travels with messages: the same wherever anything does; received one by one outside Linux. */
const MESSAGES = ['message_socket.c', 'message_walk.c'];
const ONE_BY_ONE = [...MESSAGES, 'message_receive.c'];

/** For systems where nothing does, and nothing is waited for. */
const NO_MESSAGES = ['absent/messages.c', 'absent/readiness.c'];

const SYSTEMS = {
  linux: [
    'sys_linux.c',
    'layouts.c',
    ...SOCKETS,
    'message_linux.c',
    ...MESSAGES,
    'readiness_linux.c',
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
    'message_freebsd.c',
    ...ONE_BY_ONE,
    'readiness_kqueue.c',
  ],
  darwin: [
    'sys_darwin.c',
    'layouts.c',
    ...SOCKETS,
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    ...NO_MESSAGES,
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
    'message_netbsd.c',
    ...ONE_BY_ONE,
    'readiness_kqueue.c',
  ],
  sunos: [
    'sys_sunos.c',
    ...SOCKETS,
    'absent/label.c',
    'absent/pidfd.c',
    'absent/token.c',
    'message_sunos.c',
    ...ONE_BY_ONE,
    'readiness_sunos.c',
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
  ],
  none: [
    'sys_none.c',
    'absent/groups.c',
    'absent/label.c',
    'absent/pidfd.c',
    'absent/more_ids.c',
    'absent/token.c',
    ...NO_MESSAGES,
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
  return ['addon.c', 'addon_sockets.c', 'addon_messages.c', 'addon_readiness.c', wakeup];
}

/** Everything that one system's addon is made of. */
export function addonSources(system) {
  return [...marshalling(system).map(file => join(native, file)), ...kernelSources(system)];
}

/** The native tests: Linux's file and the layouts of every kernel, in one program. */
export function nativeTestSources() {
  const tests = ['main', 'questions_test', 'answers_test', 'layouts_test', 'senders_test', 'messages_test'];
  return [...kernelSources('linux'), ...tests.map(name => join(native, 'test', `${name}.c`))];
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
