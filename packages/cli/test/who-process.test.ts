/** `sockcred who` of a process, of a descriptor of one, and the whole picture that it prints. */

import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectScript, openServer, python, runAs } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { capabilityText } from '../dist/who/capability-names.js';
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

test('who FD@PID of a listening socket names the descriptor that was asked for', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  const script =
    's = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); say(s.fileno()); hear()';
  const peer = python(t, script, { args: [path] });
  const fd = await peer.line();
  const { status, stderr } = await run(t, ['who', `${fd}@${peer.child.pid}`]);
  assert.equal(status, 3);
  assert.ok(stderr.includes(`descriptor ${fd} of process ${peer.child.pid} is a listening socket`), stderr);
});

test(
  'T65: a value with two spaces in it stands in quotes, and no note can be made up behind it',
  withPython,
  async t => {
    const peer = python(t, "say('ready')\nhear()", {
      args: ['x  procfs exe, now, kernel', 'quo"te', 'plain'],
    });
    await peer.line();
    const { stdout } = await run(t, ['who', `${peer.child.pid}`]);
    const line = /^arguments .*$/m.exec(stdout)?.[0] ?? '';
    assert.ok(line.includes(' "x  procfs exe, now, kernel" "quo\\"te" plain  procfs cmdline, now'), line);
  },
);

test('who of a process of nobody’s engine tells what holds it, and which namespaces are others', {
  skip: needs('linux', 'root', 'python3', 'setpriv', 'namespaces'),
}, async t => {
  const flags = ['--user', '--map-root-user', '--mount', '--net', '--pid', '--fork', '--kill-child'];
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  python(t, connectScript(), { before: [programPath('unshare'), ...flags], args: [path] });
  const { fd } = ((await next()) as unknown as { _handle: { fd: number } })._handle;
  const { stdout } = await run(t, ['who', `${fd}@${process.pid}`]);
  assert.match(stdout, /^namespaces +other mnt net pid user; ours cgroup ipc uts {2}/m);
  assert.match(stdout, /^held inside +user namespace, pid namespace {2}/m);
  assert.match(stdout, /^capabilities +all.*in a user namespace below ours only$/m);
  assert.match(stdout, /^groups now +/m);
  assert.match(stdout, /^started +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ s ago {2}/m);
  assert.doesNotMatch(stdout, /^changed /m, 'capabilities of its own namespace are no drift');
});

test('where one engine cannot be asked, the others tell, and the reason stands beside', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const peer = python(t, "say('ready')\nhear()");
  await peer.line();
  const before = runAs({ uid: 2001, gid: 2001, groups: [] });
  const pid = `${peer.child.pid}`;
  const { status, stdout } = await run(t, ['who', pid], { before });
  assert.equal(status, 0);
  assert.match(stdout, /^flatpak +unknown +.*EACCES/m);
  assert.match(stdout, /^cgroup +\//m);
  const json = await run(t, ['who', '--json', pid], { before });
  const { application } = JSON.parse(json.stdout);
  assert.deepEqual(
    application.untold.map(({ engine, code }: { engine: string; code: string }) => [engine, code]),
    [['flatpak', 'ERR_PEER_APPLICATION']],
  );
  assert.ok(Array.isArray(application.claims) && application.cgroup.path.startsWith('/'));
});

test('the first process has no parent, which is an answer', { skip: needs('linux', 'root') }, async t => {
  const { stdout } = await run(t, ['who', '--json', '1']);
  const { parent } = JSON.parse(stdout).process.state;
  const first = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
  assert.equal(parent.known, first);
  if (first) assert.equal(parent.value, 0);
});

test('ids that our user namespace does not show are left out of what a process is now', {
  skip: needs('linux', 'root', 'python3', 'setpriv', 'namespaces'),
}, async t => {
  const peer = python(t, "say('ready')\nhear()", { uid: 1234, gid: 4321, groups: [77] });
  await peer.line();
  const before = [programPath('unshare'), '--user', '--map-root-user'];
  const { stdout } = await run(t, ['who', '--json', `${peer.child.pid}`], { before });
  const { ids, groups } = JSON.parse(stdout).process.state;
  assert.deepEqual([ids.known, ids.value], [true, {}]);
  assert.deepEqual([groups.known, groups.reason], [false, 'hidden']);
});

test('capabilities are told by their names', () => {
  assert.equal(capabilityText(0n), 'none');
  assert.equal(capabilityText((1n << 41n) - 1n), 'all');
  assert.equal(capabilityText(((1n << 41n) - 1n) & ~(1n << 25n)), 'all but sys_time');
  assert.equal(capabilityText(0x400n), 'net_bind_service');
  assert.equal(capabilityText((1n << 21n) | (1n << 40n)), 'sys_admin, checkpoint_restore');
  assert.equal(capabilityText(1n << 60n), 'capability 60');
});
