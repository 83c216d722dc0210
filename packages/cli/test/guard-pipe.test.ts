/** The relay of systems whose kernel has none: streams, each way with its own end, and held back by who does not read. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { sameUserOnly } from 'sockcred/authorization';
import { readProxyHeader } from 'sockcred/forwarding';
import { createGate } from 'sockcred/gate';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { Journal } from '../dist/guard/records/journal.js';
import { GuardMetrics } from '../dist/guard/records/metrics.js';
import { PipeService } from '../dist/guard/services/pipe-service.js';
import { upstreamCheck, type Verify } from '../dist/guard/services/upstream-owner.js';
import { connection } from './support/clients.js';
import { ownDirectory } from './support/directories.js';
import { paths, server } from './support/guards.js';
import { assertBothWays, takenFrom } from './support/relayed.js';

const onLinux = { skip: needs('linux') };
let serial = 0;

/** A gate in this process, with the service behind it; what it wrote, and its end. */
async function piping(
  t: TestContext,
  front: string,
  behind: string,
  { proxyProtocol = false, verify }: { proxyProtocol?: boolean; verify?: Verify } = {},
) {
  const name = `pipe test ${++serial}`;
  const journal = new Journal(name, new GuardMetrics(() => 0), assert.ifError);
  const written: {
    event: string;
    reason?: string;
    code?: string;
    message?: string;
    toServer?: number;
    toClient?: number;
  }[] = [];
  journal.writeTo({
    write: (event, facts) => void written.push({ event, ...facts() }),
    isWritable: () => true,
    reopen() {},
  });
  const service = new PipeService({ to: { path: behind }, asPeer: false, proxyProtocol, verify }, journal);
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
  await piping(t, front, behind, { proxyProtocol: true });
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

for (const proxyProtocol of [false, true]) {
  test(`T38: who took the path first is sent nothing by streams${proxyProtocol ? ', no header either' : ''}`, {
    skip: needs('linux', 'root', 'python3', 'setpriv'),
  }, async t => {
    const directory = ownDirectory(t, 0o1777);
    const { front, behind } = paths(directory);
    const squatter = python(
      t,
      `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen()
say('ready')
connection, _ = s.accept()
connection.settimeout(30)
try: say(len(connection.recv(4096)))
except ConnectionResetError: say(0)
hear()`,
      { uid: 3002, gid: 3002, groups: [], args: [behind] },
    );
    assert.equal(await squatter.line(), 'ready');
    const { written } = await piping(t, front, behind, { proxyProtocol, verify: upstreamCheck('root') });
    const client = await connection(t, front);
    client.on('error', () => {});
    client.write('a secret');
    await new Promise(closed => client.once('close', closed));
    assert.equal(await squatter.line(), '0');
    const unserved = written.find(({ event }) => event === 'unserved');
    assert.equal(unserved?.code, 'ERR_PEER_REFUSED');
    assert.match(unserved?.message ?? '', /uid 3002/);
    squatter.child.kill();
    await squatter.exited;
    rmSync(behind);
    await server(t, behind, socket => socket.pipe(socket));
    const served = await connection(t, front, { allowHalfOpen: true });
    served.end('hello');
    const said = String(await buffer(served));
    assert.ok(said.endsWith('hello') && (proxyProtocol || said === 'hello'), said);
  });
}
