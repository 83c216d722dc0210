/** Where the server listens unless told otherwise: a directory that is ours alone, and proven to be. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAs } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt, curl } from './support/clients.js';
import { command, end, needsOtherUsers, run, serve, withUmask } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const user = { uid: 2001, gid: 2001, groups: [] };

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o7777;
}

/** The one directory that was made under the temp directory. */
function madeIn(temp: string): string {
  const [name = '', ...rest] = readdirSync(temp);
  assert.deepEqual(rest, []);
  return join(temp, name);
}

for (const umask of ['000', '077']) {
  test(`$XDG_RUNTIME_DIR/sockcred/whoami.sock is the default under umask ${umask}`, onLinux, async t => {
    const runtime = ownDirectory(t, 0o700);
    const env = { XDG_RUNTIME_DIR: runtime, TMPDIR: ownDirectory(t) };
    const running = await serve(t, [], { env, before: withUmask(umask) });
    const path = join(runtime, 'sockcred', 'whoami.sock');
    assert.ok((await running.line(/listening/)).includes(path));
    assert.equal(modeOf(join(runtime, 'sockcred')), 0o700);
    assert.equal(modeOf(path), 0o600);
    await answersAt(path);
    assert.deepEqual(readdirSync(env.TMPDIR), []);
    assert.equal((await end(running)).status, 0);
    assert.deepEqual(readdirSync(join(runtime, 'sockcred')), []);
  });

  test(`a directory of our own in the temp directory is the next, under umask ${umask}`, onLinux, async t => {
    const temp = ownDirectory(t, 0o1777);
    await serve(t, [], { env: { TMPDIR: temp }, before: withUmask(umask) });
    const directory = madeIn(temp);
    assert.equal(modeOf(directory), 0o700);
    assert.equal(lstatSync(directory).uid, process.geteuid?.());
    assert.deepEqual(readdirSync(directory), ['whoami.sock']);
    await answersAt(join(directory, 'whoami.sock'));
  });
}

test('the directory is used again by the next server', onLinux, async t => {
  const temp = ownDirectory(t, 0o1777);
  const env = { TMPDIR: temp };
  assert.equal((await end(await serve(t, [], { env }))).status, 0);
  await serve(t, [], { env });
  await answersAt(join(madeIn(temp), 'whoami.sock'));
});

test('a second server at the default path is refused', onLinux, async t => {
  const env = { XDG_RUNTIME_DIR: ownDirectory(t, 0o700) };
  await serve(t, [], { env });
  const { status, stderr } = await run(t, ['serve'], { env });
  assert.equal(status, 3);
  assert.ok(stderr.includes(join(env.XDG_RUNTIME_DIR, 'sockcred', 'whoami.sock')), stderr);
  assert.match(stderr, /EADDRINUSE/);
});

test('each user has a directory of their own in the temp directory', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const temp = ownDirectory(t, 0o1777);
  const env = { TMPDIR: temp };
  await serve(t, [], { env });
  const own = madeIn(temp);
  await serve(t, [], { env, before: runAs(user) });
  const [other = ''] = readdirSync(temp).filter(name => join(temp, name) !== own);
  assert.equal(lstatSync(join(temp, other)).uid, 2001);
  const { body } = await curl(t, join(temp, other, 'whoami.sock'), user);
  assert.match(body, /uid 2001/);
});

/** What somebody may have put where our directory would be. */
const TRAPS: Readonly<Record<string, (path: string) => void>> = {
  'a directory that others may enter': path => {
    mkdirSync(path);
    chmodSync(path, 0o755);
  },
  'a directory that a group may write': path => {
    mkdirSync(path);
    chmodSync(path, 0o720);
  },
  'a symbolic link to a directory of ours': path => {
    mkdirSync(`${path}.target`, { mode: 0o700 });
    symlinkSync(`${path}.target`, path);
  },
  'a symbolic link to nowhere': path => symlinkSync(`${path}.target`, path),
  'a file': path => writeFileSync(path, 'kept', { mode: 0o600 }),
};

for (const [what, lay] of Object.entries(TRAPS)) {
  for (const where of ['XDG_RUNTIME_DIR', 'TMPDIR'] as const) {
    test(`${what} in our place is refused: ${where}`, onLinux, async t => {
      const parent = ownDirectory(t, 0o700);
      const env = { [where]: parent };
      assert.equal((await end(await serve(t, [], { env }))).status, 0);
      const path = madeIn(parent);
      rmdirSync(path);
      lay(path);
      const before = readdirSync(parent).sort();
      const refused = await run(t, ['serve'], { env });
      assert.equal(refused.status, 3);
      assert.equal(refused.stdout, '');
      assert.ok(refused.stderr.includes(path), refused.stderr);
      assert.match(refused.stderr, /\bE[A-Z]{3,}\b/, 'names an errno');
      assert.doesNotMatch(refused.stderr, /^ {4}at /m, 'no stack trace');
      assert.deepEqual(readdirSync(parent).sort(), before, 'nothing was made or removed');
    });
  }
}

test("another user's directory in our place is refused", { skip: needsOtherUsers() }, async t => {
  const temp = ownDirectory(t, 0o777);
  const env = { TMPDIR: temp };
  assert.equal((await end(await serve(t, [], { env }))).status, 0);
  const path = madeIn(temp);
  chownSync(path, 2002, 2002);
  const { status, stderr } = await run(t, ['serve'], { env });
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /\b2002\b/);
  assert.deepEqual(readdirSync(path), []);
});

test("somebody else's $XDG_RUNTIME_DIR, left there by su(1), is not used", {
  skip: needsOtherUsers(),
}, async t => {
  const temp = ownDirectory(t, 0o1777);
  const before = runAs(user);
  for (const runtime of [ownDirectory(t, 0o700), ownDirectory(t, 0o777)]) {
    const running = await serve(t, [], { env: { XDG_RUNTIME_DIR: runtime, TMPDIR: temp }, before });
    assert.ok((await running.line(/listening/)).includes(madeIn(temp)));
    assert.deepEqual(readdirSync(runtime), []);
    assert.equal((await end(running)).status, 0);
  }
});

test('a $XDG_RUNTIME_DIR that cannot even be looked at is not used', { skip: needsOtherUsers() }, async t => {
  const temp = ownDirectory(t, 0o1777);
  const runtime = join(ownDirectory(t, 0o700), 'runtime');
  mkdirSync(runtime);
  const running = command(t, ['serve'], {
    env: { XDG_RUNTIME_DIR: runtime, TMPDIR: temp },
    before: runAs(user),
  });
  assert.ok((await running.line(/listening/)).includes(madeIn(temp)));
});

for (const value of ['', 'relative', '/nonexistent/runtime', '/dev/null']) {
  test(`a $XDG_RUNTIME_DIR that is no directory is not used: '${value}'`, onLinux, async t => {
    const temp = ownDirectory(t, 0o1777);
    const cwd = ownDirectory(t);
    mkdirSync(join(cwd, 'relative'), { mode: 0o700 });
    await serve(t, [], { env: { XDG_RUNTIME_DIR: value, TMPDIR: temp }, cwd });
    await answersAt(join(madeIn(temp), 'whoami.sock'));
    assert.deepEqual(readdirSync(join(cwd, 'relative')), []);
  });
}
