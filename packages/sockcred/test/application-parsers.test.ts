/** The pure half of the application room: lines and names of every runtime, and whatever else may stand there. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { securityContext } from 'sockcred/application';
import { namedCgroup, parseCgroupLines, pathSegments } from '../dist/application/cgroup-lines.js';
import { containerNames } from '../dist/application/container-name.js';
import {
  isApplicationId,
  parseFlatpakInfo,
  parseSandboxNamespaces,
} from '../dist/application/flatpak-info.js';
import { snapOfCgroup, snapOfProfile } from '../dist/application/snap-name.js';
import { applicationOf, unescapeUnit, unitNames } from '../dist/application/unit-name.js';
import { namespaceNumber } from '../dist/process/description.js';
import { parseStartTime, parseStatus } from '../dist/process/status-text.js';
import { parseMounts } from '../dist/sys/cgroup-tree.js';

const ID = '3f4e'.repeat(16);
const OTHER = '09ab'.repeat(16);
const POD = '2a3b4c5d-1111-2222-3333-444455556666';
const UUID = '0b3f9a9e-7a52-4a0e-8a67-0c1d2e3f4a5b';

const segmentsOf = (path: string) => pathSegments(path).segments;
const containersAt = (path: string) =>
  containerNames(segmentsOf(path)).map(({ runtime, id, podId }) => [runtime, id, ...(podId ? [podId] : [])]);

test('T56: every runtime’s names are its own, the innermost first, and helpers are none', () => {
  const rows: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    [`/system.slice/docker-${ID}.scope`, [['docker', ID]]],
    [`/docker/${ID}`, [['docker', ID]]],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
      [['containerd', ID, POD]],
    ],
    [`/kubepods/besteffort/pod${POD}/${ID}`, [['kubernetes', ID, POD]]],
    [
      `/system.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice:cri-containerd:${ID}`,
      [['containerd', ID, POD]],
    ],
    [`/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/crio-${ID}.scope`, [['cri-o', ID, POD]]],
    [`/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/crio-conmon-${ID}.scope`, []],
    [`/machine.slice/libpod-${ID}.scope/container`, [['podman', ID]]],
    [`/machine.slice/libpod-conmon-${ID}.scope`, []],
    [`/libpod_parent/libpod-${ID}`, [['podman', ID]]],
    [
      `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
      [['podman', ID]],
    ],
    [`/system.slice/nerdctl-${ID}.scope`, [['nerdctl', ID]]],
    ['/lxc.payload.web-1/system.slice/nginx.service', [['lxc', 'web-1']]],
    ['/lxc.monitor.web-1', []],
    ['/lxc/web-1', [['lxc', 'web-1']]],
    ['/machine.slice/systemd-nspawn@deb\\x2d12.service/payload', [['systemd-nspawn', 'deb-12']]],
    ['/machine.slice/machine-deb\\x2d12.scope', [['machined', 'deb-12']]],
    ['/machine.slice/machine-qemu\\x2d1\\x2dweb.scope', [['libvirt', 'qemu-1-web']]],
    [
      `/docker/${OTHER}/kubelet/kubepods/pod${POD}/${ID}`,
      [
        ['kubernetes', ID, POD],
        ['docker', OTHER],
      ],
    ],
    [`/system.slice/docker-${ID}.scope.d`, []],
    [`/system.slice/xdocker-${ID}.scope`, []],
    [`/system.slice/docker-${ID.slice(1)}.scope`, []],
    [`/system.slice/docker-${ID.toUpperCase()}.scope`, []],
    [`/${ID}`, []],
    ['/user.slice/user-1000.slice/session-3.scope', []],
  ];
  for (const [path, expected] of rows) assert.deepEqual(containersAt(path), expected, path);
});

test('units, slices, sessions and applications of the desktop are told by their names', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, unknown>> | undefined])[] = [
    ['/system.slice/nginx.service', { unit: 'nginx.service', unitAt: 1, slice: 'system.slice' }],
    ['/init.scope', { unit: 'init.scope', unitAt: 0 }],
    [
      '/system.slice/system-getty.slice/getty@tty1.service',
      { unit: 'getty@tty1.service', unitAt: 2, unitInstance: 'tty1', slice: 'system-getty.slice' },
    ],
    [
      '/user.slice/user-1000.slice/session-3.scope',
      { unit: 'session-3.scope', unitAt: 2, slice: 'user-1000.slice', session: '3', slicedUid: 1000 },
    ],
    [
      '/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-org.example.App-4211.scope',
      {
        unit: 'user@1000.service',
        unitAt: 2,
        userUnit: 'app-gnome-org.example.App-4211.scope',
        userUnitAt: 4,
        slice: 'app.slice',
        slicedUid: 1000,
        applicationId: 'org.example.App',
      },
    ],
    [
      '/user.slice/user-1000.slice/user@1000.service',
      {
        unit: 'user@1000.service',
        unitAt: 2,
        unitInstance: '1000',
        slice: 'user-1000.slice',
        slicedUid: 1000,
      },
    ],
    [
      '/system.slice/fsck@dev-disk-by\\x2duuid-0\\x2d1.service',
      {
        unit: 'fsck@dev-disk-by\\x2duuid-0\\x2d1.service',
        unitAt: 1,
        unitInstance: 'dev-disk-by-uuid-0-1',
        slice: 'system.slice',
      },
    ],
    ['/system.slice/bad@\\x2.service', { unit: 'bad@\\x2.service', unitAt: 1, slice: 'system.slice' }],
    ['/user.slice', { slice: 'user.slice' }],
    ['/', undefined],
    ['/docker/abc', undefined],
    ['/nginx', undefined],
  ];
  for (const [path, expected] of rows) assert.deepEqual(unitNames(segmentsOf(path)), expected, path);
  const applications: readonly (readonly [string, string | undefined])[] = [
    ['app-gnome-org.example.App-4211.scope', 'org.example.App'],
    ['app-org.example.App-4211.scope', 'org.example.App'],
    ['app-flatpak-org.example.App-2147483647.scope', 'org.example.App'],
    ['app-org.example.My\\x2dApp-4211.scope', 'org.example.My-App'],
    ['app-gnome-org.example.App@1.service', 'org.example.App'],
    ['app-org.example.App@autostart.service', 'org.example.App'],
    ['app-org.example.App.service', 'org.example.App'],
    ['app-example-autostart.service', 'example'],
    ['app-a-b-c-d.scope', undefined],
    ['app-x.scope', undefined],
    ['app-a\\x0ab-1.scope', undefined],
    ['org.example.App.service', undefined],
  ];
  for (const [unit, expected] of applications) assert.equal(applicationOf(unit), expected, unit);
  assert.equal(unescapeUnit('a\\x2db\\xc3\\xa9'), 'a-bé');
  for (const broken of ['a\\', 'a\\x2', 'a\\n', 'a\\xff', 'a\\x2D'])
    assert.equal(unescapeUnit(broken), undefined, broken);
});

test('T50, T52: a snap is told by a whole profile or scope name, and by no part of one', () => {
  assert.deepEqual(snapOfProfile('snap.hello.world'), { instance: 'hello', app: 'world' });
  assert.deepEqual(snapOfProfile('snap.hello_two.hook.install'), {
    instance: 'hello_two',
    app: 'hook.install',
  });
  assert.deepEqual(snapOfCgroup(`snap.firefox.firefox-${UUID}.scope`), {
    instance: 'firefox',
    app: 'firefox',
  });
  assert.deepEqual(snapOfCgroup(`snap.a.hook.configure.${UUID}.scope`), {
    instance: 'a',
    app: 'hook.configure',
  });
  assert.deepEqual(snapOfCgroup('snap.hello-world.daemon-x.service'), {
    instance: 'hello-world',
    app: 'daemon-x',
  });
  for (const none of [
    'snap.x',
    'snap..y',
    'xsnap.a.b',
    'snap.a.b.c',
    'snap.A.b',
    'snap.a.b//c',
    'snap.a.b\n',
  ]) {
    assert.equal(snapOfProfile(none), undefined, none);
  }
  for (const none of ['snap.a.b.scope', `/snap.a.b-${UUID}.scope`, 'a.snap.b.service', 'snap.a.b.mount']) {
    assert.equal(snapOfCgroup(none), undefined, none);
  }
});

test('a label of Smack is one only where the module is known', () => {
  assert.deepEqual({ ...securityContext('Client', 'smack') }, { module: 'smack', name: 'Client' });
  assert.deepEqual({ ...securityContext('unconfined', 'smack') }, { module: 'smack', name: 'unconfined' });
  for (const text of ['-a', 'a/b', 'a b', 'a"b', "a'b", 'a\\b', '', 'x'.repeat(256)]) {
    assert.deepEqual({ ...securityContext(text, 'smack') }, { module: 'other', text }, text);
  }
});

test('T50: labels of AppArmor and SELinux are taken apart, others are left whole', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['/usr/bin/x (enforce)', { module: 'apparmor', profiles: ['/usr/bin/x'], mode: 'enforce' }],
    ['snap.hello.world (complain)', { module: 'apparmor', profiles: ['snap.hello.world'], mode: 'complain' }],
    ['unconfined', { module: 'apparmor', profiles: [] }],
    ['a//&b (enforce)', { module: 'apparmor', profiles: ['a', 'b'], mode: 'enforce' }],
    [
      'system_u:system_r:sshd_t:s0-s0:c0.c1023',
      { module: 'selinux', user: 'system_u', role: 'system_r', type: 'sshd_t', level: 's0-s0:c0.c1023' },
    ],
    ['user_u:user_r:user_t', { module: 'selinux', user: 'user_u', role: 'user_r', type: 'user_t' }],
    ['_', { module: 'other', text: '_' }],
    ['a (enforce) b', { module: 'other', text: 'a (enforce) b' }],
  ];
  for (const [text, expected] of rows) assert.deepEqual({ ...securityContext(text) }, expected, text);
});

test('the hierarchy whose names tell most is taken, and disagreement is not settled', () => {
  const named = (text: string) => namedCgroup(parseCgroupLines(text) ?? []);
  assert.deepEqual(named('0::/a/b\n'), { controller: '', path: '/a/b', deleted: false });
  assert.deepEqual(named('0::/a (deleted)\n'), { controller: '', path: '/a', deleted: true });
  assert.deepEqual(named('9:name=systemd:/a\n8:pids:/b\n0::/\n'), {
    controller: 'name=systemd',
    path: '/a',
    deleted: false,
  });
  assert.deepEqual(named('9:name=systemd:/\n8:cpu,cpuacct:/b\n0::/\n'), {
    controller: 'cpu',
    path: '/b',
    deleted: false,
  });
  assert.equal(named('9:memory:/a\n8:pids:/b\n0::/\n'), 'ambiguous');
  assert.deepEqual(named('0::/\n'), { controller: '', path: '/', deleted: false });
  assert.deepEqual(named('3:cpu:/a:b (deleted)\n'), {
    controller: 'cpu',
    path: '/a:b (deleted)',
    deleted: false,
  });
  assert.equal(named(''), undefined);
  for (const broken of ['0:/a', 'x::/a', '0::a', '1::/a', '0::/a\nnonsense']) {
    assert.equal(parseCgroupLines(broken), undefined, broken);
  }
  assert.deepEqual(pathSegments('/../../x'), { segments: ['x'], outside: true });
});

test('T56: a container that only systemd’s own hierarchy names is not overlooked, and no other hierarchy counts', () => {
  const named = (text: string) => {
    const found = namedCgroup(parseCgroupLines(text) ?? []);
    return found === 'ambiguous' ? found : found?.controller;
  };
  const scope = `/system.slice/docker-${ID}.scope`;
  assert.equal(named(`9:name=systemd:/docker/${ID}\n0::/system.slice/containerd.service\n`), 'name=systemd');
  assert.equal(named(`9:name=systemd:/docker/${ID}\n0::${scope}\n`), '', 'the same one under another name');
  assert.equal(named(`9:name=systemd:/docker/${OTHER}/docker/${ID}\n0::/docker/${ID}\n`), 'name=systemd');
  assert.equal(named(`9:name=systemd:/docker/${OTHER}\n0::/docker/${OTHER}/docker/${ID}\n`), '');
  assert.equal(named(`9:name=systemd:/user.slice\n0::${scope}\n`), '');
  assert.equal(named(`9:freezer:/user/alice/0/docker/${ID}\n0::/user.slice/session-3.scope\n`), '');
});

test('T53: .flatpak-info is read whole or not at all', () => {
  const read = (text: string) => parseFlatpakInfo(new TextEncoder().encode(text));
  const good =
    '[Application]\nname=org.test.Hello\nruntime=runtime/org.test.Platform/x86_64/master\n\n[Instance]\ninstance-id=123\n';
  assert.deepEqual(read(good), { applicationId: 'org.test.Hello', instanceId: '123', isRuntime: false });
  assert.deepEqual(read('# a\n[Runtime]\nname = org.test.Platform\n[Instance]\ninstance-id=7\n'), {
    applicationId: 'org.test.Platform',
    instanceId: '7',
    isRuntime: true,
  });
  for (const wrong of [
    '',
    good.replace('name=org.test.Hello\n', ''),
    good.replace('org.test.Hello', 'Hello'),
    good.replace('org.test.Hello', 'org.test.Hello\nname=org.other.App'),
    good.replace('org.test.Hello', 'org.test.He/../llo'),
    good.replace('instance-id=123', 'instance-id=../../x'),
    good.replace('instance-id=123', ''),
    `${good}[Application]\nname=org.other.App\n`,
    `${good}\0`,
    `name=org.x.y\n${good}`,
    good.replace('[Instance]', '[Instance'),
  ]) {
    assert.equal(read(wrong), undefined, wrong);
  }
  assert.equal(parseFlatpakInfo(Uint8Array.from([0xff, 0xfe])), undefined);
  assert.equal(
    read(`[Application]\na${' '.repeat(250_000)}\n`),
    undefined,
    'and a long line takes no long time',
  );
  for (const id of ['org.a', 'org..a.b', 'org.1a.b', '.org.a.b', 'org.a-b.c', 'a.b.c\n']) {
    assert.equal(isApplicationId(id), false, id);
  }
  assert.deepEqual(
    [...(parseSandboxNamespaces('{"child-pid":1,"mnt-namespace":2,"pid-namespace":3}') ?? [])],
    [
      ['mnt', 2],
      ['pid', 3],
    ],
  );
  for (const wrong of [
    '',
    '[]',
    '{}',
    '{"mnt-namespace":"2","pid-namespace":3}',
    'null',
    '{"mnt-namespace":2}',
  ]) {
    assert.equal(parseSandboxNamespaces(wrong), undefined, wrong);
  }
});

test('a process’s name cannot pose as another line of its status, nor move its start time', () => {
  const status = (name: string) => `Name:\t${name}\nState:\tS (sleeping)\nSeccomp:\t2\nNoNewPrivs:\t1\n`;
  assert.deepEqual(parseStatus(status('a\\nSeccomp:\\t0')), {
    state: 'S',
    seccomp: 'filter',
    noNewPrivileges: true,
  });
  assert.equal(
    parseStatus(`${status('x')}Seccomp:\t0\n`).seccomp,
    undefined,
    'two lines of one name are none',
  );
  assert.equal(parseStatus('Seccomp:\t7\n').seccomp, undefined);
  assert.equal(parseStatus('Uid:\t1\t2\t3\n').uids, undefined);
  assert.equal(parseStatus('Uid:\t1\t2\t3\t4294967295\n').uids, undefined);
  assert.deepEqual(parseStatus('Groups:\t \n').groups, []);
  const stat = (name: string) => `1 (${name}) S ${'0 '.repeat(18)}4242 1 2`;
  assert.equal(parseStartTime(stat('a) S 1 2 (3')), 42420);
  assert.equal(parseStartTime('1 (a) S'), undefined);
  assert.equal(parseStartTime(''), undefined);
  assert.equal(namespaceNumber('mnt', 'mnt:[4026531840]'), 4026531840);
  assert.equal(namespaceNumber('mnt', 'pid:[1]'), undefined);
});

test('the mounts of cgroups are found, escapes and optional fields included', () => {
  const text = [
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw',
    '40 31 0:37 / /sys/fs/cgroup/sys\\040temd rw shared:4 master:1 - cgroup cgroup rw,name=systemd',
    '41 31 0:38 /a /unified rw - cgroup2 cgroup2 rw',
    '',
  ].join('\n');
  assert.deepEqual(parseMounts(text), [
    { at: '/sys/fs/cgroup/sys temd', root: '/', unified: false, options: ['rw', 'name=systemd'] },
    { at: '/unified', root: '/a', unified: true, options: ['rw'] },
  ]);
});
