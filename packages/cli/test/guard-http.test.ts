/** `sockcred guard --http` as a whole: curl as several users, and a server behind that believes the guard alone. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isUser, PeerError, peerCredentials } from 'sockcred';
import { definePolicy } from 'sockcred/authorization';
import { forwardedPeer } from 'sockcred/forwarding';
import { needs } from '../../sockcred/build/support/requirements.js';
import { connection, curl, exchange } from './support/clients.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths } from './support/guards.js';

const onLinux = { skip: needs('linux') };
const withCurl = { skip: needsOtherUsers('curl') };
const GUARD = 2345;
const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
const user = (uid: number) => ({ uid, gid: uid, groups: [44] });

async function httpServer(t: TestContext, path: string, serve: RequestListener): Promise<void> {
  const made = createServer(serve);
  made.listen({ path, writableAll: true, readableAll: true });
  await once(made, 'listening');
  t.after(() => {
    made.closeAllConnections();
    made.close();
  });
}

test('the server behind is told who asks, whatever the client says of itself', withCurl, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await httpServer(t, behind, (request, response) => {
    const told = forwardedPeer(request, { from: by => isUser(by, GUARD) });
    const odd = request.rawHeaders
      .filter((_, index) => index % 2 === 0)
      .filter(name => /remote.user|sockcred/i.test(name));
    response.end(JSON.stringify({ uid: told?.peer.uid, groups: told?.peer.groups, roles: told?.roles, odd }));
  });
  const words = [
    '--listen',
    front,
    '--mode',
    '0666',
    '--allow-user',
    '3001',
    '--http',
    '--to',
    `unix:${behind}`,
  ];
  const running = await guard(t, [
    ...words,
    '--strip-header',
    'X-Remote-User',
    '--run-as',
    `${GUARD}:${GUARD}`,
  ]);
  const lies = [
    'Sockcred-Peer: 1;uid=0',
    'sockcred_peer: 1;uid=0',
    'X-Remote-User: root',
    'X_Remote_User: root',
  ];
  const args = lies.flatMap(line => ['-H', line]);
  const { body } = await curl(t, front, { ...user(3001), args });
  assert.deepEqual(JSON.parse(body), { uid: 3001, groups: [44, 3001], roles: [], odd: ['Sockcred-Peer'] });

  const refused = await curl(t, front, { ...user(3002), args: ['-i'] });
  assert.match(refused.body, /^HTTP\/1\.1 403 Forbidden\r$/m);
  assert.match(refused.body, /^content-type: application\/problem\+json\r$/im);
  assert.equal(JSON.parse(refused.body.split('\r\n\r\n')[1] ?? '').status, 403);
  assert.equal((await running.entry('denied')).peer?.uid, 3002);
  const { toServer, toClient } = await running.entry('ended');
  assert.ok((toServer ?? 0) > 100 && (toClient ?? 0) > body.length);

  // A client that keeps its connection, with nothing under way on it, is not waited for.
});

test(
  'simple headers for programs that have no reader, and the client’s own ids on the socket',
  withCurl,
  async t => {
    const { front, behind } = paths(ownDirectory(t));
    await httpServer(t, behind, (request, response) => {
      const seen = peerCredentials(request, { side: 'accepted' }).uid;
      response.end(`${seen} ${request.headers['sockcred-uid']} ${request.headers['sockcred-groups']}`);
    });
    const words = ['--listen', front, '--mode', '0666', '--everyone', '--http', '--to', `unix:${behind}`];
    await guard(t, [...words, '--simple-headers', '--as-peer']);
    const args = ['-H', 'Sockcred-Uid: 0'];
    for (const uid of [3001, 3002]) {
      assert.equal((await curl(t, front, { ...user(uid), args })).body, `${uid} ${uid} 44 ${uid}`);
    }
  },
);

test(
  'a client that keeps its connection, with nothing under way on it, is not waited for',
  withCurl,
  async t => {
    const { front, behind } = paths(ownDirectory(t));
    await httpServer(t, behind, (_request, response) => response.end('kept'));
    const words = [
      '--listen',
      front,
      '--same-user',
      '--http',
      '--to',
      `unix:${behind}`,
      '--upstream-sees-guard',
    ];
    const running = await guard(t, [...words, '--grace', '600']);
    const client = await connection(t, front);
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let answer = '';
    for await (const data of client.iterator({ destroyOnReturn: false })) {
      answer += data;
      if (answer.endsWith('kept')) break;
    }
    assert.match(answer, /^connection: keep-alive\r$/im);
    assert.equal((await end(running)).status, 0);
  },
);

test(
  'who is denied is told by which rule if that is wanted, and nothing of other rules',
  withCurl,
  async t => {
    const directory = ownDirectory(t);
    const { front, behind } = paths(directory);
    const file = join(directory, 'policy.toml');
    const rule = (effect: string, more: string) => `[[rules]]\neffect = "${effect}"\n${more}\n`;
    const rules = [
      rule('allow', 'user = 3001\nname = "a secret"'),
      rule('deny', 'user = 3002\nname = "contractors"'),
    ];
    writeFileSync(file, rules.join(''));
    const words = ['--mode', '0666', '--policy', file, '--http', '--to', `unix:${behind}`, '--as-peer'];
    const details = async (...more: string[]) => {
      const path = `${front}${more.length}`;
      await guard(t, ['--listen', path, ...words, ...more]);
      const bodies: string[] = [];
      for (const uid of [3002, 3003]) bodies.push((await curl(t, path, user(uid))).body);
      return bodies.map(body => JSON.parse(body));
    };
    const forbidden = (detail: string) => ({ title: 'Forbidden', status: 403, detail });
    assert.deepEqual(await details(), [forbidden('you are not let in'), forbidden('you are not let in')]);
    assert.deepEqual(await details('--explain-denied'), [
      forbidden("denied by deny rule 1 'contractors'"),
      forbidden('denied: no rule lets this peer in'),
    ]);
  },
);

test(
  'T58: a uid that a client claims is worth nothing, with a guard in front and past it',
  withCurl,
  async t => {
    const { front, behind } = paths(ownDirectory(t));
    const admins = definePolicy({ rules: [{ effect: 'allow', user: 0 }] });
    await httpServer(t, behind, (request, response) => {
      try {
        const { peer } = forwardedPeer(request, { from: by => isUser(by, GUARD) });
        response.end(`${peer.uid} ${admins.decide(peer).allowed} ${request.headers['remote-user']}`);
      } catch (error) {
        response.end(error instanceof PeerError ? error.code : 'a fault');
      }
    });
    const words = ['--listen', front, '--mode', '0666', '--everyone', '--http', '--to', `unix:${behind}`];
    await guard(t, [...words, '--run-as', `${GUARD}:${GUARD}`]);
    for (const claim of ['1;uid=0;gid=0;groups="0"', `1;uid=${GUARD}`, '1;uid=3001']) {
      const lines = [`Sockcred-Peer: ${claim}`, 'Sockcred-Uid: 0', 'Remote-User: root'];
      const args = lines.flatMap(line => ['-H', line]);
      assert.equal((await curl(t, front, { ...user(3001), args })).body, '3001 false undefined');
      // Root itself is nobody to a server that believes the guard alone.
      for (const uid of [3001, 0]) {
        assert.equal((await curl(t, behind, { ...user(uid), args })).body, 'ERR_PEER_REFUSED');
      }
    }
    assert.equal((await curl(t, front, { ...user(0), args: [] })).body, '0 true undefined');
  },
);

test('who runs into a limit is told which, and when to come again', onLinux, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await httpServer(t, behind, (_request, response) => response.end('in'));
  const words = ['--same-user', '--http', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  const cases = [
    [['--connections', '1'], 503, '1', /too many/],
    [['--connections-per-uid', '1'], 429, '1', /you have too many/],
    [['--accept-rate', '1/600'], 429, '600', /too often/],
  ] as const;
  for (const [index, [more, status, after, detail]] of cases.entries()) {
    const running = await guard(t, ['--listen', `${front}${index}`, ...words, ...more]);
    if (index === 2) assert.match(await exchange(t, `${front}2`, `${GET}\r\n`), /^HTTP\/1\.1 200 /);
    else await connection(t, `${front}${index}`);
    await running.entry('admitted');
    for (const request of [`${GET}\r\n`, `${GET}Upgrade: websocket\r\nConnection: upgrade\r\n\r\n`]) {
      const reply = await exchange(t, `${front}${index}`, request);
      assert.match(reply, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\nRetry-After: ${after}\r\n`));
      const told = JSON.parse(reply.split('\r\n\r\n')[1] ?? '');
      assert.equal(told.status, status);
      assert.match(told.detail, detail);
    }
    assert.ok((await running.entry('limited')).limit);
  }
});

test('a connection goes on in the protocols that are allowed, and in no other', onLinux, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const made = createServer((_request, response) => response.end('not asked'));
  made.on('upgrade', (request, socket) => {
    const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${request.headers.upgrade}`;
    socket.end(`${head}\r\n\r\nwent on`);
  });
  made.listen(behind);
  await once(made, 'listening');
  t.after(() => made.close());
  const words = ['--same-user', '--http', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  const wentOn = async (path: string, protocol: string) => {
    const head = `GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    const reply = await exchange(t, path, head);
    assert.match(reply, /went on$|not asked$/);
    return reply.endsWith('went on');
  };
  const cases = [
    [[], ['websocket']],
    [['--allow-upgrade', 'none'], []],
    [
      ['--allow-upgrade', 'Example', '--allow-upgrade', 'other/2'],
      ['example', 'other/2'],
    ],
  ] as const;
  for (const [index, [more, allowed]] of cases.entries()) {
    await guard(t, ['--listen', `${front}${index}`, ...words, ...more]);
    for (const protocol of ['websocket', 'example', 'other/2', 'h2c']) {
      const expected = allowed.some(one => one === protocol);
      assert.equal(await wentOn(`${front}${index}`, protocol), expected, `${more}: ${protocol}`);
    }
  }
});

test('a server that is not there is 502, and the guard tells why', withCurl, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--http', '--to', `unix:${behind}`];
  const running = await guard(t, [...words, '--as-peer']);
  assert.match((await curl(t, front, { ...user(3001), args: ['-i'] })).body, /^HTTP\/1\.1 502 /);
  assert.match((await running.entry('unserved')).message ?? '', /cannot be reached/);
});
