/** The permissions of the socket file: what was asked for, from the first moment, under any umask. */

import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAs } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt, curl } from './support/clients.js';
import { command, needsOtherUsers, run, serve, withUmask } from './support/command.js';
import { leaveStale, ownDirectory } from './support/directories.js';
import { shim } from './support/shim.js';

const onLinux = { skip: needs('linux') };
const withCompiler = { skip: needs('linux', 'cc') };

function modeOf(path: string): string {
  const { mode } = lstatSync(path);
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

for (const umask of ['000', '022', '027', '077', '777']) {
  test(`the default mode is 0600 under umask ${umask}`, onLinux, async t => {
    const path = join(ownDirectory(t), 's');
    await serve(t, ['--listen', path], { before: withUmask(umask) });
    assert.equal(modeOf(path), '0600');
    await answersAt(path);
  });

  for (const mode of ['0666', '660', '0600', '0622']) {
    test(`--mode ${mode} holds under umask ${umask}`, onLinux, async t => {
      const path = join(ownDirectory(t), 's');
      const { line } = await serve(t, ['--listen', path, '--mode', mode], { before: withUmask(umask) });
      assert.equal(modeOf(path), mode.padStart(4, '0'));
      assert.match(await line(/listening/), new RegExp(`\\b${mode.padStart(4, '0')}\\b`));
    });
  }
}

test('--mode 0666 lets other users connect, also under umask 077', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path, '--mode', '0666'], { before: withUmask('077') });
  const { status, body } = await curl(t, path, { uid: 3001, gid: 5001, groups: [] });
  assert.equal(status, 0);
  assert.match(body, /uid 3001, gid 5001/);
});

test('a mode with the group bits lets the group connect and nobody else', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const directory = ownDirectory(t, 0o777);
  const path = join(directory, 's');
  const before = [...runAs({ uid: 2001, gid: 2500, groups: [] }), ...withUmask('007')];
  await serve(t, ['--listen', path, '--mode', '0660'], { before });
  assert.equal((await curl(t, path, { uid: 3001, gid: 5001, groups: [2500] })).status, 0);
  assert.equal((await curl(t, path, { uid: 3001, gid: 5001, groups: [] })).status, 7);
});

/** Writes the mode that a socket file has when bind(2) returns, and again before listen(2). */
const WATCH = `
static void note(const char *call, int fd) {
  struct sockaddr_un name;
  socklen_t size = sizeof name;
  struct stat file;
  memset(&name, 0, sizeof name);
  if (getsockname(fd, (struct sockaddr *)&name, &size) != 0 || name.sun_family != AF_UNIX) return;
  if (name.sun_path[0] == 0 || stat(name.sun_path, &file) != 0) return;
  FILE *log = fopen(getenv("WATCH_LOG"), "a");
  fprintf(log, "%s %04o\\n", call, (unsigned)file.st_mode & 07777);
  fclose(log);
}
int bind(int fd, const struct sockaddr *address, socklen_t size) {
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  int result = real(fd, address, size);
  if (result == 0) note("bind", fd);
  return result;
}
int listen(int fd, int backlog) {
  int (*real)(int, int) = dlsym(RTLD_NEXT, "listen");
  note("listen", fd);
  return real(fd, backlog);
}
`;

for (const { umask, mode } of [
  { umask: '000', mode: '0600' },
  { umask: '000', mode: '0660' },
  { umask: '022', mode: '0666' },
  { umask: '077', mode: '0666' },
]) {
  test(
    `the socket is never more open than --mode ${mode} allows, under umask ${umask}`,
    withCompiler,
    async t => {
      const directory = ownDirectory(t);
      const path = join(directory, 's');
      const log = join(directory, 'log');
      await leaveStale(t, path);
      const env = { ...shim(directory, WATCH), WATCH_LOG: log };
      await serve(t, ['--listen', path, '--mode', mode], { before: withUmask(umask), env });
      const seen = readFileSync(log, 'utf8').trim().split('\n');
      assert.match(seen.map(line => line.split(' ')[0]).join(' '), /^bind( listen)+$/, 'every call was seen');
      for (const line of seen) {
        const open = Number.parseInt(line.split(' ')[1] ?? '', 8);
        assert.equal(open & ~Number.parseInt(mode, 8), 0, line);
      }
      assert.equal(modeOf(path), mode);
    },
  );
}

test('a mode that cannot be had safely is refused, and leaves nothing behind', onLinux, async t => {
  const directory = ownDirectory(t, 0o777);
  const path = join(directory, 's');
  const { status, stdout, stderr } = await run(t, ['serve', '--listen', path, '--mode', '0666'], {
    before: withUmask('077'),
  });
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.ok(stderr.includes(path), stderr);
  assert.deepEqual(readdirSync(directory), []);
});

for (const mode of ['', '8', '0o600', '-1', '1777', '07777', 'rw', '600 ', '0x180', '6e2']) {
  test(`a mode that is none is refused: '${mode}'`, onLinux, async t => {
    const directory = ownDirectory(t);
    const started = command(t, ['serve', '--listen', join(directory, 's'), `--mode=${mode}`]);
    const { status, stdout, stderr } = await started.ended;
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /--mode/);
    assert.deepEqual(readdirSync(directory), []);
  });
}
