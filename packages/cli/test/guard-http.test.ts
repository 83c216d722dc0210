/** `sockcred guard --http` as a whole: curl as several users, and a server behind that believes the guard alone. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import { isUser, peerCredentials } from 'sockcred';
import { forwardedPeer } from 'sockcred/forwarding';
import { curl } from './support/clients.js';
import { needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths } from './support/guards.js';

const withCurl = { skip: needsOtherUsers('curl') };
const GUARD = 2345;
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

test('a server that is not there is 502, and the guard tells why', withCurl, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--http', '--to', `unix:${behind}`];
  const running = await guard(t, [...words, '--as-peer']);
  assert.match((await curl(t, front, { ...user(3001), args: ['-i'] })).body, /^HTTP\/1\.1 502 /);
  assert.match((await running.entry('unserved')).message ?? '', /cannot be reached/);
});
