/** Processes about which the kernel has more to say than anybody wants to read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerError } from 'sockcred';
import { peerApplication } from 'sockcred/application';
import { peerProcess } from 'sockcred/process';
import { acceptFrom } from './support/peers.js';
import { needs } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'python3') };

test('a command line of megabytes is told as far as its beginning, and said to be cut', asRoot, async t => {
  // Exec of the same program, with as many arguments as the stack's limit leaves room for.
  const script = `
import resource
os.set_inheritable(s.fileno(), True)
resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, resource.RLIM_INFINITY))
more = ['x' * 100000] * 60
os.execv('/usr/bin/python3', ['python3', '-c', 'import sys; print("long", flush=True); sys.stdin.readline()'] + more)`;
  const { socket, peer } = await acceptFrom(t, { script });
  assert.equal(await peer.line(), 'long');
  const held = peerProcess(socket);
  t.after(() => held.close());
  const { commandLine, commandLineCut, executable } = held.describe();
  assert.equal(commandLineCut, true);
  assert.ok(commandLine.known && executable.known);
  assert.deepEqual(commandLine.value.slice(0, 2), ['python3', '-c']);
  assert.equal(commandLine.value.join(' ').length, 256 * 1024);
  assert.throws(
    () => held.read(files => files.bytes('cmdline')),
    (error: PeerError) => error.code === 'ERR_PEER_PROCESS' && error.scope === 'connection',
  );
  assert.ok(Array.isArray(peerApplication(socket).claims));
});

test('T19: a process in 65536 groups is described and told in full', asRoot, async t => {
  const script = `
os.setgroups(range(1000000000, 1000065536))
say('many')`;
  const { socket, peer } = await acceptFrom(t, { script });
  assert.equal(await peer.line(), 'many');
  const held = peerProcess(socket);
  t.after(() => held.close());
  const { groups, capabilities } = held.now();
  assert.ok(groups.known && capabilities.known);
  // All of them, and the effective one.
  assert.equal(groups.value.length, 65537);
  assert.ok(held.describe().confinement.known);
  assert.ok(held.drift().some(({ what }) => what === 'groups'));
  assert.ok(Array.isArray(peerApplication(socket).claims));
  assert.throws(
    () => held.read(files => files.text('status', 4096)),
    (error: PeerError) => error.code === 'ERR_PEER_PROCESS',
  );
});
