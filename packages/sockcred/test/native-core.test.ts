/** The native core on its own: native/test/*.c, linked with Linux's half of the core, one case per process. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Addon } from '../dist/sys/addon.js';
import { needs, programPath } from './support/requirements.js';

interface NativeSystems {
  nativeTestSources(): readonly string[];
}

const { nativeTestSources }: NativeSystems = await import(
  new URL('../native-systems.mjs', import.meta.url).href
);

const skip = needs('linux', 'cc');
const sanitize = process.env['SOCKCRED_SANITIZE'] === '1';

let directory: string | undefined;
let program: string | undefined;

after(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

function workDirectory(): string {
  directory ??= mkdtempSync(join(tmpdir(), 'sockcred-native-'));
  return directory;
}

/** Compiles the native tests, with the calls of sys_linux.c going through their hooks. */
function nativeTests(): string {
  if (program !== undefined) return program;
  const file = join(workDirectory(), 'native-tests');
  const wrapped = ['getsockopt', 'getsockname', 'getpeername'].map(name => `-Wl,--wrap=${name}`);
  const { status, stderr } = spawnSync(
    programPath('cc'),
    [
      '-std=c11',
      '-Wall',
      '-Wextra',
      '-Werror',
      ...(sanitize
        ? ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
        : ['-O2']),
      ...wrapped,
      '-o',
      file,
      ...nativeTestSources(),
    ],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  program = file;
  return file;
}

const CASES: Readonly<Record<string, string>> = {
  'option-numbers': 'T5: every option number asks this kernel the question that is meant',
  'id-order': 'T6: uid, gid and pid of another user are each in their place',
  'long-lists': 'T19: up to 65536 groups are read in full, and too little room is told, not filled',
  listening: 'T2, V2: a listening socket answers with its own process, and is refused',
  'no-peer': 'V1: a socket without a peer answers (0, -1, -1), and is refused',
  'short-length': 'V3: the kernel cuts an answer to a short length without an error',
  'other-families': 'T3, V16: other families answer at level 0 too, and are refused before any question',
  'no-socket': 'what is no socket, or not open, is told apart',
  'names-of-ends': 'the names of both ends are seen as they are',
  'name-bytes': 'names are exactly the bytes given, and never cut',
  'new-sockets': 'new sockets are close-on-exec and never block',
  'self-test': 'the self-test trusts this kernel',
  'no-descriptors': 'without descriptors the self-test gives no verdict',
  leaks: 'a thousand questions leave no descriptor behind',
  'process-ended': 'T30: a zombie has ended, and so has a process that was waited for',
  'process-ids': 'T6: the ids of a process as it is now are each in their place',
  'process-absent': 'T24: a process that was waited for has no descriptor to give',
  'process-descriptor': 'a descriptor of another process is duplicated, close-on-exec',
  'netns-cookie': 'both ends of a connection within one network namespace have one cookie',
  'record-at': 'a record of procfs is told whole or not at all',
  'path-at': 'what is held is looked at and not opened',
  'record-inside': 'a record inside a directory is on its very mount, and no link leads to it',
  'link-at': 'where a link leads is told whole or not at all',
  'namespace-below': 'a user namespace below ours is told from our own',
  'attribute-names': 'the extended attributes of a file are told by their names, whole or not at all',
  unwritten: 'whether a file is open for writing is told, and no lease stays behind',
  'unix-sockets': 'a listening socket of our own is among all sockets, and too little room is told',
  'other-lengths': 'T4: an answer of any other length is an error, and writes nothing',
  'ucred-bytes': 'T6: the bytes of struct ucred are pid, uid, gid',
  interrupted: 'T7: every question that is interrupted is asked again, with its full length',
  refused: 'T20: a question that is refused leaves the other answers alone',
  'too-little-room': 'too little room says how much is needed',
  'odd-addresses': 'an odd address is never taken for a connection',
  emulation: 'T13: an emulation that names whoever asks is found out by the self-test',
  'self-test-refused': 'a self-test that is refused is no verdict',
  'three-ids': 'T4, T6: the bytes of Linux, OpenBSD and NetBSD, each in its order, and no other length',
  'xucred-form': 'T4, T6: a struct xucred of another version, length or number of groups is not believed',
  'xucred-fields': 'T6: the bytes of FreeBSD (64 and 32 bits), DragonFly and macOS, each id in its place',
  'xucred-groups': 'T21: unused room for groups is no group; 16 groups, or any on macOS, are not all',
  'macos-pid': 'T29: no bytes of macOS are taken for a pid, and none of DragonFly',
  'cmsgcred-fields': 'T6, T44: the bytes of struct cmsgcred, each id in its place, and no other length',
  'sockcred-fields': 'T6, T44: the bytes of struct sockcred of FreeBSD and NetBSD, which are not the same',
  'sockcred2-fields': 'T6, T44: the bytes of struct sockcred2, of the one version that is known',
  'sender-groups': "T21: a sender's 16 groups of FreeBSD or DragonFly may not be all, and are not told",
  'nothing-beside': 'a message without anything beside it tells nobody',
  'any-order': 'T47: credentials are found among several and unknown control messages, in any order',
  contradictions: 'T47: of credentials that contradict each other, none is believed',
  'more-fds-than-wanted': 'T46: every descriptor beyond those wanted is closed',
  'impossible-lengths': 'T41: a control message of an impossible length ends the walk, and nothing is told',
  'labels-and-pidfds': 'T47: a label that is too long is not cut, and a process descriptor comes once',
  'cut-control': 'T41, V8: cut at every length, the kernel leaves no descriptor open and nobody is told',
  'nothing-to-carry': 'T42: on a stream, credentials are not sent without a byte to carry them',
  'audit-token': 'T29: an audit token is eight words, kept apart from the ids at connect()',
};

for (const [name, title] of Object.entries(CASES)) {
  test(title, { skip }, t => {
    const { status, signal, stdout, stderr } = spawnSync(nativeTests(), [name], {
      encoding: 'utf8',
      env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
    });
    if (status === 77) t.skip(stdout.trim());
    else assert.equal(status, 0, `${signal ?? ''}${stderr}`);
  });
}

test('every case of the native tests is run', { skip }, () => {
  const { stdout } = spawnSync(nativeTests(), { encoding: 'utf8' });
  assert.deepEqual(stdout.trim().split('\n').sort(), Object.keys(CASES).sort());
  assert.equal(spawnSync(nativeTests(), ['no-such-case']).status, 2);
});

/** Builds the addon for one system into the work directory, and loads it. */
function addonFor(system: string): Addon {
  const file = join(workDirectory(), `${system}.node`);
  const build = fileURLToPath(new URL('../build-native.mjs', import.meta.url));
  const words = ['--out', file, '--system', system, ...(sanitize ? ['--sanitize'] : [])];
  const { status, stderr } = spawnSync(process.execPath, [build, ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return createRequire(import.meta.url)(file) as Addon;
}

test('T13: built for a system without any of this, the addon answers no question with an id', {
  skip,
}, () => {
  const none = addonFor('none');
  const unsupported = -0x10002;
  assert.equal(none.system, 'none');
  const words = new Uint32Array(none.resize(4, 16), 0, 20).fill(0xabababab);
  for (const fd of [0, 1, 2, -1]) {
    assert.equal(none.kind(fd), 6);
    assert.equal(none.peer(fd), 6);
    assert.equal(none.isDatagram(fd), unsupported);
    assert.equal(none.peerPidfd(fd), unsupported);
    assert.equal(none.peerToken(fd), unsupported);
    assert.equal(none.processInfo(fd, new Uint32Array(14)), unsupported);
    assert.equal(none.processEnded(fd), unsupported);
    assert.equal(none.processDescriptor(fd, 0), unsupported);
    assert.equal(none.netnsCookie(fd, new Uint32Array(2)), unsupported);
  }
  assert.deepEqual(
    [...words.subarray(3, 20)],
    Array.from({ length: 17 }, () => 0xabababab),
    'no answer was written',
  );
  assert.equal(none.selfTest(), unsupported);
  assert.equal(none.processOpen(1), unsupported);
  assert.equal(none.bootId(new Uint8Array(64)), unsupported);
  assert.equal(none.unixSockets(new Uint8Array(64)), unsupported);
  assert.equal(none.streamSocket(), unsupported);
  assert.equal(none.seqpacketSocket(), unsupported);
  assert.equal(none.bindListen(0, new Uint8Array(1), 1), unsupported);
  assert.equal(none.connect(0, new Uint8Array(1)), unsupported);
  assert.equal(none.datagramSocket(), unsupported);
  assert.ok(none.messageArena(1, 16) instanceof ArrayBuffer);
  assert.equal(none.receiveMessages(0, 0, 1, 16, 0, false), unsupported);
  assert.equal(none.send(0, new Uint8Array(1), new Uint8Array()), unsupported);
  assert.equal(none.setMessageOption(0, 0, true), unsupported);
  assert.equal(none.messageOption(0, 0), unsupported);
  assert.equal(
    none.readinessOpen(() => {}, false),
    unsupported,
  );
});

// Deno's Node-API takes `true` for a number.
test('the addon refuses wrong arguments, and survives them', { skip: needs('linux', 'cc', 'node') }, () => {
  const linux = addonFor('linux') as unknown as Record<string, (...args: unknown[]) => unknown>;
  const call = (name: string, ...args: unknown[]) => linux[name]?.(...args);
  assert.throws(() => call('peer', 0), /scratch buffer/, 'before there is room for an answer');
  assert.ok(call('resize', 4, 16) instanceof ArrayBuffer);
  const odd = [undefined, null, '0', {}, [], 1n, Symbol('fd'), () => 0, true];
  for (const name of [
    'peer',
    'kind',
    'isDatagram',
    'peerPidfd',
    'peerToken',
    'processEnded',
    'processOpen',
    'bootId',
  ]) {
    assert.throws(() => call(name), Error, name);
    for (const value of odd) assert.throws(() => call(name, value), Error, name);
  }
  for (const value of [...odd, -1, 2 ** 21]) {
    if (value === -1) continue;
    assert.throws(() => call('resize', value, 1), Error);
    assert.throws(() => call('resize'), Error);
  }
  assert.throws(() => call('resize', 1, 2 ** 25), Error);
  for (const name of [
    undefined,
    'x',
    [1],
    new ArrayBuffer(4),
    new Uint16Array(2),
    new DataView(new ArrayBuffer(4)),
  ]) {
    assert.throws(() => call('connect', 0, name), Error);
    assert.throws(() => call('bindListen', 0, name, 1), Error);
    assert.throws(() => call('unixSockets', name), Error);
    assert.throws(() => call('processInfo', 0, name), Error);
    assert.throws(() => call('netnsCookie', 0, name), Error);
  }
  assert.throws(() => call('bindListen', 0, new Uint8Array(4)), Error);
  assert.throws(() => call('processInfo', 0, new Uint32Array(13)), Error);
  assert.throws(() => call('netnsCookie', 0, new Uint32Array(1)), Error);
  assert.throws(() => call('processDescriptor', 0), Error);
  for (const fd of [-1, -(2 ** 31), 2 ** 31 - 1, 99999])
    assert.equal(call('kind', fd), 1, `${fd} is not open`);
  assert.equal(call('connect', -1, new Uint8Array([0, 1])), -9);
});
