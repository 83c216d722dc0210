/** How the server ends: at the first signal, with its socket gone, and nobody else's. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt, connection } from './support/clients.js';
import { command, end, serve } from './support/command.js';
import { leaveStale, ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends it with status 0 and removes the socket`, onLinux, async t => {
    const path = join(ownDirectory(t), 's');
    const running = await serve(t, ['--listen', path]);
    await answersAt(path);
    const { status, signal: killed, stdout, stderr } = await end(running, signal);
    assert.equal(status, 0);
    assert.equal(killed, null);
    assert.match(stdout, new RegExp(`stopped by ${signal}`));
    assert.equal(stderr, '');
    assert.ok(!existsSync(path));
  });

  test(`${signal} ends it although clients keep their connections`, onLinux, async t => {
    const path = join(ownDirectory(t), 's');
    const running = await serve(t, ['--listen', path]);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const request = get({ socketPath: path, agent });
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
    const silent = await connection(t, path);
    const half = await connection(t, path);
    half.write('GET / HTTP/1.1\r\nHost');
    const gone = new Promise(closed => silent.once('close', closed));
    const { status } = await end(running, signal);
    assert.equal(status, 0);
    assert.ok(!existsSync(path));
    await gone;
  });
}

test('a second signal does not wait for clients', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path]);
  const half = await connection(t, path);
  half.write('GET / HTTP/1.1\r\nHost');
  running.child.kill('SIGTERM');
  await running.line(/stopped/);
  const { status } = await end(running, 'SIGINT');
  assert.equal(status, 0);
});

test('a signal before it listens ends it as well, and leaves no socket', {
  skip: needs('linux', 'python3'),
}, async t => {
  const path = join(ownDirectory(t), 's');
  await leaveStale(t, path);
  // A stale socket is looked at twice: time enough for the signal to come in between.
  const running = command(t, ['serve', '--listen', path]);
  await new Promise(done => setTimeout(done, 120));
  const { status, signal } = await end(running);
  assert.ok(status === 0 || signal === 'SIGTERM', `${status} ${signal}`);
  assert.ok(!existsSync(path) || lstatSync(path).isSocket());
});

test('a file that has taken the place of the socket is not removed', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path]);
  rmSync(path);
  writeFileSync(path, 'precious');
  assert.equal((await end(running)).status, 0);
  assert.ok(lstatSync(path).isFile());
});

test("another server's socket that has taken the place is not removed", onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  const first = await serve(t, ['--listen', path]);
  renameSync(path, join(directory, 'moved'));
  await serve(t, ['--listen', path]);
  assert.equal((await end(first)).status, 0);
  await answersAt(path);
});

test('a socket that somebody has removed already is no trouble', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path]);
  rmSync(path);
  const { status, stderr } = await end(running);
  assert.equal(status, 0);
  assert.equal(stderr, '');
});
