/** The relay of systems whose kernel has none: streams, each way with its own end, and held back by who does not read. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { sameUserOnly } from 'sockcred/authorization';
import { readProxyHeader } from 'sockcred/forwarding';
import { createGate } from 'sockcred/gate';
import { needs } from '../../sockcred/build/support/requirements.js';
import { Journal } from '../dist/guard/records/journal.js';
import { GuardMetrics } from '../dist/guard/records/metrics.js';
import { PipeService } from '../dist/guard/services/pipe-service.js';
import { connection } from './support/clients.js';
import { ownDirectory } from './support/directories.js';
import { paths, server } from './support/guards.js';
import { assertBothWays, takenFrom } from './support/relayed.js';

const onLinux = { skip: needs('linux') };
let serial = 0;

/** A gate in this process, with the service behind it; what it wrote, and its end. */
async function piping(t: TestContext, front: string, behind: string, proxyProtocol = false) {
  const name = `pipe test ${++serial}`;
  const journal = new Journal(name, new GuardMetrics(() => 0), assert.ifError);
  const written: {
    event: string;
    reason?: string;
    code?: string;
    toServer?: number;
    toClient?: number;
  }[] = [];
  journal.writeTo({
    write: (event, facts) => void written.push({ event, ...facts() }),
    isWritable: () => true,
    reopen() {},
  });
  const service = new PipeService({ to: { path: behind }, asPeer: false, proxyProtocol }, journal);
  const gate = createGate({ name, authorize: sameUserOnly() });
  service.takeFrom(gate);
  await gate.listen(front);
  t.after(async () => {
    service.cut();
    await gate.close({ graceMs: 0 });
    journal.close();
  });
  return { service, written };
}

test('bytes arrive as they were sent, both ways at once, and each way ends by itself', onLinux, async t => {
  const way = paths(ownDirectory(t));
  const { service, written } = await piping(t, way.front, way.behind);
  const { toServer, toClient } = await assertBothWays(t, way);
  await service.empty();
  const ended = written.find(({ event }) => event === 'ended');
  assert.deepEqual([ended?.reason, ended?.toServer, ended?.toClient], ['closed', toServer, toClient]);
});

test('a server that reads nothing holds the client back', onLinux, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, socket => socket.pause());
  await piping(t, front, behind);
  const taken = await takenFrom(await connection(t, front));
  assert.ok(taken < 4 << 20, `${taken} bytes were taken though nobody reads them`);
});

test('who goes away takes the other one along', onLinux, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, socket => {
    socket.resume();
    socket.write('x');
    // Nobody can tell half an end from a whole one before there is something to write.
    socket.on('end', () => socket.write('still there?'));
  });
  const { service } = await piping(t, front, behind);
  const client = await connection(t, front);
  await once(client, 'data');
  client.destroy();
  await service.empty();
});

test('a PROXY header comes before the first byte', onLinux, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, async socket => {
    const { forwarded } = await readProxyHeader(socket, { from: sameUserOnly() });
    socket.write(`${forwarded?.peer.uid} `);
    socket.pipe(socket);
  });
  await piping(t, front, behind, true);
  const client = await connection(t, front, { allowHalfOpen: true });
  client.end('hello');
  assert.equal(String(await buffer(client)), `${process.getuid?.()} hello`);
});

test('a server that is not there costs the connection, and cut() ends the rest', onLinux, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const { service, written } = await piping(t, front, behind);
  const client = await connection(t, front);
  await new Promise(closed => client.once('close', closed));
  assert.equal(written.find(({ event }) => event === 'unserved')?.code, 'ENOENT');
  let breaks = false;
  await server(t, behind, socket => {
    socket.write('x');
    const look = setInterval(() => {
      if (breaks) socket.destroy();
    }, 10);
    socket.on('close', () => clearInterval(look));
  });
  const other = await connection(t, front);
  await once(other, 'data');
  const gone = new Promise(closed => other.once('close', closed));
  service.cut();
  await gone;
  await service.empty();
  // A server behind that is gone, to which somebody goes on writing.
  const broken = await connection(t, front, { allowHalfOpen: true });
  await once(broken, 'data');
  breaks = true;
  const writing = setInterval(() => broken.write('never read'), 10);
  await new Promise(closed => broken.resume().once('close', closed));
  clearInterval(writing);
  await service.empty();
  assert.deepEqual(
    written.filter(({ event }) => event === 'ended').map(({ reason }) => reason),
    ['unserved', 'cut', 'error'],
  );
});
