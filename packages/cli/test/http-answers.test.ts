/** Answers of a server behind that cannot go on as they are, and requests whose headers name the client. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { GET } from './support/hostile-requests.js';
import { exchangeBytes, openFront, recorder } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };

test('an answer in a coding that the client would not be told of is 502', asAnyone, async t => {
  const codings = ['gzip, chunked', 'chunked\r\nTransfer-Encoding: chunked', 'gzip'];
  for (const coding of codings) {
    const chunks = '2\r\nok\r\n0\r\n\r\n';
    const { to } = await recorder(t, `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n${chunks}`);
    const path = await openFront(t, to);
    assert.match(await exchangeBytes(t, path, `${GET}\r\n`), /^HTTP\/1\.1 502 /, coding);
  }
});

test('an answer without a body has no length of one', asAnyone, async t => {
  const cases = [
    [
      '204 No Content',
      '',
      /^HTTP\/1\.1 204 (?![\s\S]*(?:content-length|transfer-encoding))[\s\S]*\r\n\r\n$/i,
    ],
    ['205 Reset Content', 'ok', /^HTTP\/1\.1 205 [\s\S]*content-length: 0\r\n[\s\S]*\r\n\r\n$/i],
    ['304 Not Modified', '', /^HTTP\/1\.1 304 [\s\S]*content-length: 2\r\n[\s\S]*\r\n\r\n$/i],
  ] as const;
  for (const [status, body, wanted] of cases) {
    const { to } = await recorder(t, `HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\n${body}`);
    const path = await openFront(t, to);
    assert.match(await exchangeBytes(t, path, `${GET}\r\n`), wanted);
  }
});

test('headers by which proxies name the client come from no client', asAnyone, async t => {
  const lines = [
    'X-Forwarded-For: 10.0.0.1\r\n',
    'x_forwarded_for: 10.0.0.1\r\n',
    'Forwarded: for=10.0.0.1\r\n',
    'X-Real-IP: 10.0.0.1\r\n',
    'Remote-User: root\r\n',
    'REMOTE_USER: root\r\n',
    'X-Forwarded-User: root\r\n',
  ];
  const request = `${GET}${lines.join('')}X-Forwarded-Proto: https\r\n\r\n`;
  const sentOn = async (keep: readonly string[]) => {
    const { to, connections } = await recorder(t);
    await exchangeBytes(t, await openFront(t, to, { keep }), request);
    const names = [...(connections[0] ?? '').matchAll(/^(.*(?:forwarded|real|user).*): /gim)];
    return names.map(([, name]) => name);
  };
  assert.deepEqual(await sentOn([]), ['X-Forwarded-Proto']);
  assert.deepEqual(await sentOn(['X-Forwarded-For', 'Remote-User']), [
    'X-Forwarded-For',
    'x_forwarded_for',
    'Remote-User',
    'REMOTE_USER',
    'X-Forwarded-Proto',
  ]);
});
