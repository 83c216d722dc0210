/**
 * Nobody but the guard says who a peer is: what clients try to put in its place
 * never reaches the server behind, and what two servers could read in two ways
 * reaches it not at all. Bytes as they are, on both sides.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForwardedName } from 'sockcred/forwarding';
import { needs } from '../../sockcred/build/support/requirements.js';
import { CLEANED, GET, LINES, POST, REFUSED, TRUTH } from './support/hostile-requests.js';
import { exchangeBytes, openFront, recorder } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };

/** Head lines of ours in what one connection got: exactly one for each request, and it is true. */
function assertTrue(received: string, requests: number, what: string): void {
  const lines = received.split(/\r\n|\r|\n/).filter(line => isForwardedName(line));
  assert.equal(lines.length, requests, `${what}: ${lines.join(' | ')}`);
  for (const line of lines) {
    const [, name, value = ''] = /^([^:]*): (.*)$/.exec(line) ?? [];
    assert.equal(name, 'Sockcred-Peer', what);
    assert.match(value, TRUTH, what);
  }
}

test('what could be read in two ways goes to nobody', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  for (const [what, bytes] of REFUSED) {
    const reply = await exchangeBytes(t, path, bytes);
    assert.match(reply, /^HTTP\/1\.1 (4[0-9]{2}|501) /, what);
    assert.equal(connections.join(''), '', what);
  }
});

test('a body that goes wrong on its way never becomes a whole request', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  const bodies = [
    'zz\r\nabc\r\n0\r\n\r\n',
    '3\nabc\r\n0\r\n\r\n',
    '3\r\nabcd\r\n0\r\n\r\n',
    '-3\r\nabc\r\n',
    '0x3\r\nabc\r\n',
    '3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n',
  ];
  for (const body of bodies) {
    await exchangeBytes(
      t,
      path,
      `${POST}Transfer-Encoding: chunked\r\n\r\n${body}GET /b HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
  }
  await exchangeBytes(t, path, `${GET}\r\n`);
  const last = connections.pop() ?? '';
  assertTrue(last, 1, last);
  for (const received of connections) {
    assert.ok(!/\r\n0\r\n|GET \/b/.test(received), received);
    assertTrue(received, received === '' ? 0 : 1, received);
  }
});

test('what pretends to be ours is taken out, and ours is there once', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  for (const [what, bytes, wanted] of CLEANED) {
    connections.length = 0;
    const reply = await exchangeBytes(t, path, bytes);
    assert.match(reply, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/, what);
    assert.equal(connections.length, 1, what);
    assert.match(connections[0] ?? '', wanted, what);
    assertTrue(connections[0] ?? '', 1, what);
  }
});

test('requests that were sent ahead are cleaned one by one', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  const one = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n${LINES.join('')}\r\n`;
  const reply = await exchangeBytes(t, path, `${one('/1')}${one('/2')}${GET}${LINES.join('')}\r\n`);
  assert.equal(reply.split('HTTP/1.1 200').length, 4);
  assert.equal(connections.length, 1);
  assertTrue(connections[0] ?? '', 3, 'three requests');
});

test('names that the operator gave are taken out in every spelling', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to, { strip: ['X-Remote-User', 'x_forwarded_for'], simpleHeaders: true });
  const lines = ['X-Remote-User', 'x_remote_user', 'X.Remote_User', 'X-Forwarded-For', 'X-Other'];
  await exchangeBytes(
    t,
    path,
    `${GET}${lines.map(name => `${name}: root\r\n`).join('')}Sockcred-Uid: 7\r\n\r\n`,
  );
  const [received = ''] = connections;
  assert.deepEqual(received.match(/^.*root\r$/gm), ['X-Other: root\r']);
  assert.deepEqual(received.match(/^Sockcred-Uid.*\r$/gm), [`Sockcred-Uid: ${process.geteuid?.()}\r`]);
});
