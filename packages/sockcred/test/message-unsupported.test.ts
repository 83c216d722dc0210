/**
 * Systems whose kernels answer about peers and pass nothing with messages, as
 * macOS and OpenBSD: this kernel's files, with those instead that say so.
 */

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ownDirectory } from './support/peers.js';
import { runProgram } from './support/programs.js';
import { needs } from './support/requirements.js';

interface Build {
  compileAddon(sources: readonly string[], out: string): void;
}
interface NativeSystems {
  readonly native: string;
  addonSources(system: string): readonly string[];
  readonly systems: readonly string[];
}

const library = dirname(dirname(fileURLToPath(import.meta.url)));
const imported = (file: string): Promise<unknown> => import(join(library, file));

/** The files that know messages, by those of a system that has none. */
function withoutMessages({ addonSources, native }: NativeSystems): readonly string[] {
  const absent = addonSources('darwin').filter(file => /absent.(messages|readiness|wakeup)\.c$/.test(file));
  assert.equal(absent.length, 3);
  const known = /^(message_\w+|readiness_\w+|addon_wakeup)\.c$/;
  const others = addonSources('linux').filter(
    file => dirname(file) !== native || !known.test(basename(file)),
  );
  return [...others, ...absent];
}

test('macOS and OpenBSD have no files for messages', async () => {
  const { addonSources } = (await imported('native-systems.mjs')) as NativeSystems;
  for (const system of ['darwin', 'openbsd'])
    for (const file of addonSources(system)) assert.doesNotMatch(basename(file), /^(message|readiness)_/);
});

test('where nothing travels with messages, every way to receive says so, and leaves the connection as it is', {
  skip: needs('linux', 'cc'),
}, async t => {
  const copy = ownDirectory(t);
  cpSync(join(library, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(library, 'package.json'), join(copy, 'package.json'));
  const { compileAddon } = (await imported('build-native.mjs')) as Build;
  const sources = withoutMessages((await imported('native-systems.mjs')) as NativeSystems);
  compileAddon(sources, join(copy, 'prebuilds', `linux-${process.arch}`, 'sockcred.node'));
  const script = `
    import { connect, createServer } from 'node:net';
    import { once } from 'node:events';
    import { peerCredentials } from '${join(copy, 'dist', 'index.js')}';
    import * as messages from '${join(copy, 'dist', 'messages', 'index.js')}';
    const told = async call => {
      try { await call(); return 'no error'; } catch ({ code, scope }) { return code + ' ' + scope; }
    };
    const path = ${JSON.stringify(join(copy, 's'))};
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
      peer: peerCredentials(socket).pid === process.pid,
    };
    client.end('whole');
    let text = '';
    for await (const chunk of socket) text += chunk;
    console.log(JSON.stringify({ ...answers, text }));
    server.close();
  `;
  const run = runProgram(t, script);
  assert.equal(run.status, 0, run.stderr);
  const { peer, text, ...answers } = JSON.parse(run.stdout);
  assert.deepEqual([peer, text], [true, 'whole'], 'what is known of the peer is not touched by this');
  for (const [call, answer] of Object.entries(answers))
    assert.equal(answer, 'ERR_PEER_UNSUPPORTED daemon', call);
});
