/** What GET / answers, to whom in which form, and what everything else is answered. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { needs } from '../../sockcred/build/support/requirements.js';
import { ask, exchange } from './support/clients.js';
import { serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };

async function server(t: TestContext): Promise<string> {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  return path;
}

const isText = /^text\/plain\b/;
const isJson = /^application\/json\b/;

test('GET / answers text for a terminal by default', onLinux, async t => {
  const { status, headers, body } = await ask(await server(t));
  assert.equal(status, 200);
  assert.match(`${headers['content-type']}`, isText);
  assert.match(
    body,
    new RegExp(`uid ${process.geteuid?.()}, gid ${process.getegid?.()}, pid ${process.pid}`),
  );
  for (const field of ['uid', 'gid', 'pid', 'groups', 'label', 'role']) {
    assert.match(body, new RegExp(`^${field} `, 'm'), `a line about ${field}`);
  }
  assert.match(body, /SO_PEERCRED/, 'who vouches for it');
  assert.match(body, /connect\(\)/, 'when it was true');
  assert.ok(body.endsWith('\n') && !body.endsWith('\n\n'), 'the prompt that follows begins its own line');
  assert.doesNotMatch(body, /[^\n -~]/, 'plain text, no colour');
});

test('GET / answers the JSON form of the value itself when asked for JSON', onLinux, async t => {
  const { status, headers, body } = await ask(await server(t), { headers: { accept: 'application/json' } });
  assert.equal(status, 200);
  assert.match(`${headers['content-type']}`, isJson);
  const json = JSON.parse(body) as Record<string, unknown>;
  const peer = recordedPeer(body);
  assert.equal(peer.uid, process.geteuid?.());
  assert.equal(peer.gid, process.getegid?.());
  assert.equal(peer.pid, process.pid);
  assert.equal(peer.role, 'connector');
  assert.deepEqual(peer.evidence.uid, {
    known: true,
    about: 'connector',
    source: 'SO_PEERCRED',
    captured: 'connect',
  });
  for (const field of ['uid', 'gid', 'pid', 'groups', 'label', 'role'] as const) {
    const evidence = peer.evidence[field];
    assert.equal(field in json, evidence.known, `${field} is there exactly if it is known`);
    if (!evidence.known) assert.ok(evidence.reason !== undefined && evidence.detail !== '');
  }
});

test('the form follows the Accept header', onLinux, async t => {
  const path = await server(t);
  const forms: readonly (readonly [string, RegExp | 406])[] = [
    ['*/*', isText],
    ['text/*', isText],
    ['text/plain', isText],
    ['application/*', isJson],
    ['APPLICATION/JSON', isJson],
    ['application/json, text/plain;q=0.5', isJson],
    ['application/json;q=0.5, text/plain', isText],
    ['application/json, text/plain, */*', isJson],
    ['text/html, application/json;q=0.9', isJson],
    ['text/html,application/xhtml+xml,*/*;q=0.8', isText],
    ['text/plain;q=0, */*', isJson],
    ['image/png', 406],
    ['application/json;q=0', 406],
    ['application/jsonp', 406],
  ];
  for (const [accept, wanted] of forms) {
    const { status, headers, body } = await ask(path, { headers: { accept } });
    assert.equal(status, wanted === 406 ? 406 : 200, accept);
    if (wanted === 406) assert.doesNotMatch(body, /\buid\b/, accept);
    else assert.match(`${headers['content-type']}`, wanted, accept);
  }
});

test('no cache may keep an answer, nor give it to somebody else', onLinux, async t => {
  const { headers } = await ask(await server(t));
  assert.match(`${headers['cache-control']}`, /no-store/);
  assert.match(`${headers.vary}`, /accept/i);
});

test('HEAD answers the headers of GET and no body', onLinux, async t => {
  const path = await server(t);
  for (const accept of ['text/plain', 'application/json']) {
    const got = await ask(path, { headers: { accept } });
    const head = await ask(path, { method: 'HEAD', headers: { accept } });
    assert.equal(head.status, 200);
    assert.equal(head.body, '');
    assert.equal(head.headers['content-type'], got.headers['content-type']);
    assert.equal(head.headers['content-length'], `${Buffer.byteLength(got.body)}`);
  }
});

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
  test(`${method} / is answered 405 with the methods allowed`, onLinux, async t => {
    const path = await server(t);
    const { status, headers } = await ask(path, { method });
    assert.equal(status, 405);
    assert.match(`${headers.allow}`, /\bGET\b/);
    assert.match(`${headers.allow}`, /\bHEAD\b/);
    assert.equal((await ask(path)).status, 200);
  });
}

test('a request with a body is answered like one without', onLinux, async t => {
  const path = await server(t);
  const body = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`;
  assert.match(await exchange(t, path, body), /^HTTP\/1\.1 405 /);
  const chunked = `GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  assert.match(await exchange(t, path, chunked), /^HTTP\/1\.1 200 /);
});

for (const url of ['/other', '/index.html', '//', '//x', '//x/', '//user@host:1/', '/%2e%2e/etc', '/;/']) {
  test(`GET ${url} is answered 404, and without credentials`, onLinux, async t => {
    const path = await server(t);
    const { status, body } = await ask(path, { url });
    assert.equal(status, 404);
    assert.doesNotMatch(body, /\buid \d/);
    assert.equal((await ask(path)).status, 200);
  });
}

test('a query does not change the answer', onLinux, async t => {
  const path = await server(t);
  for (const url of ['/?', '/?uid=0&gid=0', '/?//']) {
    const { status, body } = await ask(path, { url });
    assert.equal(status, 200, url);
    assert.match(body, new RegExp(`pid ${process.pid}\\b`), url);
  }
});

test('headers that claim an identity change nothing', onLinux, async t => {
  const headers = {
    host: 'uid=4242',
    'x-forwarded-user': '4242',
    'x-uid': '4242',
    forwarded: 'for=4242',
    accept: 'application/json',
  };
  const { body } = await ask(await server(t), { headers });
  assert.equal(recordedPeer(body).uid, process.geteuid?.());
  assert.doesNotMatch(body, /4242/);
});
