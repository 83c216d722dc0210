/** Policy files: where a fault is, which files are refused, and that nothing of a faulty one is ever in force. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { madeUpPeer } from 'sockcred/testing';
import { needs } from '../../sockcred/build/support/requirements.js';
import { SystemRefusal } from '../dist/exit-codes.js';
import { loadPolicyFile, PolicyFileError, policyInBytes } from '../dist/policy/policy-file.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root') };

const bytes = (text: string) => new TextEncoder().encode(text);
const GOOD = '[[rules]]\neffect = "allow"\nuser = 1000\n';

/** The faults of a text, as `line:column code path`. */
function faults(text: string | Uint8Array): readonly string[] {
  try {
    policyInBytes('p.toml', typeof text === 'string' ? bytes(text) : text);
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    return error.faults.map(({ line, column, code, path }) => `${line}:${column} ${code} ${path}`.trim());
  }
  return [];
}

const CASES: readonly (readonly [string, ...string[]])[] = [
  [GOOD],
  ['', '1:1 missing rules'],
  ['rules = []\n'],
  ['rules = 5\n', '1:9 type rules'],
  ['[rules]\nuser = 5\n', '1:1 type rules'],
  ['[[rules]]\nuser = 5\n', '1:1 missing rules[0].effect'],
  ['[[rules]]\neffect = "permit"\nuser = 5\n', '2:10 type rules[0].effect'],
  ['[[rules]]\neffect = "allow"\n  usr = 5\n  user = 5', '3:3 unknown-property rules[0].usr'],
  ['[[rules]]\neffect = "allow"\nuser = [5, "gh\\u006fst", 6]\n', '3:12 name rules[0].user[1]'],
  ['[[rules]]\neffect = "allow"\nuser = [\n  5,\n  "0",\n]\n', '5:3 type rules[0].user[1]'],
  ['[[rules]]\neffect = "allow"\nnot = { any = [{ user = -1 }] }\n', '3:25 type rules[0].not.any[0].user'],
  ['[[rules]]\neffect = "allow"\nnot.user = "0"\n', '3:12 type rules[0].not.user'],
  ['[[rules]]\neffect = "allow"\n[rules.not]\nuser = 1.5\n', '4:8 type rules[0].not.user'],
  ['[[rules]]\neffect = "allow"\n[[rules.any]]\nuser = 1\n[[rules.any]]\n', '5:1 empty rules[0].any[1]'],
  [`${GOOD}[[rules]]\neffect = "deny"\neveryone = false\n`, '6:12 type rules[1].everyone'],
  [`${GOOD}map = "m"\n`, '4:7 reference rules[0].map'],
  ['rules = []\n[[maps."a b"]]\nuser = 5\n', '2:1 missing maps."a b"[0].as'],
  ['rules = []\nlimit = 1\n', '2:1 unknown-property limit'],
  ['rules = []\nlimits = 1\n', '2:10 type limits'],
  [
    'rules = []\n[limits]\nconnections = -1\nfirstByteMs = "1"\n',
    '3:15 type limits.connections',
    '4:15 type limits.firstByteMs',
  ],
  [
    'rules = []\n[limits]\nconnections = 0\nconnectionsPerUid = 0\nfirstByteMs = 0\nspareDescriptors = 0\n',
    '3:15 type limits.connections',
    '4:21 type limits.connectionsPerUid',
    '5:15 type limits.firstByteMs',
  ],
  ['rules = []\n[limits]\nconnection = 1\n', '3:1 unknown-property limits.connection'],
  ['rules = []\n[limits]\nacceptsPerUid = 5\n', '3:17 type limits.acceptsPerUid'],
  ['rules = []\n[limits]\nacceptsPerUid = { count = 0, seconds = 1 }\n', '3:17 type limits.acceptsPerUid'],
  [
    'rules = []\n[limits.acceptsPerUid]\ncount = 1\nsecs = 1\n',
    '4:1 unknown-property limits.acceptsPerUid.secs',
  ],
  ['[[rules]]\neffect = "allow"\nuser = 1979-05-27\n', '3:8 type rules[0].user', '3:8 type rules[0].user'],
  ['rules = []\n__proto__ = 1\n', '2:1 unknown-property __proto__'],
  ['rules = []\n[__proto__]\nrules = 1\n', '2:1 unknown-property __proto__'],
  [
    '[[rules]]\n__proto__ = { effect = "allow", everyone = true }\n',
    '1:1 missing rules[0].effect',
    '1:1 empty rules[0]',
    '2:1 unknown-property rules[0].__proto__',
  ],
  [
    '[[rules]]\nconstructor.prototype.effect = "allow"\n',
    '1:1 missing rules[0].effect',
    '1:1 empty rules[0]',
    '2:1 unknown-property rules[0].constructor',
  ],
  [`${GOOD}user = 5\n`, '4:1 syntax'],
  ['rules = [\n', '1:9 syntax'],
  ['[[rules]]\neffect = "allow\nuser = 1\n', '2:16 syntax'],
];

test('T59: every fault of a file is told, where it is, in the order of the file', () => {
  for (const [text, ...expected] of CASES) {
    const found = faults(text);
    // What the parser says of where it stopped is its own business; that it is a position is ours.
    if (expected[0]?.endsWith('syntax')) assert.match(found[0] ?? '', /^\d+:\d+ syntax$/, text);
    else assert.deepEqual(found, expected, text);
  }
});

test('T59: faults of all kinds are told at once', () => {
  const text =
    'limit = 1\n[limits]\nconnections = "x"\n[[rules]]\neffect = "allow"\nuser = "ghost"\n[[rules]]\nuser = 1\n';
  assert.deepEqual(faults(text), [
    '1:1 unknown-property limit',
    '3:15 type limits.connections',
    '6:8 name rules[0].user',
    '7:1 missing rules[1].effect',
  ]);
});

test('T59: bytes that are no text are a fault with their line', () => {
  assert.deepEqual(faults(Uint8Array.of(...bytes(`${GOOD}# `), 0xff, 0x0a)), ['4:1 syntax']);
  assert.deepEqual(faults(`${GOOD}# a\0b\n`), ['4:4 syntax']);
  assert.deepEqual(faults(Uint8Array.of(0xff, 0xfe, ...bytes(GOOD))), ['1:1 syntax']);
  assert.deepEqual(faults('\0'.repeat(100)), ['1:1 syntax']);
  assert.equal(faults(`\ufeff${GOOD}`).length, 1, 'a byte order mark');
  assert.deepEqual(faults(GOOD.replaceAll('\n', '\r\n')), []);
  assert.deepEqual(faults(`${GOOD}# hidden\r[[rules]]\r`), ['4:9 syntax'], 'two lines in one');
});

test('T59: nesting without end is a fault, whatever brackets it is made of', () => {
  for (const text of [
    `a = ${'['.repeat(100_000)}`,
    `rules = [${'['.repeat(2000)}${']'.repeat(2000)}]\n`,
    `a = ${'{a='.repeat(3000)}`,
    `[[rules]]\neffect = "allow"\nnot = ${'{ not = '.repeat(40)}{ user = 1 }${' }'.repeat(40)}\n`,
    `[${'a.'.repeat(5000)}a]\n`,
  ]) {
    assert.ok(faults(text).length > 0, text.slice(0, 30));
  }
});

test('T65: what stands in a file cannot add a line to a message', () => {
  const text = '[[rules]]\neffect = "allow"\n"a\\nb\\u001b[31m" = 1\nuser = "x\\ny\\u202e"\n';
  assert.throws(
    () => policyInBytes('p\n.toml', bytes(text)),
    (error: Error) => {
      assert.doesNotMatch(error.message, /[^\n\x20-\x7e]/);
      assert.equal(error.message.split('\n').length, 3, error.message);
      return true;
    },
  );
});

test('a file says the same as plain data does', () => {
  const { policy, limits, data, findings, positionOf } = policyInBytes(
    'p.toml',
    bytes(
      `[limits]\nconnections = 5\nacceptsPerUid = { count = 3, seconds = 0.5 }\n${GOOD}[[rules]]\neffect = "deny"\ngroup = [0, 7]\n`,
    ),
  );
  assert.deepEqual(
    { ...limits },
    { connections: 5, acceptsPerUid: Object.assign(Object.create(null), { count: 3, seconds: 0.5 }) },
  );
  assert.equal(policy.decide(madeUpPeer({ uid: 1000, groups: [9] })).allowed, true);
  assert.equal(policy.decide(madeUpPeer({ uid: 1000, groups: [9, 7] })).reason, 'denied');
  assert.equal(policy.decide(madeUpPeer({ uid: 1000 })).reason, 'deny-unknown');
  assert.equal(data.rules.length, 2);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['root-of-any-namespace', 'deny-evaded'],
  );
  assert.deepEqual(positionOf('rules[1].group'), { line: 9, column: 1 });
});

test('T71: what is found about a policy has its place in the file too', () => {
  const { findings } = policyInBytes(
    'p.toml',
    bytes(
      `[[rules]]\neffect = "allow"\nuser = 1\nsameNamespaces = true\n\n[[rules]]\neffect = "allow"\nuser = [5, 0]\n\n[[maps.m]]\neveryone = true\nas = "a"\n`,
    ),
  );
  assert.deepEqual(
    findings.map(({ line, column, code }) => ({ line, column, code })),
    [
      { line: 6, column: 1, code: 'root-of-any-namespace' },
      { line: 10, column: 1, code: 'map-unused' },
    ],
  );
});

/** A file with a good policy, in a directory of ours. */
function good(t: TestContext, mode = 0o644): { readonly directory: string; readonly path: string } {
  const directory = ownDirectory(t);
  const path = join(directory, 'p.toml');
  writeFileSync(path, GOOD);
  chmodSync(path, mode);
  return { directory, path };
}

const loads = (path: string) => assert.equal(loadPolicyFile(path).data.rules.length, 1);

function refused(path: string, why: RegExp): void {
  assert.throws(
    () => loadPolicyFile(path),
    (error: Error) => error instanceof SystemRefusal && why.test(error.message),
    `${path}: ${why}`,
  );
}

test('only a regular file of bounded size is read, and nothing is waited for', onLinux, t => {
  const { directory, path } = good(t);
  loads(path);
  const fifo = join(directory, 'fifo');
  assert.equal(spawnSync('/usr/bin/mkfifo', [fifo]).status, 0);
  for (const other of [fifo, directory, '/dev/null', '/dev/zero', '/dev/tty'])
    refused(other, /no regular file|ENXIO/);
  refused(join(directory, 'missing'), /ENOENT/);
  refused(join(path, 'below'), /ENOTDIR/);
  symlinkSync('loop', join(directory, 'loop'));
  refused(join(directory, 'loop'), /ELOOP/);
  symlinkSync(fifo, join(directory, 'to-fifo'));
  refused(join(directory, 'to-fifo'), /no regular file/);
  truncateSync(path, 2 ** 30);
  refused(path, /larger than/);
});

test(
  'a file that others may write is refused, and so is one in a directory that others may write',
  onLinux,
  t => {
    for (const mode of [0o664, 0o646, 0o666]) refused(good(t, mode).path, /others may write this file/);
    for (const mode of [0o600, 0o640, 0o444]) loads(good(t, mode).path);
    for (const mode of [0o775, 0o757, 0o777]) {
      const { directory, path } = good(t);
      chmodSync(directory, mode);
      refused(path, /others may write into this directory/);
      mkdirSync(join(directory, 'inner'), { mode: 0o755 });
      writeFileSync(join(directory, 'inner', 'p.toml'), GOOD);
      refused(join(directory, 'inner', 'p.toml'), /others may write into this directory/);
      chmodSync(directory, mode | 0o1000);
      loads(path);
    }
  },
);

test('every directory on the way of a link is looked at, also that of the link', onLinux, t => {
  const { path } = good(t);
  const other = ownDirectory(t);
  const link = join(other, 'p.toml');
  symlinkSync(path, link);
  loads(link);
  symlinkSync(other, join(other, 'here'));
  loads(join(other, 'here', 'p.toml'));
  // As the kernel goes it: out of the directory that the link led into.
  loads(`${other}/here/../${basename(other)}/./p.toml`);
  chmodSync(other, 0o777);
  refused(link, /others may write into this directory/);
});

test('a file, link or directory of another user is refused', asRoot, t => {
  const stranger = (change: (paths: { directory: string; path: string; link: string }) => void) => {
    const { directory, path } = good(t);
    const link = join(directory, 'link');
    symlinkSync(path, link);
    loads(link);
    change({ directory, path, link });
    refused(link, /belongs to uid 1234/);
  };
  stranger(({ path }) => chownSync(path, 1234, 1234));
  stranger(({ directory }) => chownSync(directory, 1234, 1234));
  stranger(({ link }) => lchownSync(link, 1234, 1234));
  const { directory, path } = good(t);
  chmodSync(directory, 0o1777);
  linkSync(path, join(directory, 'second'));
  loads(join(directory, 'second'));
});

test('whoever is not root reads their own file and root’s, and nobody else’s', asRoot, t => {
  const own = ownDirectory(t);
  const path = join(own, 'p.toml');
  writeFileSync(path, GOOD);
  const as = (uid: number, what: () => void) => {
    process.seteuid?.(uid);
    try {
      what();
    } finally {
      process.seteuid?.(0);
    }
  };
  as(1234, () => loads(path));
  chownSync(path, 1234, 1234);
  as(1234, () => loads(path));
  as(1235, () => refused(path, /belongs to uid 1234/));
  chmodSync(path, 0o600);
  as(1235, () => refused(path, /belongs to uid 1234|EACCES/));
  chownSync(path, 0, 0);
  as(1234, () => refused(path, /EACCES/));
});
