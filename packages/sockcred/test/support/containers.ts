/** Real containers for tests: each runs one static program that connects to a server of the test and stays. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openServer, start } from './peers.js';
import { programPath } from './requirements.js';
import { until } from './waiting.js';

/** Where everything of one container is: short, since some of it are names of sockets. */
export interface Place {
  readonly directory: string;
  /** A root directory with `/client` and what engines insist on. */
  readonly root: string;
  /** The socket of the test's server; containers see its directory as `/s`. */
  readonly sockets: string;
  /** Who makes the cgroups of its containers. */
  readonly manager: 'systemd' | 'cgroupfs';
  /** Done at the end of the test, the last one first, before the directory is removed. */
  readonly endings: (() => unknown)[];
}

/** What runs in a container that holds no other. */
export const CLIENT = ['/client', '/s/s'] as const;

/** What a container runs that is to hold others: this machine's own programs, with all rights. */
export interface Inside {
  readonly words: readonly string[];
  /** What of this machine it sees at its own place. */
  readonly binds: readonly string[];
}

const SYSTEMD = existsSync('/run/systemd/system');
const HYBRID = existsSync('/sys/fs/cgroup/unified/cgroup.controllers');
/** Is systemd the manager of this machine's one hierarchy? */
export const managed: boolean = SYSTEMD && !HYBRID;
export { HYBRID as hybrid };

/** Without what the sanitizers preload. */
const { LD_PRELOAD: _, ...ENVIRONMENT } = process.env;

function tried(words: readonly string[]) {
  const [file = '', ...args] = words;
  return spawnSync(file, args, { encoding: 'utf8', cwd: '/', timeout: 60_000, env: ENVIRONMENT });
}

function run(words: readonly string[]): void {
  const { status, error, stderr } = tried(words);
  assert.equal(status, 0, `${words.join(' ')}: ${error ?? ''}${stderr}`);
}

let program: Buffer | undefined;

/** The program, compiled once. */
function client(directory: string): Buffer {
  if (program !== undefined) return program;
  const source = fileURLToPath(new URL('../../test/support/container-client.c', import.meta.url));
  const compiled = join(directory, 'client');
  run([programPath('cc'), '-static', '-O1', '-Wall', '-Werror', '-o', compiled, source]);
  program = readFileSync(compiled);
  return program;
}

/** A place for a container, with its program. */
export function place(t: TestContext): Place {
  const directory = mkdtempSync('/tmp/sockcred-');
  chmodSync(directory, 0o777);
  const endings: (() => unknown)[] = [];
  t.after(async () => {
    for (const ending of endings.reverse()) await ending();
    rmSync(directory, { recursive: true, force: true });
  });
  const root = join(directory, 'root');
  const sockets = join(directory, 's');
  for (const name of ['', 'usr', 'etc', 's', 'proc', 'sys', 'dev', 'tmp', 'run', 'var']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  writeFileSync(join(root, 'etc', 'os-release'), 'ID=sockcred\n');
  mkdirSync(sockets);
  chmodSync(sockets, 0o777);
  writeFileSync(join(root, 'client'), client(directory), { mode: 0o755 });
  return { directory, root, sockets, manager: managed ? 'systemd' : 'cgroupfs', endings };
}

/** The root directory as an archive, from which engines make an image. */
export function archive({ directory, root }: Place): string {
  const file = join(directory, 'image.tar');
  run(['/bin/tar', '-C', root, '-cf', file, '.']);
  return file;
}

/** The connection of the container that these words start in the foreground. */
export async function connectionOf(
  t: TestContext,
  { sockets, endings }: Place,
  words: readonly string[],
): Promise<Socket> {
  const { next } = await openServer(t, join(sockets, 's'));
  const child = start(t, words, ENVIRONMENT);
  let said = '';
  child.stdout?.on('data', data => {
    said += data;
  });
  const ended = once(child, 'exit').then(([code]) =>
    assert.fail(`${words[0]} ended with status ${code} before its container connected: ${said}`),
  );
  ended.catch(() => {});
  const socket = await Promise.race([next(), ended]);
  endings.push(async () => {
    // Its program ends with the connection, and the container with its program.
    socket.destroy();
    await Promise.race([ended.catch(() => {}), delay(10_000, undefined, { ref: false })]);
  });
  return socket;
}

/** As root without CAP_SYS_RESOURCE, engines may not raise limits as they do by themselves. */
const LIMITS = ['--ulimit', 'nofile=512:512', '--ulimit', 'nproc=100:100'];

/** Podman's option for all rights. Docker's would give those too which a root without all capabilities lacks. */
const ALL_RIGHTS = {
  podman: ['--privileged'],
  docker: [
    ...['--cap-add=SYS_ADMIN', '--cap-add=NET_ADMIN'],
    ...['seccomp', 'apparmor', 'systempaths'].map(what => `--security-opt=${what}=unconfined`),
  ],
} as const;

/** The options for what a container runs, and its words. */
function running(engine: keyof typeof ALL_RIGHTS, inside: Inside | undefined) {
  if (inside === undefined) return { more: [], words: CLIENT };
  const binds = inside.binds.flatMap(path => ['--volume', `${path}:${path}`]);
  // Its input is the test's: it ends with the test.
  const more = ['--interactive', '--cgroupns=private', ...ALL_RIGHTS[engine], ...binds];
  return { more, words: inside.words };
}

/** Podman's words for a container, with storage of its own; `before` runs it as somebody else. */
export function podman(
  where: Place,
  runtime: 'runc' | 'crun',
  before: readonly string[] = [],
  inside?: Inside,
): { readonly words: readonly string[]; id(): string } {
  const { directory, sockets, manager, endings } = where;
  const image = archive(where);
  const cidfile = join(directory, 'id');
  const engine = [
    ...before,
    ...[programPath('podman'), '--root', `${directory}/p`, '--runroot', `${directory}/r`],
    ...['--tmpdir', `${directory}/t`, '--storage-driver', 'vfs', '--events-backend', 'none'],
    ...['--runtime', runtime, '--cgroup-manager', manager],
  ];
  run([...engine, 'import', image, 'localhost/sockcred-test']);
  endings.push(() => tried([...engine, 'rm', '--all', '--force', '--time', '0']));
  const options = ['--cidfile', cidfile, '--network', 'none', '--volume', `${sockets}:/s`, ...LIMITS];
  const { more, words } = running('podman', inside);
  return {
    words: [...engine, 'run', '--rm', ...options, ...more, 'localhost/sockcred-test', ...words],
    id: () => readFileSync(cidfile, 'latin1'),
  };
}

/** A daemon of an engine, which ends with the test and also where that is killed; ready once `is` says so. */
async function daemon(t: TestContext, where: Place, words: readonly string[], is: () => boolean) {
  const log = join(where.directory, `daemon-${where.endings.length}.log`);
  const mortal = [programPath('setpriv'), '--pdeathsig', 'TERM', ...words];
  const child = start(t, ['/bin/sh', '-c', `exec "$@" >${log} 2>&1`, 'sh', ...mortal], ENVIRONMENT);
  where.endings.push(async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await ended;
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${words[0]} ended: ${readFileSync(log, 'utf8')}`);
    return is();
  });
}

/** A Docker daemon of the test's own, and its words for a container. */
export async function docker(
  t: TestContext,
  where: Place,
  inside?: Inside,
): Promise<{ readonly words: readonly string[]; id(): string }> {
  const { directory, sockets, endings } = where;
  const at = (name: string) => join(directory, name);
  // By itself it gives containerd 15 seconds to start, which are too few in an emulated machine.
  writeFileSync(at('c.toml'), 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  const containerd = ['--config', at('c.toml'), '--address', at('c.sock'), '--log-level', 'warn'];
  const kept = ['--root', at('c'), '--state', at('cs')];
  await daemon(t, where, [programPath('containerd'), ...containerd, ...kept], () => existsSync(at('c.sock')));
  // It keeps its data mounted on itself.
  endings.push(() => tried(['/bin/umount', '--recursive', at('d')]));
  const engine = [programPath('docker'), '--host', `unix://${at('d.sock')}`];
  const dockerd = [
    ...[programPath('dockerd'), '--host', `unix://${at('d.sock')}`, '--containerd', at('c.sock')],
    ...['--data-root', at('d'), '--exec-root', at('x'), '--pidfile', at('d.pid'), '--log-level', 'warn'],
    ...['--storage-driver', 'vfs', '--bridge', 'none', '--iptables=false', '--ip6tables=false'],
  ];
  const answers = () => existsSync(at('d.sock')) && tried([...engine, 'version']).status === 0;
  await daemon(t, where, dockerd, answers);
  const cidfile = at('id');
  endings.push(() => {
    if (existsSync(cidfile)) tried([...engine, 'rm', '--force', readFileSync(cidfile, 'latin1')]);
  });
  run([...engine, 'import', archive(where), 'sockcred-test']);
  const options = ['--cidfile', cidfile, '--network', 'none', '--volume', `${sockets}:/s`, ...LIMITS];
  const { more, words } = running('docker', inside);
  return {
    words: [...engine, 'run', ...options, ...more, 'sockcred-test', ...words],
    id: () => readFileSync(cidfile, 'latin1'),
  };
}

/** LXC's words for a container of this name. */
export function lxc(
  { directory, root, sockets, endings }: Place,
  name: string,
  inside?: Inside,
): readonly string[] {
  const config = join(directory, 'lxc.conf');
  const all = join(directory, 'lxc');
  mkdirSync(all);
  const lines = [
    ...[`lxc.uts.name = ${name}`, `lxc.rootfs.path = dir:${root}`, 'lxc.net.0.type = empty'],
    ...['lxc.apparmor.profile = unconfined', `lxc.mount.entry = ${sockets} s none bind 0 0`],
    ...(inside === undefined ? [] : ['lxc.mount.auto = proc:rw sys:rw cgroup:rw:force']),
    ...(inside?.binds ?? []).map(
      path => `lxc.mount.entry = ${path} ${path.slice(1)} none rbind,create=dir 0 0`,
    ),
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  endings.push(() => tried(['/usr/bin/lxc-stop', '--lxcpath', all, '--name', name, '--kill']));
  const words = [
    programPath('lxc-start'),
    '--foreground',
    '--lxcpath',
    all,
    '--name',
    name,
    '--rcfile',
    config,
  ];
  return [...words, '--', ...(inside?.words ?? CLIENT)];
}

/** runc's words for a bundle in this cgroup, as an engine above it would put them. */
export function bundle(
  { directory, root, sockets, manager, endings }: Place,
  runtime: 'runc' | 'crun',
  cgroup: string,
): readonly string[] {
  const state = ['--root', join(directory, 'state')];
  const program = programPath(runtime);
  run(['/bin/sh', '-c', `cd ${directory} && exec ${program} spec`]);
  const file = join(directory, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  Object.assign(config.process, { terminal: false, args: CLIENT, rlimits: [] });
  config.root = { path: root, readonly: false };
  config.mounts.push({ destination: '/s', type: 'bind', source: sockets, options: ['bind', 'rw'] });
  config.linux.cgroupsPath = cgroup;
  writeFileSync(file, JSON.stringify(config));
  const driver = manager === 'systemd' ? ['--systemd-cgroup'] : [];
  const name = `sockcred-${process.pid}`;
  endings.push(() => tried([program, ...state, 'delete', '--force', name]));
  return [program, ...driver, ...state, 'run', '--bundle', directory, name];
}
