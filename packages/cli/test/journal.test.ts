/** The books of a guard: whatever errors are, they are written down, and a fault of the books is nobody else's. */

import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { sameUserOnly } from 'sockcred/authorization';
import { madeUpPeer } from 'sockcred/testing';
import { Journal } from '../dist/guard/records/journal.js';
import { GuardMetrics } from '../dist/guard/records/metrics.js';

const peer = madeUpPeer({ uid: process.geteuid?.() ?? 0, gid: 1, pid: 2 });

function openJournal(gate: string, write?: () => void) {
  const metrics = new GuardMetrics(() => 0);
  const faults: unknown[] = [];
  const written: Record<string, unknown>[] = [];
  const journal = new Journal(gate, metrics, fault => void faults.push(fault));
  journal.writeTo({
    write: (event, facts) => (write === undefined ? void written.push({ event, ...facts() }) : write()),
    isWritable: () => true,
    reopen() {},
  });
  const admit = () =>
    channel('sockcred:gate:admitted').publish({ gate, peer, decision: sameUserOnly().decide(peer) });
  return { journal, metrics, faults, written, admit };
}

test('an error has a code that is text, whatever it is', () => {
  const { journal, metrics, faults, written } = openJournal('codes');
  const errors = [
    new DOMException('gone', 'AbortError'),
    new Error('by what', { cause: new DOMException('gone', 'AbortError') }),
    Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    Object.assign(new Error('a number'), { code: 7 }),
    new TypeError('no code'),
    'no error',
    undefined,
  ];
  for (const error of errors) journal.unserved(peer, error);
  journal.close();
  const codes = ['AbortError', 'AbortError', 'ECONNRESET', 'unknown', 'TypeError', 'unknown', 'unknown'];
  assert.deepEqual(
    written.map(({ code }) => code),
    codes,
  );
  assert.match(metrics.text(), /unserved_total\{code="AbortError"\} 2\n/);
  assert.deepEqual(faults, []);
});

test('what is told after the end of a connection has no number of another one', () => {
  const { journal, written, admit } = openJournal('ends');
  admit();
  journal.ended(peer, { reason: 'closed' });
  journal.unserved(peer, new Error('late'));
  admit();
  journal.unserved(peer, new Error('in time'));
  journal.close();
  const told = written.map(({ event, connection }) => [event, connection]);
  const late = ['unserved', undefined];
  assert.deepEqual(told, [
    ['admitted', 1],
    ['ended', 1],
    late,
    ['admitted', 2],
    ['unserved', 2],
    ['ended', 2],
  ]);
});

test('books that cannot be kept throw at nobody', () => {
  const { journal, faults, admit } = openJournal('faults', () => {
    throw new Error('no books');
  });
  admit();
  journal.unserved(peer, new Error('x'));
  journal.ended(peer, { reason: 'closed' });
  journal.note('stopping');
  journal.cutRest();
  journal.close();
  assert.ok(faults.length >= 3 && faults.every(fault => (fault as Error).message === 'no books'));
});
