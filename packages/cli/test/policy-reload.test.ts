/** A policy file that changes while its policy is in force: every way of writing, and no half of any. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { madeUpPeer } from 'sockcred/testing';
import { needs } from '../../sockcred/build/support/requirements.js';
import { until } from '../../sockcred/build/support/waiting.js';
import { loadPolicyFile, type PolicyFile, policyFile } from '../dist/policy/policy-file.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };

/** Lets in this user only. */
const only = (uid: number) => `[[rules]]\neffect = "allow"\nuser = ${uid}\n`;

/** Whom of these the policy lets in. */
function admitted({ policy }: PolicyFile): readonly number[] {
  return [1, 2, 3, 4].filter(uid => policy.decide(madeUpPeer({ uid })).allowed);
}

interface Watched {
  readonly directory: string;
  readonly path: string;
  readonly file: PolicyFile;
  /** `replaced`, or the message of a refusal, in the order in which they were told. */
  readonly told: string[];
  /** Resolves once only these are let in. */
  admits(...uids: readonly number[]): Promise<void>;
}

async function watched(t: TestContext, path?: string, directory = ownDirectory(t)): Promise<Watched> {
  const at = path ?? join(directory, 'p.toml');
  if (path === undefined) writeFileSync(at, only(1));
  const told: string[] = [];
  const file = await policyFile(at, {
    replaced: () => told.push('replaced'),
    refused: error => told.push(error.message),
  });
  t.after(() => file.close());
  file.watch();
  assert.deepEqual(admitted(file), [1]);
  const admits = (...uids: readonly number[]) => until(() => admitted(file).join() === uids.join());
  return { directory, path: at, file, told, admits };
}

test('T64: a file that is written in place is read again', onLinux, async t => {
  const { path, told, admits } = await watched(t);
  writeFileSync(path, only(2));
  await admits(2);
  writeFileSync(path, only(3));
  await admits(3);
  assert.deepEqual(told, ['replaced', 'replaced']);
});

test('T64: a file that is renamed over the old one is read again, each time', onLinux, async t => {
  const { directory, path, admits } = await watched(t);
  for (const uid of [2, 3, 1]) {
    const next = join(directory, '.p.toml.swp');
    writeFileSync(next, only(uid));
    renameSync(next, path);
    await admits(uid);
  }
});

test('T64: an editor that moves the old file away first', onLinux, async t => {
  const { path, told, admits } = await watched(t);
  renameSync(path, `${path}~`);
  writeFileSync(path, only(2));
  await admits(2);
  assert.deepEqual(told, ['replaced']);
});

test('T64: the links of a Kubernetes volume are swapped', onLinux, async t => {
  const directory = ownDirectory(t);
  const data = (name: string, uid: number) => {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'p.toml'), only(uid));
  };
  chmodSync(directory, 0o1777);
  data('..2026_01', 1);
  symlinkSync('..2026_01', join(directory, '..data'));
  symlinkSync('..data/p.toml', join(directory, 'p.toml'));
  const { admits } = await watched(t, join(directory, 'p.toml'), directory);
  for (const [name, uid] of [
    ['..2026_02', 2],
    ['..2026_03', 3],
  ] as const) {
    data(name, uid);
    symlinkSync(name, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
    await admits(uid);
  }
});

test(
  'T64: a link that leads into another directory is followed, and the file there as well',
  onLinux,
  async t => {
    const [first, second, links] = [ownDirectory(t), ownDirectory(t), ownDirectory(t)];
    writeFileSync(join(first, 'p.toml'), only(1));
    writeFileSync(join(second, 'p.toml'), only(2));
    const link = join(links, 'p.toml');
    symlinkSync(join(first, 'p.toml'), link);
    const { admits } = await watched(t, link, links);
    writeFileSync(join(first, 'p.toml'), only(3));
    await admits(3);
    symlinkSync(join(second, 'p.toml'), `${link}.new`);
    renameSync(`${link}.new`, link);
    await admits(2);
    writeFileSync(join(second, 'p.toml'), only(4));
    await admits(4);
  },
);

test('T64: a directory that is replaced as a whole is noticed', onLinux, async t => {
  const parent = ownDirectory(t);
  const make = (name: string, uid: number) => {
    mkdirSync(join(parent, name), { mode: 0o755 });
    writeFileSync(join(parent, name, 'p.toml'), only(uid));
  };
  make('etc', 1);
  const { admits } = await watched(t, join(parent, 'etc', 'p.toml'), parent);
  make('new', 2);
  renameSync(join(parent, 'etc'), join(parent, 'old'));
  renameSync(join(parent, 'new'), join(parent, 'etc'));
  await admits(2);
  writeFileSync(join(parent, 'etc', 'p.toml'), only(3));
  await admits(3);
});

function madeDirectory(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

/** Ways to make a file unusable, with what is said of it. */
const DAMAGE: Readonly<Record<string, readonly [(path: string) => void, RegExp]>> = {
  'is deleted': [path => unlinkSync(path), /ENOENT/],
  'is truncated': [path => truncateSync(path, 0), /:1:1: a policy has rules/],
  'is cut in a line': [path => truncateSync(path, 20), /:2:\d+: /],
  'has NUL bytes': [path => truncateSync(path, 100), /a NUL byte/],
  'has a fault': [path => writeFileSync(path, `${only(2)}usr = 3\n`), /:4:1: there is no such property/],
  'is a directory': [madeDirectory, /no regular file/],
  'can be written by others': [path => chmodSync(path, 0o666), /others may write/],
  'is too large': [path => truncateSync(path, 2 ** 22), /larger than/],
};

for (const [how, [damage, said]] of Object.entries(DAMAGE)) {
  test(
    `T64, T59: a file that ${how} leaves the old policy in force, says so once, and is taken when it is good again`,
    onLinux,
    async t => {
      const { path, file, told, admits } = await watched(t);
      damage(path);
      await until(() => told.length > 0);
      assert.match(told[0] ?? '', said);
      assert.deepEqual(admitted(file), [1]);
      // Events that change nothing: it is not said again.
      writeFileSync(join(path, '..', 'other'), '');
      await delay(700);
      assert.equal(told.length, 1, told.join('\n'));
      rmSync(path, { recursive: true, force: true });
      writeFileSync(`${path}.new`, only(2));
      renameSync(`${path}.new`, path);
      await admits(2);
      assert.equal(told.at(-1), 'replaced');
    },
  );
}

test(
  'a file that is good again as it was is in force all along, and a new fault of it is told',
  onLinux,
  async t => {
    const { path, file, told } = await watched(t);
    const wait = (count: number) => until(() => told.length === count);
    writeFileSync(path, 'rules = 5\n');
    await wait(1);
    writeFileSync(path, only(1));
    await delay(700);
    writeFileSync(path, 'rules = 5\n');
    await wait(2);
    assert.deepEqual(admitted(file), [1]);
    assert.equal(told[0], told[1]);
  },
);

test('T64: a file that is written in pieces is not read before it is whole', onLinux, async t => {
  const { path, told, admits } = await watched(t);
  const deny = '[[rules]]\neffect = "deny"\nuser = 2\n';
  const pieces = [only(2), only(3), '# more to come\n', deny];
  const fd = openSync(path, 'w');
  try {
    for (const piece of pieces) {
      writeSync(fd, piece);
      await delay(50);
    }
  } finally {
    closeSync(fd);
  }
  await admits(3);
  assert.deepEqual(told, ['replaced'], 'user 2 was never let in on the way');
});

test(
  'T64: a file that somebody has open for writing is not read, however long they pause',
  onLinux,
  async t => {
    const { path, file, told, admits } = await watched(t);
    const fd = openSync(path, 'w');
    try {
      writeSync(fd, only(2));
      // Several looks of the watch; nothing here decides by how long they take.
      await delay(2000);
      assert.deepEqual([told, admitted(file)], [[], [1]]);
      assert.equal(file.reload(), 'refused');
      assert.throws(() => loadPolicyFile(path), /somebody has the file open for writing/);
      writeSync(fd, `${only(3)}[[rules]]\neffect = "deny"\nuser = 2\n`);
    } finally {
      closeSync(fd);
    }
    await admits(3);
    assert.deepEqual(admitted(file), [3], 'user 2 was never let in');
  },
);

test('T64: reload() reads at once, tells what came of it, and looks up names anew', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 'p.toml');
  writeFileSync(path, only(1));
  const told: string[] = [];
  const file = await policyFile(path, {
    replaced: ({ limits }) => told.push(`replaced ${limits.connections ?? '-'}`),
    refused: error => told.push(error.name),
  });
  assert.equal(file.reload(), 'replaced');
  const before = file.policy;
  writeFileSync(path, 'nonsense');
  assert.equal(file.reload(), 'refused');
  assert.equal(file.reload(), 'refused');
  assert.equal(file.policy, before);
  writeFileSync(path, `${only(2)}[limits]\nconnections = 7\n`);
  assert.equal(file.reload(), 'replaced');
  assert.deepEqual([admitted(file), file.limits.connections], [[2], 7]);
  assert.deepEqual(told, ['replaced -', 'NoError', 'NoError', 'replaced 7']);
  await assert.rejects(policyFile(join(directory, 'missing')), /ENOENT/);
});

test(
  'T66: a policy file that is read again and again leaves no descriptor open, and none when it is closed',
  onLinux,
  async t => {
    const inotify = () =>
      readdirSync('/proc/self/fd').filter(fd => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) !== 'anon_inode:inotify';
        } catch {
          return false;
        }
      }).length;
    const { path, file, admits } = await watched(t);
    await admits(1);
    const before = inotify();
    for (let round = 0; round < 200; round++) {
      writeFileSync(path, round % 2 === 0 ? only(2) : 'x');
      file.reload();
    }
    assert.ok(inotify() <= before);
  },
);
