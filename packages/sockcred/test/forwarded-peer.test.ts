/** forwardedPeer(): believed only from whom this process has verified, and only in the one form. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import {
  formatPeer,
  isUser,
  type Peer,
  type PeerCredentials,
  PeerError,
  peerToJson,
  recordedPeer,
} from 'sockcred';
import { definePolicy, sameUserOnly } from 'sockcred/authorization';
import { type BelieveRule, type ForwardedPeer, forwardedHeaders, forwardedPeer } from 'sockcred/forwarding';
import { madeUpPeer } from 'sockcred/testing';
import { ownDirectory } from './support/directories.js';
import { dial, everything } from './support/gated.js';
import { connectScript, python } from './support/peers.js';
import { needs, runtime } from './support/requirements.js';

const asAnyone = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

/** Who accepts for a server of HTTP: itself, unless it would hide the sockets. */
function acceptingFor(http: Server) {
  if (runtime() !== 'bun') return http;
  return createNetServer({ allowHalfOpen: true }, socket => void http.emit('connection', socket));
}

/** What forwardedPeer() says about each request that comes to a server at the path. */
async function openServer(t: TestContext, from: BelieveRule) {
  const heard: (ForwardedPeer | Error)[] = [];
  const server = createServer((request, response) => {
    try {
      heard.push(forwardedPeer(request, { from }));
    } catch (error) {
      heard.push(error as Error);
    }
    response.end('heard');
  });
  const path = `${ownDirectory(t)}/s`;
  const accepting = acceptingFor(server);
  accepting.listen({ path, writableAll: true, readableAll: true });
  await once(accepting, 'listening');
  t.after(() => {
    accepting.close();
    server.closeAllConnections();
  });
  return { path, heard };
}

/** Sends these header lines and waits for the answer. */
async function send(t: TestContext, path: string, lines: readonly string[]): Promise<void> {
  const socket = await dial(t, path);
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`, 'latin1');
  assert.match(await everything(socket), /heard|400 Bad Request/);
}

const peer = madeUpPeer({ uid: 1000, gid: 100, groups: [100, 27], pid: 4242, label: 'a_t' });
const header = forwardedHeaders(peer, { roles: ['admin'] })
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

test(
  'T54: a guard that was verified is believed about others, and stays the peer itself',
  asAnyone,
  async t => {
    const { path, heard } = await openServer(t, sameUserOnly());
    await send(t, path, [header]);
    const [forwarded] = heard as ForwardedPeer[];
    assert.ok(forwarded !== undefined && !(forwarded instanceof Error), String(forwarded));
    assert.ok(Object.isFrozen(forwarded));
    assert.equal(forwarded.by.uid, process.geteuid?.());
    assert.equal(forwarded.by.pid, process.pid);
    assert.deepEqual(forwarded.roles, ['admin']);
    assert.equal(forwarded.peer.uid, 1000);
    assert.deepEqual(forwarded.peer.groups, [27, 100]);
    assert.match(formatPeer(forwarded.peer), /^uid +1000 +the server in front says so, at connect\(\)$/m);

    // Deciding on it takes a word more than deciding on a live answer.
    const policy = definePolicy({ rules: [{ effect: 'allow', group: 27 }] });
    assert.ok(policy.decide(forwarded.peer).allowed);
    // @ts-expect-error a forwarded peer is no peer
    const asPeer: Peer = forwarded;
    // @ts-expect-error what is told of it is no live answer
    const asLive: PeerCredentials = forwarded.peer;
    assert.ok(asPeer !== undefined && asLive !== undefined);
    assert.throws(() => policy.decide(forwarded as unknown as Peer).allowed);

    const schemaPath = createRequire(import.meta.url).resolve('sockcred/schema/peer-credentials.v1.json');
    const fits = new Ajv2020({ allErrors: true }).compile(JSON.parse(readFileSync(schemaPath, 'utf8')));
    const json = JSON.parse(JSON.stringify(peerToJson(forwarded.peer)));
    assert.ok(fits(json), JSON.stringify(fits.errors));
    assert.deepEqual(recordedPeer(json), forwarded.peer);
  },
);

test('whoever the rule does not accept is not believed, whatever they say', asRoot, async t => {
  const { path, heard } = await openServer(t, by => isUser(by, 0));
  const script = `
s.sendall(sys.argv[2].encode('latin1'))
s.settimeout(20)
s.recv(1000)
say('done')
`;
  const bytes = `GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n`;
  for (const [identity, believed] of [
    [{ uid: 1000, gid: 100 }, false],
    [{}, true],
  ] as const) {
    const client = python(t, connectScript(script), { ...identity, args: [path, bytes] });
    assert.equal(await client.line(), 'done');
    const last = heard.at(-1);
    if (believed) assert.ok(!(last instanceof Error));
    else assert.equal(last instanceof PeerError && last.code, 'ERR_PEER_REFUSED');
  }
});

test(
  'T58: a uid that a client claims in our header is not believed, be it another or its own',
  asRoot,
  async t => {
    const { path, heard } = await openServer(t, by => isUser(by, 3000));
    const script = `
for claim in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(f'GET / HTTP/1.1\\r\\nHost: x\\r\\nSockcred-Peer: {claim}\\r\\n\\r\\n'.encode())
    s.recv(1000)
say('done')
`;
    const claims = ['1;uid=0', '1;uid=0;gid=0;groups="0"', '1;uid=1000', '1;uid=3000'];
    const client = python(t, script, { uid: 1000, gid: 100, args: [path, ...claims] });
    assert.equal(await client.line(), 'done');
    const codes = heard.map(one => one instanceof PeerError && one.code);
    assert.deepEqual(
      codes,
      claims.map(() => 'ERR_PEER_REFUSED'),
    );
  },
);

test('only true means yes, and a rule that fails believes nobody', asAnyone, async t => {
  const rules = [
    () => 1 as unknown as boolean,
    () => Promise.resolve(true) as unknown as boolean,
    () => {
      throw new Error('broken');
    },
  ];
  for (const rule of rules) {
    const { path, heard } = await openServer(t, rule);
    await send(t, path, [header]);
    assert.ok(heard[0] instanceof Error);
  }
  const request = {} as IncomingMessage;
  for (const from of [undefined, true, {}, 'guard']) {
    assert.throws(() => forwardedPeer(request, { from: from as unknown as BelieveRule }), {
      code: 'ERR_ARGUMENT',
    });
  }
});

const MALFORMED: readonly (readonly string[])[] = [
  [header, header],
  ['Sockcred-Peer: 1;uid=0\r\n', header],
  [header, 'sockcred-peer: 1;uid=0\r\n'],
  [header, 'Sockcred_Peer: 1;uid=0\r\n'],
  [header, 'SOCKCRED.PEER: 1;uid=0\r\n'],
  ['Sockcred_Peer: 1;uid=0\r\n'],
  ['Sockcred-Peer: 1;uid=1, 1;uid=0\r\n'],
  ['Sockcred-Peer:\r\n'],
  ['Sockcred-Peer: uid=0\r\n'],
  ['Sockcred-Peer: 2;uid=0\r\n'],
  ['Sockcred-Peer: {"uid":0}\r\n'],
];
const ABSENT: readonly (readonly string[])[] = [
  [],
  ['Sockcred-Uid: 0\r\n'],
  ['X-Sockcred-Peer: 1;uid=0\r\n'],
  ['Cookie: Sockcred-Peer=1;uid=0\r\n'],
];

test(
  'a header that is there twice, in another spelling or another form is an error; none is another',
  asAnyone,
  async t => {
    const { path, heard } = await openServer(t, sameUserOnly());
    const cases = [
      ...MALFORMED.map(lines => [lines, 'ERR_FORWARDED_MALFORMED'] as const),
      ...ABSENT.map(lines => [lines, 'ERR_FORWARDED_ABSENT'] as const),
    ];
    for (const [lines, code] of cases) {
      await send(t, path, lines);
      const last = heard.pop();
      assert.equal(last instanceof PeerError && last.code, code, lines.join(''));
    }
  },
);

test('a trailer says nothing about anybody', asAnyone, async t => {
  let code: string | undefined;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      try {
        forwardedPeer(request, { from: sameUserOnly() });
      } catch (error) {
        code = (error as PeerError).code;
      }
      response.end('heard');
    });
  });
  const path = `${ownDirectory(t)}/s`;
  const accepting = acceptingFor(server).listen(path);
  await once(accepting, 'listening');
  t.after(() => accepting.close());
  const socket = await dial(t, path);
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.write(`0\r\n${header}\r\n`);
  await everything(socket);
  assert.equal(code, 'ERR_FORWARDED_ABSENT');
});

test('nobody is believed where the runtime hides who they are', {
  skip: runtime() !== 'bun' && 'is about Bun',
}, async t => {
  let code: string | undefined;
  const server = createServer((request, response) => {
    try {
      forwardedPeer(request, { from: () => true });
    } catch (error) {
      code = (error as PeerError).code;
    }
    response.end('heard');
  });
  const path = `${ownDirectory(t)}/s`;
  await once(server.listen(path), 'listening');
  t.after(() => server.close());
  await send(t, path, [header]);
  assert.equal(code, 'ERR_PEER_HIDDEN_DESCRIPTOR');
});

test('nobody is believed over TCP', asAnyone, async t => {
  let code: string | undefined;
  const server = createServer((request, response) => {
    try {
      forwardedPeer(request, { from: () => true });
    } catch (error) {
      code = (error as PeerError).code;
    }
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n`);
  await everything(socket);
  assert.equal(code, 'ERR_SOURCE_NOT_UNIX');
});
