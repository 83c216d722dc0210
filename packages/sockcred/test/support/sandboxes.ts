/** Real sandboxes for tests: bubblewrap with a root of the test's choice, and Flatpak with its own test application. */

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openDirectory } from './directories.js';
import { runAs } from './peers.js';
import { programPath } from './requirements.js';

/** `daemon`: the bus and Flatpak want a user that has a name. */
export const SANDBOXED = 1;
const AS_USER = runAs({ uid: SANDBOXED, gid: SANDBOXED, groups: [] });

const FLATPAK_TESTS = '/usr/libexec/installed-tests/Flatpak';

/** Command words that run what follows as an ordinary user in bubblewrap, with a root directory that holds what it is given. */
export function bubblewrapped(root: string, ...options: readonly string[]): readonly string[] {
  const links = ['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]);
  return [
    ...AS_USER,
    programPath('bwrap'),
    ...['--bind', root, '/', '--ro-bind', '/usr', '/usr', ...links],
    ...['--bind', '/tmp', '/tmp', '--proc', '/proc', '--dev', '/dev', '--unshare-pid', '--die-with-parent'],
    ...options,
  ];
}

/** An empty directory to be a root, which the sandboxed user owns. */
export function emptyRoot(t: TestContext): string {
  const root = join(openDirectory(t), 'root');
  mkdirSync(root);
  chownSync(root, SANDBOXED, SANDBOXED);
  return root;
}

/** What a `.flatpak-info` may say that a user has made themselves. */
export const CLAIMS = '[Application]\nname=org.evil.Claims\n\n[Instance]\ninstance-id=4242\n';

/** The same with such a file in it, which that user owns too. */
export function rootWithClaims(t: TestContext): string {
  const root = emptyRoot(t);
  const info = join(root, '.flatpak-info');
  writeFileSync(info, CLAIMS, { mode: 0o600 });
  chownSync(info, SANDBOXED, SANDBOXED);
  return root;
}

/** The run directory of the sandboxed user; made for the test unless it is there. */
export function runDirectory(t: TestContext): string {
  const path = `/run/user/${SANDBOXED}`;
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chownSync(path, SANDBOXED, SANDBOXED);
    t.after(() => rmSync(path, { recursive: true, force: true }));
  }
  return path;
}

/** Writes what bubblewrap would have written of an instance, for the test. */
export function recordInstance(t: TestContext, id: string, text: string): void {
  const all = join(runDirectory(t), '.flatpak');
  const instance = join(all, id);
  mkdirSync(instance, { recursive: true });
  writeFileSync(join(instance, 'bwrapinfo.json'), text);
  for (const path of [all, instance]) chownSync(path, SANDBOXED, SANDBOXED);
  t.after(() => rmSync(instance, { recursive: true, force: true }));
}

/** Why Flatpak's own test application cannot be built here, or false. */
export function lacksFlatpakTests(): string | false {
  const needed = [`${FLATPAK_TESTS}/make-test-app.sh`, '/usr/bin/dbus-run-session', '/usr/bin/ostree'];
  const missing = needed.find(path => !existsSync(path));
  return missing === undefined ? false : `needs ${missing}`;
}

const INSTALL = `
set -e
cd "$HOME"
ostree --repo=repo init --mode=archive-z2
bash ${FLATPAK_TESTS}/make-test-runtime.sh repo org.test.Platform stable "" ""
bash ${FLATPAK_TESTS}/make-test-app.sh repo org.test.Hello stable ""
flatpak build-update-repo repo
flatpak --user remote-add --no-gpg-verify test-repo "file://$HOME/repo"
export DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS"
flatpak --user install -y --noninteractive test-repo org.test.Hello stable
`;

/** A session bus whose socket goes with the test: a bus that is killed leaves it behind, in /tmp if it is the usual one. */
const busConfig = (directory: string) => `<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=${directory}</listen>
  <standard_session_servicedirs/>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** Flatpak's test application, installed. */
export interface FlatpakApplication {
  /** The words that run it with options of `flatpak run`; its session bus is one of its own, or at an address. */
  run(options: readonly string[], bus?: string): readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Installs the test application for the sandboxed user. */
export function installFlatpakApplication(t: TestContext): FlatpakApplication {
  const home = join(openDirectory(t), 'home');
  mkdirSync(home);
  chownSync(home, SANDBOXED, SANDBOXED);
  chmodSync(home, 0o700);
  const env = {
    PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
    HOME: home,
    XDG_DATA_HOME: join(home, 'share'),
    XDG_RUNTIME_DIR: runDirectory(t),
  };
  // In a pid namespace of their own, because some of what they start goes its own ways and must end with the test.
  const enclosed = [programPath('unshare'), '--pid', '--fork', '--kill-child', '--mount-proc'];
  const config = join(home, 'bus.conf');
  writeFileSync(config, busConfig(home));
  const bus = [...enclosed, ...AS_USER, '/usr/bin/dbus-run-session', `--config-file=${config}`, '--'];
  const script = join(home, 'install.sh');
  writeFileSync(script, INSTALL, { mode: 0o755 });
  const [file = '', ...args] = [...bus, '/bin/bash', script];
  const installed = spawnSync(file, args, { env, encoding: 'utf8', cwd: '/' });
  if (installed.status !== 0) throw new Error(`${installed.stdout}${installed.stderr}`);
  return {
    run: (options, address) => [
      ...bus,
      ...(address === undefined ? [] : ['/usr/bin/env', `DBUS_SESSION_BUS_ADDRESS=${address}`]),
      ...[programPath('flatpak'), 'run', '--user', '--branch=stable', ...options],
    ],
    env,
  };
}
