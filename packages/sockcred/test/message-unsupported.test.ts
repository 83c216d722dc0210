/**
 * Systems whose kernels answer about peers and pass nothing with messages, as
 * macOS and OpenBSD: this kernel's files, with those instead that say so. Once
 * with a set to wait in, as these have, and once without.
 */

import assert from 'node:assert/strict';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { ownDirectory } from './support/directories.js';
import { libraryOf, nativeSystems } from './support/other-core.js';
import { runProgram } from './support/programs.js';
import { needs } from './support/requirements.js';

const { native, addonSources } = nativeSystems;

/** The files that know messages, and a set to wait in if that is left out too, by those of a system that has none. */
function withoutMessages(set: boolean): readonly string[] {
  const absent = addonSources('none').filter(file =>
    (set ? /absent.messages\.c$/ : /absent.(messages|readiness|wakeup)\.c$/).test(file),
  );
  assert.equal(absent.length, set ? 1 : 3);
  const known = set ? /^message_\w+\.c$/ : /^(message_\w+|readiness_\w+|addon_wakeup)\.c$/;
  const others = addonSources('linux').filter(
    file => dirname(file) !== native || !known.test(basename(file)),
  );
  return [...others, ...absent];
}

test('macOS and OpenBSD have no files for messages', () => {
  for (const system of ['darwin', 'openbsd'])
    for (const file of addonSources(system)) assert.doesNotMatch(basename(file), /^message_/);
});

for (const set of [true, false])
  test(`where nothing travels with messages, every way to receive says so, and leaves the connection as it is; ${set ? 'with' : 'without'} a set to wait in`, {
    skip: needs('linux', 'cc'),
  }, t => {
    const library = libraryOf(t, withoutMessages(set));
    const script = `
    import { connect, createServer } from 'node:net';
    import { once } from 'node:events';
    import { peerCredentials } from '${join(library, 'index.js')}';
    import * as messages from '${join(library, 'messages', 'index.js')}';
    import { createGate } from '${join(library, 'gate', 'index.js')}';
    const told = async call => {
      try { await call(); return 'no error'; } catch ({ code, scope }) { return code + ' ' + scope; }
    };
    const path = ${JSON.stringify(join(ownDirectory(t), 's'))};
    const server = createServer({ pauseOnConnect: true }).listen(path);
    await once(server, 'listening');
    const client = connect(path);
    const [socket] = await once(server, 'connection');
    server.on('connection', other => other.destroy());
    const answers = {
      first: await told(() => messages.firstMessageCredentials(socket)),
      listener: await told(() => messages.credentialListener(createServer(), path + 'l')),
      stream: await told(() => messages.UnixStream.connect(path)),
      pair: await told(() => messages.UnixStream.pair()),
      server: await told(() => new messages.UnixStreamServer().listen(path + 't')),
      datagram: await told(() => messages.UnixDatagramSocket.bound(path + 'd')),
      sending: await told(() => messages.UnixDatagramSocket.open()),
      seqpacket: await told(() => new messages.UnixSeqpacketServer().listen(path + 'q')),
      credentials: await told(() => messages.sendCredentials(socket)),
      fds: await told(() => messages.sendFds(socket, [0])),
      descriptors: await told(() => createGate({ authorize: () => true }).handDescriptorsTo(() => {})),
      peer: peerCredentials(socket).pid === process.pid,
    };
    client.end('whole');
    let text = '';
    for await (const chunk of socket) text += chunk;
    const gate = createGate({ authorize: () => true }).handTo(createServer(guest => guest.end('in')));
    await gate.listen(path + 'g');
    let gated = '';
    for await (const chunk of connect(path + 'g')) gated += chunk;
    await gate.close();
    console.log(JSON.stringify({ ...answers, text, gated }));
    server.close();
  `;
    const run = runProgram(t, script);
    assert.equal(run.status, 0, run.stderr);
    const { peer, text, gated, ...answers } = JSON.parse(run.stdout);
    assert.deepEqual([peer, text], [true, 'whole'], 'what is known of the peer is not touched by this');
    assert.equal(gated, 'in', 'a gate lets a net.Server accept');
    for (const [call, answer] of Object.entries(answers))
      assert.equal(answer, 'ERR_PEER_UNSUPPORTED daemon', call);
  });
