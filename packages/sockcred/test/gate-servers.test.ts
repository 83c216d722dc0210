/** What a server behind a gate keeps that does not listen itself: its timeouts, its limits, half-open connections. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { heard } from './support/gate-events.js';
import { dial, everything, get, openGate } from './support/gated.js';
import { needs, runtime } from './support/requirements.js';
import { until } from './support/waiting.js';

const asAnyone = { skip: needs('linux') };

test('headers that do not come are timed out as if the server listened itself', asAnyone, async t => {
  const http = createHttpServer(
    { headersTimeout: 150, requestTimeout: 300, connectionsCheckingInterval: 30 },
    (_request, response) => response.end('fine'),
  );
  const { path } = await openGate(t, http);
  const slow = await dial(t, path);
  slow.write('GET / HTTP/1.1\r\nhost: x\r\n');
  assert.match(await everything(slow), /^HTTP\/1\.1 408 /);
  const slowBody = await dial(t, path);
  slowBody.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\na');
  assert.match(await everything(slowBody), /408 Request Timeout|200 OK/);
  assert.equal((await get(path)).body, 'fine');
});

test(
  'each request of a connection has to come in time, and a connection has to have some',
  asAnyone,
  async t => {
    const http = createHttpServer(
      { headersTimeout: 150, requestTimeout: 300, connectionsCheckingInterval: 30, keepAliveTimeout: 100 },
      (request, response) => void request.resume().on('end', () => response.end('fine')),
    );
    const { gate, path } = await openGate(t, http);
    const slowBody = await dial(t, path);
    slowBody.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\na');
    assert.match(await everything(slowBody), /^HTTP\/1\.1 408 /);
    const quiet = await dial(t, path);
    quiet.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.match(await everything(quiet), /^HTTP\/1\.1 200 OK[\s\S]*fine$/);
    http.keepAliveTimeout = 20_000;
    const slowSecond = await dial(t, path);
    slowSecond.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    slowSecond.once('data', () => slowSecond.write('GET / HTTP/1.1\r\nhost:'));
    const text = await everything(slowSecond);
    assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*fine/);
    // Deno (2.9) closes a connection that its server was handed after each response.
    if (runtime() !== 'deno') assert.match(text, /fineHTTP\/1\.1 408 /);
    await until(() => gate.connections === 0);
  },
);

test('who is answered slowly, or has upgraded, is not cut', asAnyone, async t => {
  const answers: (() => void)[] = [];
  const http = createHttpServer(
    { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 },
    (_request, response) => void answers.push(() => response.end('fine')),
  );
  http.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const { path } = await openGate(t, http);
  const waiting = get(path);
  const other = await dial(t, path);
  other.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
  await once(other, 'data');
  await until(() => answers.length === 1);
  await new Promise(done => setTimeout(done, 300));
  answers[0]?.();
  assert.equal((await waiting).body, 'fine');
  other.write('still there');
  assert.equal(String((await once(other, 'data'))[0]), 'still there');
});

test('a server behind two gates keeps its timeouts when one of them is closed', asAnyone, async t => {
  const http = createHttpServer(
    { headersTimeout: 150, requestTimeout: 300, connectionsCheckingInterval: 30 },
    (_request, response) => response.end('fine'),
  );
  const first = await openGate(t, http);
  const second = await openGate(t, http);
  await first.gate.close();
  const slow = await dial(t, second.path);
  slow.write('GET / HTTP/1.1\r\nhost: x\r\n');
  assert.match(await everything(slow), /^HTTP\/1\.1 408 /);
  assert.equal((await get(second.path)).body, 'fine');
  await second.gate.close();
  const again = await openGate(t, http);
  const slowAgain = await dial(t, again.path);
  slowAgain.write('GET / HTTP/1.1\r\nhost: x\r\n');
  assert.match(await everything(slowAgain), /^HTTP\/1\.1 408 /);
});

test('maxConnections of the server behind holds', asAnyone, async t => {
  const events = heard(t, 'max');
  const held = createServer(socket => socket.resume().write('in'));
  held.maxConnections = 2;
  const { path } = await openGate(t, held, { name: 'max' });
  const first = await dial(t, path);
  await once(first, 'data');
  const second = await dial(t, path);
  await once(second, 'data');
  assert.equal(await everything(await dial(t, path)), '');
  first.destroy();
  await until(() => events.limited.length > 0);
  assert.equal(events.limited[0]?.limit, 'maxConnections');
  for (;;) {
    const again = await dial(t, path);
    const [data] = await Promise.race([once(again, 'data'), once(again, 'close')]);
    if (String(data) === 'in') break;
  }
});

test('allowHalfOpen is that of the server behind', asAnyone, async t => {
  for (const allowHalfOpen of [true, false]) {
    const states: boolean[] = [];
    const target = createServer({ allowHalfOpen }, socket => {
      socket.resume().on('end', () => {
        setImmediate(() => {
          states.push(socket.writable);
          socket.end('after');
        });
      });
      socket.on('error', () => {});
    });
    const { path } = await openGate(t, target);
    const client = await dial(t, path);
    client.end('x');
    const text = await everything(client);
    assert.deepEqual(states, [allowHalfOpen]);
    assert.equal(text, allowHalfOpen ? 'after' : '');
  }
});
