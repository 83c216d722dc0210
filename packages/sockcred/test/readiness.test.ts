/** Waiting for descriptors: by the runtime's loop, by a thread, in workers, and with numbers that are reused. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { runProgram } from './support/programs.js';
import { needs, runtime } from './support/requirements.js';

const skip = needs('linux');

const addon = fileURLToPath(new URL(`../prebuilds/linux-${process.arch}/sockcred.node`, import.meta.url));

/** Statements that use the addon itself, in a process of their own; its lines. */
function run(t: TestContext, script: string): string[] {
  const source = `
const addon = require(${JSON.stringify(addon)});
const pair = () => { const fds = new Int32Array(2); addon.socketPair(0, fds); return fds; };
const send = (fd, text = 'x') => addon.send(fd, Buffer.from(text), new Uint8Array());
${script}`;
  const { status, signal, stdout, stderr } = runProgram(t, source, { module: 'commonjs' });
  assert.equal(status, 0, `${signal ?? ''}${stderr}`);
  return stdout.trim().split('\n');
}

/** In Bun libuv's symbols end the process, and Deno's stand for one report: there a thread waits. */
const WAYS = [
  ...(runtime() === 'node' ? [['by the loop', false] as const] : []),
  ['by a thread', true] as const,
];

for (const [way, byThread] of WAYS) {
  test(`${way}: each watch reports once, by its own number, until it is armed again`, { skip }, t => {
    const lines = run(
      t,
      `
const [a, b] = pair();
const next = [
  () => addon.readinessWatch(b, 1, 8),
  () => { addon.readinessUnwatch(b); addon.readinessWatch(a, 3, 9); },
  () => addon.readinessHold(false),
];
const memory = addon.readinessOpen(count => {
  const reports = new Uint32Array(memory);
  for (let at = 0; at < count; at++) console.log(reports[2 * at], reports[2 * at + 1]);
  next.shift()();
}, ${byThread});
addon.readinessWatch(b, 1, 7);
addon.readinessHold(true);
setTimeout(() => send(a), 10);
`,
    );
    assert.deepEqual(lines, ['7 1', '8 1', '9 2']);
  });

  test(`${way}: a program ends when nothing is waited for, and an exception of the callback is uncaught`, {
    skip,
  }, t => {
    assert.deepEqual(run(t, `addon.readinessOpen(() => {}, ${byThread}); console.log('end')`), ['end']);
    assert.deepEqual(
      run(
        t,
        `
process.on('uncaughtException', error => { console.log('uncaught', error.message); addon.readinessHold(false); });
const [a, b] = pair();
addon.readinessOpen(() => { Promise.resolve().then(() => console.log('microtask')); throw new Error('mine'); }, ${byThread});
addon.readinessWatch(b, 1, 7); addon.readinessHold(true); send(a);
`,
      ).sort(),
      ['microtask', 'uncaught mine'],
    );
  });

  test(`${way}: a worker that waits can be ended at any time`, { skip }, async () => {
    const source = `
const { parentPort } = require('node:worker_threads');
const addon = require(${JSON.stringify(addon)});
const fds = new Int32Array(2);
addon.socketPair(0, fds);
addon.readinessOpen(() => addon.readinessWatch(fds[1], 1, 7), ${byThread});
addon.readinessWatch(fds[1], 1, 7);
addon.readinessHold(true);
addon.send(fds[0], Buffer.from('x'), new Uint8Array());
parentPort.postMessage('waiting');
`;
    for (let count = 0; count < 20; count++) {
      const worker = new Worker(source, { eval: true });
      await new Promise(done => worker.once('message', done));
      await worker.terminate();
    }
  });
}

test('a number that was closed and given away again reports for its new watch only', { skip }, t => {
  const lines = run(
    t,
    `
const memory = addon.readinessOpen(count => {
  const reports = new Uint32Array(memory);
  for (let at = 0; at < count; at++) console.log(reports[2 * at]);
}, ${runtime() !== 'node'});
const [a, b] = pair();
const copy = addon.duplicate(b); // the old socket lives on, and so does what was said about it
addon.readinessWatch(b, 1, 7);
addon.close(b);
const [c, d] = pair();
console.log([c, d].includes(b));
addon.readinessWatch(b, 1, 8);
addon.readinessHold(true);
send(c === b ? d : c);
setTimeout(() => addon.readinessHold(false), 50);
`,
  );
  assert.deepEqual(lines, ['true', '8']);
});
