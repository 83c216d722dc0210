/** The HTTP front when either side fails, leaves, is slow or wants too much. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request as sendRequest } from 'node:http';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Admission } from 'sockcred/gate';
import { ownDirectory } from '../../sockcred/build/support/directories.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { until } from '../../sockcred/build/support/waiting.js';
import type { HttpFailure } from '../dist/guard/http/http-front.js';
import { ask, behind, exchangeBytes, listening, openFront, problem } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };

test('a server that is not there, breaks off or speaks nonsense is 502', asAnyone, async t => {
  const failures: HttpFailure[] = [];
  const options = { onFailure: (failure: HttpFailure) => void failures.push(failure) };
  const nowhere = await openFront(t, { path: `${ownDirectory(t)}/nobody` }, options);
  const answers = [
    '',
    'nonsense\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ];
  const paths = [nowhere];
  for (const answer of answers) {
    const server = createNetServer(socket => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    });
    paths.push(await openFront(t, await listening(t, server), options));
  }
  for (const path of paths) {
    for (const method of ['GET', 'POST']) {
      const reply = await ask(path, { method, body: method === 'POST' ? 'abc' : '' });
      assert.equal(reply.status, 502, method);
      assert.equal(reply.incoming.headers['content-type'], 'application/problem+json');
      assert.equal(problem(reply.body).status, 502);
      assert.ok(!reply.body.includes('/'), 'no path is told');
    }
  }
  assert.equal(failures.length, 2 * paths.length);
  assert.equal(failures[0]?.admission.peer.pid, process.pid);
  assert.match(String(failures[0]?.error.cause), /ENOENT/);
});

test('an answer that breaks off is never a whole one', asAnyone, async t => {
  const heads = ['Content-Length: 10\r\n\r\nabc', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'];
  for (const head of heads) {
    const server = createNetServer(socket => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${head}`));
    });
    const path = await openFront(t, await listening(t, server));
    await assert.rejects(ask(path), { code: 'ECONNRESET' });
  }
});

test('a server that takes too long is 504, and is told that nobody waits', asAnyone, async t => {
  const { to, requests } = await behind(t, () => {});
  const path = await openFront(t, to, { responseMs: 50 });
  const reply = await ask(path);
  assert.equal(reply.status, 504);
  assert.equal(problem(reply.body).status, 504);
  await until(() => requests[0]?.socket.destroyed === true);
});

test(
  'a client that goes away is connected for no longer, nor are the requests that it sent ahead',
  asAnyone,
  async t => {
    let begun = 0;
    let given = 0;
    const connectForever = (_admission: Admission, signal: AbortSignal) => {
      begun++;
      return new Promise<Socket>((_done, failed) => {
        signal.addEventListener('abort', () => {
          given++;
          failed(signal.reason);
        });
      });
    };
    const path = await openFront(t, { path: '/unused' }, { connect: connectForever });
    const client = connect(path).on('error', () => {});
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    await until(() => begun === 1);
    client.destroy();
    await until(() => given === 1);
    const { to } = await behind(t, (_request, response) => response.end('ok'));
    assert.equal((await ask(await openFront(t, to))).body, 'ok');
    assert.equal(begun, 1);
  },
);

test('a client that goes away ends its request at the server behind', asAnyone, async t => {
  let closed = 0;
  const { to, requests } = await behind(t, (_request, response) => {
    response.on('close', () => closed++);
    response.write('a beginning');
  });
  const path = await openFront(t, to);
  // Once after the answer has begun, once in the middle of the request's body.
  const first = sendRequest({ socketPath: path, agent: false }).end();
  const [incoming] = (await once(first, 'response')) as [IncomingMessage];
  incoming.on('error', () => {});
  first.destroy();
  await until(() => closed === 1);
  const second = sendRequest({ socketPath: path, method: 'POST', agent: false });
  second.on('error', () => {});
  second.write('half of it');
  await until(() => requests.length === 2);
  second.destroy();
  await until(() => closed === 2);
  assert.ok(requests[1]?.complete === false);
});

test(
  'a kept connection that the server closes: what changes nothing is sent once more, the rest is 502',
  asAnyone,
  async t => {
    const served = new Map<Socket, number>();
    const { to, requests } = await behind(t, (request, response) => {
      const before = served.get(request.socket) ?? 0;
      served.set(request.socket, before + 1);
      if (before === 1) request.socket.destroy();
      else response.end('ok');
    });
    const path = await openFront(t, to);
    for (const [method, status, tries] of [
      ['GET', 200, 3],
      ['POST', 502, 2],
    ] as const) {
      requests.length = 0;
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      assert.equal((await ask(path, { agent })).status, 200);
      assert.equal((await ask(path, { agent, method })).status, status);
      assert.equal(requests.length, tries);
      agent.destroy();
    }
  },
);

/** Waits until a number has stopped growing for a while. */
async function standstill(value: () => number): Promise<number> {
  let before = -1;
  let rounds = 0;
  await until(() => {
    rounds = value() === before ? rounds + 1 : 0;
    before = value();
    return rounds > 20;
  });
  return before;
}

test('who reads slowly holds up who writes, in both directions', asAnyone, async t => {
  const piece = Buffer.alloc(65_536);
  const pour = (into: { write(data: Buffer): boolean; once(event: 'drain', act: () => void): unknown }) => {
    let count = 0;
    const more = () => {
      do count++;
      while (into.write(piece));
      into.once('drain', more);
    };
    more();
    return () => count * piece.length;
  };
  let poured = () => 0;
  const { to } = await behind(t, (request, response) => {
    if (request.method === 'GET') poured = pour(response);
  });
  const path = await openFront(t, to);
  const download = connect(path);
  t.after(() => download.destroy());
  download.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => poured() > 0);
  assert.ok((await standstill(poured)) < 8_000_000);
  const upload = connect(path).on('error', () => {});
  t.after(() => upload.destroy());
  upload.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n');
  assert.ok((await standstill(pour(upload))) < 8_000_000);
});

test('requests may be sent ahead, but not without end', asAnyone, async t => {
  const { to, requests } = await behind(t, () => {});
  const path = await openFront(t, to);
  const reply = await exchangeBytes(t, path, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100));
  assert.equal(reply, '');
  assert.ok(requests.length <= 1);
});
