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

/** What a system may lack, each with the file that says so. */
const ABSENT = {
  groups: 'absent/groups.c',
  label: 'absent/label.c',
  ids: 'absent/more_ids.c',
  token: 'absent/token.c',
  pidfd: 'absent/pidfd.c',
  bootId: 'absent/boot_id.c',
  holding: 'absent/holding.c',
  process: 'absent/process.c',
  files: 'absent/files.c',
  mode: 'absent/mode.c',
  messages: 'absent/messages.c',
  readiness: 'absent/readiness.c',
  connectAs: 'absent/connect_as.c',
  relay: 'absent/relay.c',
};

/** Questions about processes by descriptors, files that tell of them, modes before names, threads with ids of their own, splice(2). */
const LINUX_ALONE = ['pidfd', 'process', 'files', 'mode', 'connectAs', 'relay'];

/** A set to wait in, and processes that are held by a queue each. */
const KQUEUE = ['queue.c', 'readiness_kqueue.c', 'process_kqueue.c', 'process_ended.c'];
const NO_PROCESSES = ['holding', 'bootId'];
const WAITS_FOR_NOTHING = ['messages', 'readiness'];

/** The files of each system, and what it lacks. */
const SYSTEMS = {
  linux: {
    files: [
      ...['sys_linux.c', 'layouts.c', ...SOCKETS, 'process_linux.c', 'process_ended.c', 'files_linux.c'],
      ...['message_linux.c', ...MESSAGES, 'readiness_linux.c'],
      ...['connect_as_linux.c', 'relay_linux.c', 'relay_way_linux.c'],
    ],
    lacks: ['ids', 'token', 'bootId'],
  },
  freebsd: {
    files: ['sys_freebsd.c', 'layouts.c', ...SOCKETS, 'message_freebsd.c', ...ONE_BY_ONE, ...KQUEUE],
    lacks: ['label', 'ids', 'token', 'bootId', ...LINUX_ALONE],
  },
  darwin: {
    files: ['sys_darwin.c', 'layouts.c', ...SOCKETS, ...KQUEUE],
    lacks: ['label', 'ids', ...LINUX_ALONE, 'messages'],
  },
  openbsd: {
    files: ['sys_openbsd.c', 'layouts.c', ...SOCKETS, ...KQUEUE],
    lacks: ['groups', 'label', 'ids', 'token', 'bootId', ...LINUX_ALONE, 'messages'],
  },
  netbsd: {
    files: ['sys_netbsd.c', 'layouts.c', ...SOCKETS, 'message_netbsd.c', ...ONE_BY_ONE, ...KQUEUE],
    lacks: ['groups', 'label', 'ids', 'token', 'bootId', ...LINUX_ALONE],
  },
  sunos: {
    files: ['sys_sunos.c', ...SOCKETS, 'message_sunos.c', ...ONE_BY_ONE, 'readiness_sunos.c'],
    lacks: ['label', 'token', ...NO_PROCESSES, ...LINUX_ALONE],
  },
  getpeereid: {
    files: ['sys_getpeereid.c', ...SOCKETS],
    lacks: ['groups', 'label', 'ids', 'token', ...NO_PROCESSES, ...LINUX_ALONE, ...WAITS_FOR_NOTHING],
  },
  none: {
    files: ['sys_none.c'],
    lacks: ['groups', 'label', 'ids', 'token', ...NO_PROCESSES, ...LINUX_ALONE, ...WAITS_FOR_NOTHING],
  },
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
  const { files, lacks } = SYSTEMS[system];
  return [...files, ...lacks.map(what => ABSENT[what])].map(file => join(native, file));
}

/** The addon's half that knows JavaScript; how it is woken goes with what there is to wait for. */
function marshalling(system) {
  const wakeup = SYSTEMS[system].lacks.includes('readiness') ? 'absent/wakeup.c' : 'addon_wakeup.c';
  const topics = ['sockets', 'process', 'files', 'messages', 'readiness', 'relay'];
  return ['addon.c', ...topics.map(topic => `addon_${topic}.c`), wakeup];
}

/** Everything that one system's addon is made of. */
export function addonSources(system) {
  return [...marshalling(system).map(file => join(native, file)), ...kernelSources(system)];
}

/** The native tests: Linux's file and the layouts of every kernel, in one program. */
export function nativeTestSources() {
  const topics = ['questions', 'sockets', 'processes', 'files', 'answers', 'layouts', 'senders', 'messages'];
  const tests = ['main.c', ...topics.map(topic => `${topic}_test.c`)];
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
