/** What the server writes while it runs: one line an event, and nothing that a client could shape. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { needs } from '../../sockcred/build/support/requirements.js';
import { ask, exchange } from './support/clients.js';
import { end, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };

/** Bytes in a request target that a terminal would obey, or a reader of lines take for a new one. */
const HOSTILE = '/\u009b31m\u0085\u00a0é';

test('text: the first lines say where it listens and what to try', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path]);
  await running.line(/^Try:/);
  assert.deepEqual(running.lines(), [
    `sockcred is listening on ${path} (mode 0600)`,
    `Try:  curl --unix-socket ${path} http://localhost/`,
  ]);
});

test('text: a line for each request, with time, status and who asked', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path]);
  await ask(path);
  await ask(path, { method: 'POST', url: '/x' });
  const { stdout } = await end(running);
  const lines = stdout.trimEnd().split('\n').slice(2);
  assert.equal(lines.length, 3);
  const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';
  const who = `uid ${process.geteuid?.()}, gid ${process.getegid?.()}, pid ${process.pid}`;
  assert.match(lines[0] ?? '', new RegExp(`^${time} GET / 200 ${who}$`));
  assert.match(lines[1] ?? '', new RegExp(`^${time} POST /x 404 ${who}$`));
  assert.match(lines[2] ?? '', new RegExp(`^${time} stopped by SIGTERM$`));
});

test('json: every line is one object with time and event', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path, '--log', 'json']);
  await ask(path);
  const { stdout } = await end(running);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    events.map(({ event }) => event),
    ['listening', 'request', 'stopped'],
  );
  for (const { time } of events) assert.equal(new Date(`${time}`).toISOString(), time);
  const [listening, request, stopped] = events;
  assert.deepEqual([listening?.['path'], listening?.['mode']], [path, '0600']);
  assert.deepEqual([request?.['method'], request?.['path'], request?.['status']], ['GET', '/', 200]);
  assert.equal(recordedPeer(request?.['peer']).pid, process.pid);
  assert.equal(stopped?.['signal'], 'SIGTERM');
});

for (const format of ['text', 'json']) {
  test(`T65: a request target cannot add a line to the log, nor colour it: ${format}`, onLinux, async t => {
    const path = join(ownDirectory(t), 's');
    const running = await serve(t, ['--listen', path, '--log', format]);
    const before = running.lines().length;
    const targets = [HOSTILE, '/%0astopped%20by%20SIGTERM', '/"},{"event":"request"', `/${'y'.repeat(5000)}`];
    for (const target of targets) {
      await exchange(t, path, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    }
    const { stdout } = await end(running);
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/u);
    const lines = stdout.trimEnd().split('\n').slice(before, -1);
    assert.ok(lines.length >= targets.length - 1 && lines.length <= targets.length, stdout);
    for (const line of lines) {
      assert.ok(line.length < 2000, 'long targets are cut');
      if (format === 'json') assert.equal((JSON.parse(line) as { event: string }).event, 'request');
    }
  });

  test(`T65: the path of the socket cannot add a line: ${format}`, onLinux, async t => {
    const path = join(ownDirectory(t), 'x\nsockcred is listening on else\u001b[31m\u009b31m');
    const running = await serve(t, ['--listen', path, '--log', format]);
    const { stdout } = await end(running);
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/u);
    assert.doesNotMatch(stdout, /^sockcred is listening on else/m);
    if (format === 'json') {
      const [first = ''] = stdout.split('\n');
      assert.equal((JSON.parse(first) as { path: string }).path, path, 'escaped, and still the same');
    }
  });
}
