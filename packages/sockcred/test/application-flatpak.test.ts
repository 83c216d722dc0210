/** Flatpak's own sandbox, and everything that may lie where its file lies. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PeerError } from 'sockcred';
import { type Claim, peerApplication } from 'sockcred/application';
import { peerProcess } from 'sockcred/process';
import { openDirectory } from './support/directories.js';
import { acceptFrom, openServer, start } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import {
  bubblewrapped,
  CLAIMS,
  emptyRoot,
  installFlatpakApplication,
  lacksFlatpakTests,
  recordInstance,
  rootWithClaims,
  SANDBOXED,
} from './support/sandboxes.js';

const inBubblewrap = { skip: needs('linux', 'root', 'bwrap', 'python3', 'setpriv') };
const withProxy = { skip: inBubblewrap.skip || needs('xdg-dbus-proxy', 'socat') };

const engines = { engines: ['flatpak'] } as const;

async function connectFrom(t: TestContext, root: string) {
  const { socket } = await acceptFrom(t, { before: bubblewrapped(root) });
  return socket;
}

test(
  'T55: a .flatpak-info that a user made themselves is that user’s word, and nothing enforces more',
  inBubblewrap,
  async t => {
    const root = rootWithClaims(t);
    const { claims } = peerApplication(await connectFrom(t, root), engines);
    const [claim] = claims as readonly [Claim];
    assert.equal(claim.engine, 'flatpak');
    assert.equal(claim.applicationId, 'org.evil.Claims');
    assert.equal(claim.instanceId, '4242');
    assert.deepEqual(claim.authority, { of: 'user', uid: SANDBOXED });
    assert.ok(claim.binding !== 'kernel');
    assert.equal(claim.instance, 'unconfirmed');
    assert.ok(!claim.containment.includes('seccomp'));
    assert.ok(claim.containment.includes('pid namespace'));
  },
);

test(
  'T53: anything but a regular file in its place stops the question, and nobody waits for it',
  inBubblewrap,
  async t => {
    const kinds: Readonly<Record<string, (path: string) => unknown>> = {
      fifo: path => spawnSync('/usr/bin/mkfifo', [path]),
      'symbolic link': path => symlinkSync('usr/share/common-licenses/GPL-3', path),
      'dangling link': path => symlinkSync('nowhere', path),
      directory: path => mkdirSync(path),
      'huge file': path => {
        writeFileSync(path, CLAIMS);
        truncateSync(path, 2 ** 40);
      },
      'file without a name': path => writeFileSync(path, '[Application]\n[Instance]\ninstance-id=1\n'),
      'empty file': path => writeFileSync(path, ''),
      'file with a NUL': path => writeFileSync(path, `${CLAIMS}\0`),
    };
    for (const [kind, make] of Object.entries(kinds)) {
      const root = emptyRoot(t);
      make(join(root, '.flatpak-info'));
      const socket = await connectFrom(t, root);
      assert.throws(
        () => peerApplication(socket, engines),
        (error: PeerError) => error.code === 'ERR_PEER_APPLICATION' && error.scope === 'connection',
        kind,
      );
      assert.ok(
        Array.isArray(peerApplication(socket, { engines: ['systemd'] }).claims),
        'others can be asked',
      );
    }
    const none = await connectFrom(t, emptyRoot(t));
    assert.deepEqual(peerApplication(none, engines).claims, [], 'no file at all is no Flatpak');
  },
);

test(
  'T32: a process whose first thread has ended is not taken for a program of the host',
  inBubblewrap,
  async t => {
    const root = rootWithClaims(t);
    const script = `
def rest():
    time.sleep(0.2)
    say('alone')
    time.sleep(1000)
threading.Thread(target=rest).start()
ctypes.CDLL(None).pthread_exit(None)`;
    const { socket, peer } = await acceptFrom(t, { before: bubblewrapped(root), script });
    try {
      await peer.line();
    } catch {
      t.skip('the interpreter does not survive its first thread');
      return;
    }
    try {
      const { claims } = peerApplication(socket, engines);
      assert.equal(claims[0]?.applicationId, 'org.evil.Claims');
    } catch (error) {
      assert.equal((error as PeerError).code, 'ERR_PEER_APPLICATION');
    }
  },
);

test('a server without the right to look says so, and never that there is nothing', inBubblewrap, async t => {
  const root = rootWithClaims(t);
  const socket = await connectFrom(t, root);
  const held = peerProcess(socket);
  t.after(() => held.close());
  process.seteuid?.(1234);
  try {
    assert.throws(
      () => peerApplication(held, engines),
      (error: PeerError) => error.code === 'ERR_PEER_APPLICATION' && /EACCES/.test(error.message),
    );
  } finally {
    process.seteuid?.(0);
  }
});

test(
  'T54: behind a bus proxy the peer is the proxy, told from its application by its namespaces',
  withProxy,
  async t => {
    const root = rootWithClaims(t);
    recordInstance(t, '4242', '{"child-pid": 1, "mnt-namespace": 1, "pid-namespace": 2, "net-namespace": 3}');
    const directory = openDirectory(t);
    const { next } = await openServer(t, `${directory}/bus`);
    const proxy = ['/usr/bin/xdg-dbus-proxy', `unix:path=${directory}/bus`, `${directory}/proxied`];
    start(t, [...bubblewrapped(root), ...proxy]);
    const client = 'until [ -S "$0" ]; do sleep 0.05; done; exec socat "UNIX-CONNECT:$0" -';
    const speaker = start(t, ['/bin/sh', '-c', client, `${directory}/proxied`]);
    speaker.stdin?.write('\0AUTH EXTERNAL\r\n');
    const socket = await next();
    const held = peerProcess(socket);
    t.after(() => held.close());
    const { executable } = held.describe();
    assert.ok(executable.known && executable.value.path.endsWith('/xdg-dbus-proxy'));
    assert.notEqual(held.pid, speaker.pid);
    const [claim] = peerApplication(socket, engines).claims;
    assert.equal(claim?.instance, 'other-namespaces');
    assert.ok(!claim?.containment.includes('seccomp'));
  },
);

const withFlatpak = { skip: inBubblewrap.skip || needs('flatpak', 'namespaces') || lacksFlatpakTests() };

/** What happens while Flatpak runs. */
function beforeEnd<T>(flatpak: ChildProcess, happens: Promise<T>): Promise<T> {
  const ended = once(flatpak, 'exit').then(() =>
    assert.fail('Flatpak ended before its application connected'),
  );
  ended.catch(() => {});
  return Promise.race([happens, ended]);
}

test(
  'a real Flatpak application is named, its instance confirmed, and what contains it is told',
  withFlatpak,
  async t => {
    const { run, env } = installFlatpakApplication(t);
    const directory = openDirectory(t);
    const { next } = await openServer(t, `${directory}/s`);
    const words = [
      `--filesystem=${directory}`,
      '--command=socat',
      'org.test.Hello',
      `UNIX-CONNECT:${directory}/s`,
      '-',
    ];
    const socket = await beforeEnd(start(t, run(words), env), next());
    const { claims } = peerApplication(socket);
    const [claim] = claims as readonly [Claim];
    assert.equal(claim.engine, 'flatpak');
    assert.equal(claim.applicationId, 'org.test.Hello');
    assert.equal(claim.instance, 'confirmed');
    const instances = readdirSync(`${env['XDG_RUNTIME_DIR']}/.flatpak`).filter(name => /^\d+$/.test(name));
    assert.ok(instances.includes(claim.instanceId ?? ''));
    assert.deepEqual(claim.authority, { of: 'user', uid: SANDBOXED }, 'confirmed by files of the same user');
    for (const held of ['seccomp', 'no-new-privileges', 'user namespace', 'pid namespace'] as const) {
      assert.ok(claim.containment.includes(held), held);
    }
    const status = peerProcess(socket);
    t.after(() => status.close());
    assert.match(
      status.read(files => files.text('status')),
      /^Seccomp:\t2$/m,
    );
    assert.match(readFileSync(`/proc/${status.pid}/status`, 'utf8'), /^CapEff:\t0+$/m);
  },
);

test('T54: behind Flatpak’s own bus proxy the peer is the proxy, told from the application it speaks for', {
  skip: withFlatpak.skip || needs('xdg-dbus-proxy'),
}, async t => {
  const { run, env } = installFlatpakApplication(t);
  const directory = openDirectory(t);
  const bus = await openServer(t, `${directory}/bus`);
  const direct = await openServer(t, `${directory}/direct`);
  const speak = `
socat -u "UNIX-CONNECT:${directory}/direct" - &
exec socat "UNIX-CONNECT:\${DBUS_SESSION_BUS_ADDRESS#unix:path=}" -`;
  const words = [`--filesystem=${directory}`, '--command=sh', 'org.test.Hello', '-c', speak];
  const flatpak = start(t, run(words, `unix:path=${directory}/bus`), env);
  flatpak.stdin?.write('\0AUTH EXTERNAL\r\n');
  // `flatpak run` comes first, from outside, with wishes of its own; it goes on without a bus.
  let socket: Socket;
  for (;;) {
    socket = await beforeEnd(flatpak, bus.next());
    const held = peerProcess(socket);
    t.after(() => held.close());
    const { executable } = held.describe();
    assert.ok(executable.known);
    if (executable.value.path === programPath('xdg-dbus-proxy')) break;
    assert.equal(executable.value.path, programPath('flatpak'));
    assert.deepEqual(peerApplication(socket, engines).claims, [], 'no application of Flatpak');
    socket.destroy();
  }
  const [ofApplication] = peerApplication(await beforeEnd(flatpak, direct.next())).claims;
  assert.equal(ofApplication?.applicationId, 'org.test.Hello');
  assert.equal(ofApplication.instance, 'confirmed');
  const [ofProxy] = peerApplication(socket, engines).claims;
  assert.equal(ofProxy?.applicationId, 'org.test.Hello', 'for whom it speaks');
  assert.equal(ofProxy.instanceId, ofApplication.instanceId);
  assert.equal(ofProxy.instance, 'other-namespaces', 'and that it is not the application itself');
  assert.ok(ofApplication.containment.includes('seccomp') && !ofProxy.containment.includes('seccomp'));
});
