// What peerApplication() and peerProcess() cost, for a program of no engine, a
// Flatpak-like sandbox and a container's cgroup: times of single calls after as
// many that warmed up, and system calls as strace(1) counts them. Times are of
// this machine at this moment; the count is what stays.
//
//   node packages/sockcred/bench/application.mjs

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peerApplication } from 'sockcred/application';
import { peerProcess } from 'sockcred/process';

const CALLS = 3000;
/** What a server that has run for a while knows by then: compiled code. */
const WARM_UP = 3000;
const GOAL = { microseconds: 300, systemCalls: 40 };
const CLIENT =
  'import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()';

const directory = mkdtempSync(join(tmpdir(), 'sockcred-bench-'));

/** One accepted connection from a command, and how it is ended. */
async function connected(words) {
  const path = join(directory, 's');
  rmSync(path, { force: true });
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, 'listening');
  const [file, ...args] = [...words, '/usr/bin/python3', '-c', CLIENT, path];
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const [socket] = await once(server, 'connection');
  return {
    socket,
    pid: child.pid,
    async end() {
      child.kill('SIGKILL');
      await once(child, 'exit');
      socket.destroy();
      server.close();
    },
  };
}

function microseconds(ask) {
  for (let call = 0; call < WARM_UP; call++) ask();
  const times = Array.from({ length: CALLS }, () => {
    const begin = process.hrtime.bigint();
    ask();
    return Number(process.hrtime.bigint() - begin) / 1000;
  }).sort((a, b) => a - b);
  const at = share => times[Math.floor(CALLS * share)];
  return { middle: at(0.5), text: `p50 ${at(0.5).toFixed(0)} us, p99 ${at(0.99).toFixed(0)} us` };
}

/** System calls of one call: a run with many of them less a run with one. */
function systemCalls(kind) {
  if (!existsSync('/usr/bin/strace')) return undefined;
  const count = calls => {
    const file = join(directory, 'strace');
    const script = fileURLToPath(import.meta.url);
    spawnSync('/usr/bin/strace', ['-c', '-o', file, process.execPath, script, kind, `${calls}`]);
    const { stdout } = spawnSync('/usr/bin/tail', ['-1', file], { encoding: 'utf8' });
    return Number(stdout.trim().split(/\s+/)[3]);
  };
  return (count(101) - count(1)) / 100;
}

const cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(path =>
  existsSync(`${path}/cgroup.controllers`),
);

const kinds = {
  async host() {
    return connected([]);
  },
  async sandbox() {
    const root = join(directory, 'root');
    mkdirSync(root, { recursive: true });
    const info = '[Application]\nname=org.example.App\n[Instance]\ninstance-id=1\n';
    writeFileSync(join(root, '.flatpak-info'), info);
    const links = ['bin', 'lib', 'lib64'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]);
    const binds = ['--bind', root, '/', '--ro-bind', '/usr', '/usr', '--bind', '/tmp', '/tmp'];
    // As Flatpak does it: bubblewrap writes down which namespaces it made.
    const record = '/run/user/0/.flatpak/1';
    mkdirSync(record, { recursive: true });
    const shell = ['/bin/sh', '-c', `exec "$@" 5>${record}/bwrapinfo.json`, 'sh'];
    const bubblewrap = ['/usr/bin/bwrap', ...binds, ...links, '--proc', '/proc', '--unshare-pid'];
    const made = await connected([...shell, ...bubblewrap, '--info-fd', '5', '--die-with-parent']);
    return {
      ...made,
      async end() {
        await made.end();
        rmSync(record, { recursive: true, force: true });
        for (const path of ['/run/user/0/.flatpak', '/run/user/0']) {
          if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
        }
      },
    };
  },
  async container() {
    const top = join(cgroups, `sockcredbench${process.pid}.slice`);
    const scope = join(top, `docker-${'3f4e'.repeat(16)}.scope`);
    mkdirSync(scope, { recursive: true });
    const made = await connected([]);
    writeFileSync(join(scope, 'cgroup.procs'), `${made.pid}`);
    return {
      ...made,
      async end() {
        await made.end();
        for (const path of [scope, top]) rmdirSync(path);
      },
    };
  },
};

const [kind, calls] = process.argv.slice(2);
try {
  if (kind !== undefined) {
    const { socket, end } = await kinds[kind]();
    for (let round = 0; round < Number(calls); round++) peerApplication(socket);
    await end();
  } else {
    for (const name of Object.keys(kinds)) {
      if (name === 'sandbox' && !existsSync('/usr/bin/bwrap')) continue;
      if (name === 'container' && cgroups === undefined) continue;
      const { socket, end } = await kinds[name]();
      const claims =
        peerApplication(socket)
          .claims.map(({ engine }) => engine)
          .join() || 'none';
      const { middle, text } = microseconds(() => peerApplication(socket));
      const calls = systemCalls(name);
      const counted = calls === undefined ? 'strace(1) is missing' : `${calls.toFixed(0)} system calls`;
      const reached = middle < GOAL.microseconds && (calls ?? 0) < GOAL.systemCalls ? 'reached' : 'MISSED';
      const goal = `goal under ${GOAL.microseconds} us and ${GOAL.systemCalls} system calls: ${reached}`;
      console.log(`${name.padEnd(9)} (${claims}): ${text}, ${counted}   ${goal}`);
      if (name === 'host') {
        console.log(`          peerProcess(): ${microseconds(() => peerProcess(socket).close()).text}`);
      }
      await end();
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
