/** GateOptions.refuse: those who are denied may be told so, few at a time and not for long. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { PeerError, PeerTypeError } from 'sockcred';
import { definePolicy } from 'sockcred/authorization';
import { createGate, type Denial, denialOf, type Limitation, limitationOf, peerOf } from 'sockcred/gate';
import { dial, everything, get, openGate } from './support/gated.js';
import { needs } from './support/requirements.js';
import { until } from './support/waiting.js';

const asAnyone = { skip: needs('linux') };

test('who is denied is told so over HTTP, and is let in nowhere', asAnyone, async t => {
  let welcome = false;
  const refusals: unknown[] = [];
  const refuse = createHttpServer((request, response) => {
    try {
      peerOf(request);
    } catch (error) {
      refusals.push(error);
    }
    response.writeHead(403, { connection: 'close' }).end('no');
  });
  const http = createHttpServer((_request, response) => response.end('yes'));
  const { gate, path } = await openGate(t, http, {
    authorize: () => welcome,
    refuse: { handTo: refuse },
  });
  assert.deepEqual(await get(path), { status: 403, body: 'no' });
  assert.ok(refusals[0] instanceof PeerError && refusals[0].code === 'ERR_PEER_NOT_ADMITTED');
  assert.equal(gate.connections, 0);
  welcome = true;
  assert.deepEqual(await get(path), { status: 200, body: 'yes' });
});

test('whoever tells them can know by which rule, and nobody else is denied anything', asAnyone, async t => {
  const uid = process.geteuid?.() ?? -1;
  const told: (Denial | undefined)[] = [];
  const tell = (request: IncomingMessage, response: ServerResponse) => {
    told.push(denialOf(request));
    response.end();
  };
  const deny = definePolicy({ rules: [{ effect: 'deny', user: uid, name: 'not we' }] });
  const allow = definePolicy({ rules: [{ effect: 'allow', user: uid }] });
  const { gate, path } = await openGate(t, createHttpServer(tell), {
    authorize: deny,
    refuse: { handTo: createHttpServer(tell) },
  });
  await get(path);
  assert.deepEqual(
    [told[0]?.peer.uid, told[0]?.decision.allowed, told[0]?.decision.rule?.name],
    [uid, false, 'not we'],
  );
  gate.replaceAuthorize(allow);
  await get(path);
  assert.deepEqual([told.length, told[1]], [2, undefined]);
});

test('few are told at the same time, any more are closed at once', asAnyone, async t => {
  const told: Socket[] = [];
  const { path } = await openGate(t, () => assert.fail('nobody is let in'), {
    authorize: () => false,
    refuse: { handTo: socket => told.push(socket.resume()), connections: 2, ms: 60_000 },
  });
  const first = await dial(t, path);
  const second = await dial(t, path);
  await until(() => told.length === 2);
  assert.equal(await everything(await dial(t, path)), '');
  assert.deepEqual([first.closed, second.closed], [false, false]);
  first.destroy();
  await until(() => told[0]?.closed === true);
  await dial(t, path);
  await until(() => told.length === 3);
});

test('and not for long, whatever the server does', asAnyone, async t => {
  const { path } = await openGate(t, () => {}, {
    authorize: () => false,
    refuse: { handTo: socket => void socket.resume(), ms: 100 },
  });
  assert.equal(await everything(await dial(t, path)), '');
});

test('who ran into a limit is not told, unless that is wanted', asAnyone, async t => {
  const { path } = await openGate(t, (socket: Socket) => socket.resume().write('in'), {
    limits: { connections: 1 },
    refuse: { handTo: () => assert.fail('nobody is denied') },
  });
  await once(await dial(t, path), 'data');
  assert.equal(await everything(await dial(t, path)), '');
});

test(
  'a few of those who run into a limit are told so, and leave room for who is denied',
  asAnyone,
  async t => {
    let welcome = true;
    const told: [Socket, Limitation | undefined, Denial | undefined][] = [];
    const tell = (socket: Socket) => {
      told.push([socket.resume(), limitationOf(socket), denialOf(socket)]);
    };
    const { gate, path } = await openGate(t, (socket: Socket) => socket.resume().write('in'), {
      authorize: () => welcome,
      limits: { connectionsPerUid: 1 },
      refuse: { handTo: tell, limits: true, connections: 4, ms: 60_000 },
    });
    const first = await dial(t, path);
    await once(first, 'data');
    const began = performance.now();
    const limited = [await dial(t, path), await dial(t, path)];
    await until(() => told.length === 2);
    const [, limitation, denial] = told[0] ?? [];
    const uid = process.geteuid?.();
    assert.deepEqual(
      [limitation?.limit, limitation?.peer.uid, denial],
      ['connectionsPerUid', uid, undefined],
    );
    // Half of the places is theirs.
    assert.equal(await everything(await dial(t, path)), '');
    welcome = false;
    first.destroy();
    await until(() => gate.connections === 0);
    await dial(t, path);
    await until(() => told.length === 3);
    assert.deepEqual([told[2]?.[1], told[2]?.[2]?.decision.allowed], [undefined, false]);
    // A place that is free again is given again, but not without end in one second.
    welcome = true;
    await once(await dial(t, path), 'data');
    for (const client of limited) client.destroy();
    await until(() => told[0]?.[0].closed === true && told[1]?.[0].closed === true);
    const before = told.length;
    for (let index = 0; index < 100; index++) (await dial(t, path)).destroy();
    await until(() => told.length > before);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(told.length < 10 + 8 * seconds, `${told.length} were told in ${seconds} s`);
  },
);

test('closing the gate closes those that are being told', asAnyone, async t => {
  const told: Socket[] = [];
  const { gate, path } = await openGate(t, () => {}, {
    authorize: () => false,
    refuse: { handTo: socket => told.push(socket.resume()), ms: 60_000 },
  });
  const client = await dial(t, path);
  await until(() => told.length === 1);
  await gate.close();
  await everything(client);
});

test('a refusal without bounds is none', () => {
  for (const wrong of [{ connections: 0 }, { ms: 0 }, { ms: 0.5 }, { handTo: 1 as never }]) {
    const refuse = { handTo: () => {}, ...wrong };
    assert.throws(() => createGate({ authorize: () => false, refuse }), PeerTypeError);
  }
});
