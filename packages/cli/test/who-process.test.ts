/** `sockcred who` of a process, of a descriptor of one, and the whole picture that it prints. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectScript, openServer, python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const withPython = { skip: needs('linux', 'python3') };

test('who PID tells of a process by its number, and says that it is only that', withPython, async t => {
  const peer = python(t, "say('ready')\nhear()");
  await peer.line();
  const { status, stdout, stderr } = await run(t, ['who', `${peer.child.pid}`]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, new RegExp(`^process +${peer.child.pid} +alive, pid-only`, 'm'));
  assert.match(stdout, /^program +\/\S*python3/m);
  assert.match(stdout, /^user now +uid \d+, gid \d+/m);
  const { stdout: json } = await run(t, ['who', '--json', `${peer.child.pid}`]);
  const told = JSON.parse(json);
  assert.equal(told.credentials, undefined, 'there is no socket that vouches for any');
  assert.equal(told.process.binding, 'pid-only');
  assert.equal(told.process.state.ids.value.effectiveUid, process.geteuid?.());
  assert.ok(Array.isArray(told.application.claims));
});

test('who of a process that is not there is no answer, with status 1', withPython, async t => {
  const peer = python(t, 'sys.exit(0)');
  await peer.exited;
  const { status, stdout, stderr } = await run(t, ['who', `${peer.child.pid}`]);
  assert.equal(status, 1, stderr);
  assert.equal(stdout, '');
});

test('who FD@PID tells who is at the other end of another program’s socket', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  const client = python(t, connectScript(), { uid: 2001, gid: 2500, groups: [27], args: [path] });
  const socket = await next();
  const { fd } = (socket as typeof socket & { _handle: { fd: number } })._handle;
  const { status, stdout, stderr } = await run(t, ['who', '--json', `${fd}@${process.pid}`]);
  assert.equal(status, 0, stderr);
  const told = JSON.parse(stdout);
  assert.deepEqual([told.credentials.uid, told.credentials.role], [2001, 'connector']);
  assert.equal(told.credentials.pid, client.child.pid);
  assert.match(told.process.description.executable.value.path, /python3/);
  const shown = await run(t, ['who', `${fd}@${process.pid}`]);
  assert.match(shown.stdout, /^process +\d+ +alive, kernel/m);
  const none = await run(t, ['who', `9999@${process.pid}`]);
  assert.equal(none.status, 3);
  assert.match(none.stderr, /EBADF/);
});

test('T65: arguments that a process chose are escaped, and cannot add a line', withPython, async t => {
  const script = "say('ready')\nhear()";
  const peer = python(t, script, { args: ['\u001b[31m\nuid 0', '\u202e'] });
  await peer.line();
  for (const args of [['who'], ['who', '--json']]) {
    const { stdout } = await run(t, [...args, `${peer.child.pid}`]);
    assert.doesNotMatch(stdout, /[\u001b\u202e]/);
    assert.doesNotMatch(stdout, /^uid 0/m);
  }
});
