/** What nobody expected in a guard: it is told, who is in may finish, and the process ends with another status. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { connection } from './support/clients.js';
import { end } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { CAT, guard, paths, server } from './support/guards.js';

const onLinux = { skip: needs('linux') };

/** Puts a fault into a guard from outside: each SIGUSR2 is one. */
const FAULTS = {
  'an exception': `process.on('SIGUSR2', () => { throw new Error('a\\x1b fault'); })`,
  'a rejection': `process.on('SIGUSR2', () => { Promise.reject(new Error('a\\x1b fault')); })`,
};

for (const [what, code] of Object.entries(FAULTS)) {
  test(`${what} that nobody catches is told, and who is in may finish`, onLinux, async t => {
    const { front, behind } = paths(ownDirectory(t));
    await server(t, behind, socket => socket.pipe(socket));
    const words = ['--listen', front, '--same-user', '--upstream-sees-guard', '--to', `unix:${behind}`];
    const running = await guard(t, [...words, '--grace', '600'], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` },
    });
    const client = await connection(t, front);
    const read = client.setEncoding('utf8')[Symbol.asyncIterator]();
    client.write('one');
    assert.equal((await read.next()).value, 'one');
    running.child.kill('SIGUSR2');
    const { fault, connections } = await running.entry('stopping');
    assert.deepEqual([fault, connections], ['Error: a\x1b fault', 1]);
    // A second one changes nothing.
    running.child.kill('SIGUSR2');
    client.write('two');
    assert.equal((await read.next()).value, 'two');
    client.end();
    const { status, stderr } = await running.ended;
    assert.equal(status, 3);
    assert.match(stderr, /a fault of the guard: Error: a\\u\{1b\} fault\n/);
    assert.equal((await running.entry('ended')).reason, 'closed');
  });
}

test(
  'a standard error that cannot be written ends nothing, and keeps nothing from ending',
  onLinux,
  async t => {
    const path = join(ownDirectory(t), 's');
    const before = ['/bin/sh', '-c', 'exec "$@" 2>/dev/full', 'sh'];
    const running = await guard(t, ['--listen', path, '--same-user', ...CAT], { before });
    running.child.kill('SIGHUP');
    await running.entry('policy-replaced');
    const client = await connection(t, path);
    client.write('x');
    assert.equal(String((await once(client, 'data'))[0]), 'x');
    client.end();
    assert.equal((await end(running)).status, 0);
  },
);
