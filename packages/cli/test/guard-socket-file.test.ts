/** The file of a guard's socket: its group, who gets there at all, and what becomes of it at the end. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { end, needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, CAT, guard, paths } from './support/guards.js';
import { shim } from './support/shim.js';

const GROUP = 5001;
const MEMBER = { uid: 3001, gid: 3001, groups: [GROUP] };
const OTHER = { uid: 3002, gid: 3002, groups: [] };
const withOthers = { skip: needsOtherUsers('python3') };

/** Writes which call there was, and what the file of the socket was like after it. */
const WATCH = `
static void note(const char *call, const char *path) {
  struct stat file;
  if (strstr(path, "watched") == NULL || lstat(path, &file) != 0) return;
  FILE *log = fopen(getenv("WATCH_LOG"), "a");
  fprintf(log, "%s %04o %u\\n", call, (unsigned)file.st_mode & 07777, (unsigned)file.st_gid);
  fclose(log);
}
static const char *name_of(int fd) {
  static struct sockaddr_un name;
  socklen_t size = sizeof name;
  memset(&name, 0, sizeof name);
  if (getsockname(fd, (struct sockaddr *)&name, &size) != 0 || name.sun_family != AF_UNIX) return "";
  return name.sun_path;
}
int bind(int fd, const struct sockaddr *address, socklen_t size) {
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  int result = real(fd, address, size);
  note("bind", name_of(fd));
  return result;
}
int listen(int fd, int backlog) {
  int (*real)(int, int) = dlsym(RTLD_NEXT, "listen");
  int result = real(fd, backlog);
  note("listen", name_of(fd));
  return result;
}
int lchown(const char *path, uid_t owner, gid_t group) {
  int (*real)(const char *, uid_t, gid_t) = dlsym(RTLD_NEXT, "lchown");
  int result = real(path, owner, group);
  note("lchown", path);
  return result;
}
int chmod(const char *path, mode_t mode) {
  int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "chmod");
  int result = real(path, mode);
  note("chmod", path);
  return result;
}
`;

test('the socket has its group before anybody but its owner can connect', {
  skip: needsOtherUsers('python3', 'cc'),
}, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 'watched');
  const log = join(directory, 'log');
  const words = ['--listen', path, '--mode', '0660', '--socket-group', `${GROUP}`, '--everyone', ...CAT];
  await guard(t, words, { env: { ...shim(directory, WATCH), WATCH_LOG: log } });
  assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), [
    'bind 0600 0',
    'listen 0600 0',
    `lchown 0600 ${GROUP}`,
    `chmod 0660 ${GROUP}`,
  ]);
  assert.equal(await ask(t, path, 'in', MEMBER), 'in');
  assert.equal(await ask(t, path, 'in', OTHER), 'no permission');
});

test(
  '--socket-group takes a name, and is refused where there is none, or nothing to give it',
  withOthers,
  async t => {
    const path = join(ownDirectory(t), 's');
    const running = await guard(t, ['--listen', path, '--socket-group', 'daemon', '--everyone', ...CAT]);
    assert.equal(lstatSync(path).gid, 1);
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
    await end(running);
    const refused = async (...words: readonly string[]) => {
      const { status, stderr } = await run(t, ['guard', ...words, '--everyone', ...CAT]);
      assert.equal(status, 2);
      return stderr;
    };
    assert.match(
      await refused('--listen', path, '--socket-group', 'no-such-group'),
      /--socket-group: 'no-such-group' names no group/,
    );
    assert.match(
      await refused('--listen', '@name', '--socket-group', '1'),
      /--socket-group: an abstract name/,
    );
  },
);

for (const [title, prepare] of [
  ['others can exchange the file', (directory: string) => chmodSync(directory, 0o777)],
  [
    'others can exchange a directory on the way',
    (directory: string) => {
      mkdirSync(join(directory, 'inner'));
      chmodSync(directory, 0o777);
      return join(directory, 'inner');
    },
  ],
  [
    'a link on the way is somebody else’s',
    (directory: string) => {
      mkdirSync(join(directory, 'sticky'));
      mkdirSync(join(directory, 'inner'));
      symlinkSync(join(directory, 'inner'), join(directory, 'sticky', 'link'));
      lchownSync(join(directory, 'sticky', 'link'), OTHER.uid, OTHER.gid);
      return join(directory, 'sticky', 'link');
    },
  ],
  [
    'a directory on the way is somebody else’s',
    (directory: string) => {
      mkdirSync(join(directory, 'inner'));
      chownSync(directory, OTHER.uid, OTHER.gid);
      return join(directory, 'inner');
    },
  ],
] as const) {
  test(`T38: no socket is given to a group where ${title}`, withOthers, async t => {
    const directory = ownDirectory(t);
    const path = join(prepare(directory) ?? directory, 's');
    const words = ['--listen', path, '--mode', '0660', '--socket-group', `${GROUP}`, '--everyone', ...CAT];
    const { status, stderr } = await run(t, ['guard', ...words]);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /other users can exchange files or directories on the way/);
    assert.equal(existsSync(path), false, 'and nothing is left behind');
  });
}

test(
  'a socket in a directory behind links of root, relative ones and with .. in them, gets its group',
  withOthers,
  async t => {
    const directory = ownDirectory(t);
    mkdirSync(join(directory, 'real', 'deep'), { recursive: true });
    mkdirSync(join(directory, 'other'));
    symlinkSync('../real/deep/..', join(directory, 'other', 'link'));
    symlinkSync(join(directory, 'other'), join(directory, 'absolute'));
    const path = join(directory, 'absolute', 'link', 's');
    await guard(t, ['--listen', path, '--mode', '0660', '--socket-group', `${GROUP}`, '--everyone', ...CAT]);
    assert.equal(lstatSync(join(directory, 'real', 's')).gid, GROUP);
  },
);

/** What a guard says about who cannot get to its socket. */
const NOTE = /note: (only .* gets there)/;

for (const [title, words, said] of [
  ['root’s own', ['--allow-user', '3001'], /only root can reach \S+ \(mode 0600 of \S+\), and nobody else/],
  ['root’s own, for a group', ['--allow-group', `${GROUP}`], /only root can reach/],
  [
    'root’s own, and root has become another',
    ['--same-user', '--run-as', '3001:3001'],
    /only root can reach/,
  ],
  ['open to a group', ['--allow-user', '3001', '--socket-group', `${GROUP}`, '--mode', '0660'], undefined],
  ['open to all', ['--allow-user', '3001', '--mode', '0666'], undefined],
  ['for whoever gets there', ['--everyone'], undefined],
  ['root’s own, who is let in', ['--allow-user', 'root', '--allow-user', '3001'], undefined],
  ['an abstract name', ['--allow-user', '3001', '--listen'], undefined],
] as const) {
  test(
    `a guard says whom it lets in in vain, and only then: a socket that is ${title}`,
    withOthers,
    async t => {
      const isAbstract = title === 'an abstract name';
      const path = isAbstract ? `@sockcred-reach-${process.pid}` : join(ownDirectory(t), 's');
      const given = isAbstract ? words.filter(word => word !== '--listen') : words;
      const program = given.some(word => word === '--run-as') ? ['--', 'cat'] : CAT;
      const running = await guard(t, ['--listen', path, ...given, ...program]);
      const { stderr } = await end(running);
      if (said === undefined) assert.doesNotMatch(stderr, NOTE);
      else assert.match(NOTE.exec(stderr)?.[1] ?? '', said);
    },
  );
}

test('a closed directory keeps all out but who may search it', withOthers, async t => {
  const directory = join(ownDirectory(t), 'closed');
  mkdirSync(directory, { mode: 0o700 });
  chownSync(directory, 3001, 3001);
  const noted = async (...words: readonly string[]) => {
    const path = join(directory, 's');
    const running = await guard(t, ['--listen', path, '--mode', '0666', ...words, ...CAT], {
      before: ['/bin/sh', '-c', 'umask 0; exec "$@"', 'sh'],
    });
    return NOTE.exec((await end(running)).stderr)?.[1];
  };
  assert.equal(await noted('--allow-user', '3001'), undefined);
  assert.match(
    (await noted('--allow-user', '3002')) ?? '',
    /only root and uid 3001 can reach .*mode 0700 of/,
  );
});

test(
  'whom --run-as names may not remove the file: it stays, the guard says so, and the next one replaces it',
  withOthers,
  async t => {
    const { front } = paths(ownDirectory(t));
    const words = ['--listen', front, '--mode', '0666', '--everyone', '--run-as', '3001:3001', '--', 'cat'];
    const first = await guard(t, words);
    assert.equal(await ask(t, front, 'first', OTHER), 'first');
    const { status, stderr } = await end(first);
    assert.equal(status, 0);
    assert.ok(stderr.includes(`note: ${front} stays: uid 3001 may not remove it`), stderr);
    const left = lstatSync(front, { bigint: true });
    const next = await guard(t, words);
    assert.notEqual(lstatSync(front, { bigint: true }).birthtimeNs, left.birthtimeNs);
    assert.equal(await ask(t, front, 'next', OTHER), 'next');
    // A live one is left alone, whoever comes.
    const third = await run(t, ['guard', ...words]);
    assert.equal(third.status, 3);
    assert.match(third.stderr, /somebody is listening there/);
    assert.equal(await ask(t, front, 'still', OTHER), 'still');
    await end(next);
  },
);

test(
  'in a directory of the user of --run-as, as RuntimeDirectory= makes it, nothing stays',
  withOthers,
  async t => {
    const directory = ownDirectory(t);
    chownSync(directory, 3001, 3001);
    const { front } = paths(directory);
    const words = ['--listen', front, '--everyone', '--run-as', '3001:3001', '--', 'cat'];
    const { status, stderr } = await end(await guard(t, words));
    assert.equal(status, 0);
    assert.doesNotMatch(stderr, /stays/);
    assert.equal(existsSync(front), false);
  },
);

test('a guard that is not root gives its socket to a group of its own, and to no other', {
  skip: needs('linux', 'root', 'python3', 'setpriv') || needsOtherUsers(),
}, async t => {
  const directory = ownDirectory(t);
  chownSync(directory, 3001, 3001);
  const { front } = paths(directory);
  const before = ['/usr/bin/setpriv', '--reuid=3001', '--regid=3001', `--groups=${GROUP}`];
  const words = ['--listen', front, '--mode', '0660', '--everyone'];
  await end(await guard(t, [...words, '--socket-group', `${GROUP}`, '--', 'cat'], { before }));
  const { status, stderr } = await run(t, ['guard', ...words, '--socket-group', '5002', '--', 'cat'], {
    before,
  });
  assert.equal(status, 3);
  assert.match(stderr, /cannot be given to group 5002 \(EPERM\)/);
  assert.equal(existsSync(front), false);
});
