/** What lies in a root directory or is a program of a user's choice: nothing of it is opened blindly, nobody is waited for. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PeerError } from 'sockcred';
import { peerApplication } from 'sockcred/application';
import { peerProcess } from 'sockcred/process';
import { typeOfMount } from '../dist/sys/foreign-file.js';
import { openDirectory } from './support/directories.js';
import { lacksFuse, muteFuse } from './support/mute-fuse.js';
import { acceptFrom } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import {
  bubblewrapped,
  CLAIMS,
  emptyRoot,
  recordInstance,
  rootWithClaims,
  SANDBOXED,
} from './support/sandboxes.js';

const inBubblewrap = { skip: needs('linux', 'root', 'bwrap', 'python3', 'setpriv') };
const withFuse = { skip: needs('linux', 'root', 'python3', 'setpriv', 'namespaces') || lacksFuse() };
const inBubblewrapWithFuse = { skip: inBubblewrap.skip || withFuse.skip };
const engines = { engines: ['flatpak'] } as const;

const refused = (reason: RegExp) => (error: PeerError) =>
  error.code === 'ERR_PEER_APPLICATION' && error.scope === 'connection' && reason.test(error.message);

test('T53: a device is not opened, and a file of the kernel’s making is not read', inBubblewrap, async t => {
  const odd: readonly (readonly [string, string, RegExp])[] = [
    ['--dev-bind', '/dev/null', /no regular file/],
    ['--dev-bind', '/dev/net/tun', /no regular file/],
    ['--ro-bind', '/proc/version', /is on proc/],
    ['--ro-bind', '/proc/sys/kernel/random/uuid', /is on proc/],
    ['--ro-bind', '/sys/kernel/mm/transparent_hugepage/enabled', /is on sysfs/],
  ];
  for (const [option, path, reason] of odd) {
    const root = emptyRoot(t);
    writeFileSync(join(root, '.flatpak-info'), '');
    const before = bubblewrapped(root, option, path, '/.flatpak-info');
    const { socket } = await acceptFrom(t, { before });
    assert.throws(() => peerApplication(socket, engines), refused(reason), path);
  }
});

test('T53: a terminal in its place is not opened', inBubblewrap, async t => {
  const script = `
import pty
main, other = pty.openpty()
name = os.ttyname(other)
libc = ctypes.CDLL(None)
notices = libc.inotify_init1(os.O_NONBLOCK)
def opened():
    try: return len(os.read(notices, 4096)) // 16
    except BlockingIOError: return 0
libc.inotify_add_watch(notices, name.encode(), 0x20)
libc.unshare(0x20000)
libc.mount(None, b'/', None, 0x44000, None)
libc.mount(name.encode(), sys.argv[2].encode(), None, 0x1000, None)
os.close(os.open(sys.argv[2], os.O_RDWR | os.O_NOCTTY))
say(opened())
os.chroot(os.path.dirname(sys.argv[2]))
hear()
say(opened())`;
  const root = emptyRoot(t);
  const info = join(root, '.flatpak-info');
  writeFileSync(info, '');
  const { socket, peer } = await acceptFrom(t, { script, more: [info] });
  assert.equal(await peer.line(), '1', 'an opening is noticed');
  assert.throws(() => peerApplication(socket, engines), refused(/no regular file/));
  peer.tell('look');
  assert.equal(await peer.line(), '0');
});

test('T53: a file of a user’s own file system is neither opened nor asked', inBubblewrapWithFuse, async t => {
  const root = emptyRoot(t);
  const source = join(openDirectory(t), 'info');
  writeFileSync(source, CLAIMS);
  const fuse = muteFuse(t, 'file', join(root, '.flatpak-info'), source);
  const { socket } = await acceptFrom(t, { before: [...fuse.before, ...bubblewrapped(root)] });
  fuse.silence();
  assert.throws(() => peerApplication(socket, engines), refused(/is on fuse/));
  assert.deepEqual(fuse.asked(), []);
});

test(
  'T53: a root directory on a user’s own file system is not looked into, and is no Flatpak',
  withFuse,
  async t => {
    const fuse = muteFuse(t, 'directory', join(openDirectory(t), 'root'));
    const script = `os.chroot(sys.argv[2])\nsay('there')`;
    const { socket, peer } = await acceptFrom(t, { before: fuse.before, script, more: [fuse.target] });
    assert.equal(await peer.line(), 'there');
    fuse.silence();
    assert.deepEqual(peerApplication(socket, engines).claims, []);
    assert.deepEqual(fuse.asked(), []);
  },
);

test('T53: nor is one that lets nobody else look into it', withFuse, async t => {
  const fuse = muteFuse(t, 'directory', join(openDirectory(t), 'root'), '', { owner: SANDBOXED });
  const script = `os.chroot(sys.argv[2])\nsay('there')`;
  const ids = [`--reuid=${SANDBOXED}`, `--regid=${SANDBOXED}`, '--clear-groups'];
  const kept = ['--inh-caps=+sys_chroot', '--ambient-caps=+sys_chroot'];
  const before = [...fuse.before, programPath('setpriv'), ...ids, ...kept];
  const { socket, peer } = await acceptFrom(t, { before, script, more: [fuse.target] });
  assert.equal(await peer.line(), 'there');
  fuse.silence();
  assert.deepEqual(peerApplication(socket, engines).claims, []);
  assert.deepEqual(fuse.asked(), []);
});

test('T53: nor is an overlay that a user made of one', withFuse, async t => {
  const directory = openDirectory(t);
  const fuse = muteFuse(t, 'directory', join(directory, 'lower'));
  const [empty, over] = ['empty', 'over'].map(name => join(directory, name)) as [string, string];
  for (const path of [empty, over]) mkdirSync(path);
  const script = `
options = f'lowerdir={sys.argv[2]}:{sys.argv[3]}'.encode()
if ctypes.CDLL(None).mount(b'overlay', sys.argv[4].encode(), b'overlay', 0, options) != 0: say('no overlay')
else:
    os.chroot(sys.argv[4])
    say('there')`;
  const before = [programPath('unshare'), '--user', '--map-root-user', ...fuse.before];
  const { socket, peer } = await acceptFrom(t, { before, script, more: [fuse.target, empty, over] });
  if ((await peer.line()) !== 'there') {
    t.skip('needs overlays in user namespaces: Linux 5.11');
    return;
  }
  fuse.silence();
  assert.deepEqual(peerApplication(socket, engines).claims, []);
  assert.deepEqual(fuse.asked(), []);
});

test('a program on a user’s own file system is told, and the file system is not asked', withFuse, async t => {
  const fuse = muteFuse(t, 'program', join(openDirectory(t), 'program'), '/usr/bin/python3');
  const { socket } = await acceptFrom(t, { before: fuse.before });
  fuse.silence();
  const held = peerProcess(socket);
  t.after(() => held.close());
  const { executable } = held.describe();
  assert.ok(executable.known);
  assert.equal(executable.value.path, fuse.target);
  assert.equal(executable.value.inode, 1n);
  assert.equal(executable.value.deleted, false);
  assert.deepEqual(held.drift(), []);
  assert.ok(held.now().ids.known);
  assert.ok(Array.isArray(peerApplication(socket).claims));
  assert.deepEqual(fuse.asked(), []);
});

test(
  'an instance record is read on the run directory’s own file system only',
  inBubblewrapWithFuse,
  async t => {
    const root = rootWithClaims(t);
    const { socket, peer } = await acceptFrom(t, { before: bubblewrapped(root) });
    const held = peerProcess(socket);
    t.after(() => held.close());
    const { namespaces } = held.describe();
    assert.ok(namespaces.known && peer.child.pid !== undefined);
    const { mnt, pid } = namespaces.value;
    recordInstance(t, '4242', JSON.stringify({ 'mnt-namespace': mnt, 'pid-namespace': pid }));
    assert.equal(peerApplication(socket, engines).claims[0]?.instance, 'confirmed');
  },
);

test('the type of a mount is found by its number', () => {
  const text = readFileSync('/proc/self/mountinfo', 'latin1');
  for (const line of text.split('\n').slice(0, -1)) {
    const [number = ''] = line.split(' ');
    assert.equal(typeOfMount(text, Number(number)), line.split(' - ')[1]?.split(' ')[0]);
  }
  const two = '12 1 0:2 / / rw master:1 - tmpfs - rw\n3 12 0:5 / /a\\040-\\040b rw - fuse.x y rw\n';
  assert.equal(typeOfMount(two, 12), 'tmpfs');
  assert.equal(typeOfMount(two, 3), 'fuse.x');
  assert.equal(typeOfMount(two, 2), undefined);
  assert.equal(typeOfMount('', 2), undefined);
});
