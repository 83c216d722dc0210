/**
 * Real peers for tests: processes of other users, in other namespaces and in
 * other languages, that connect to a server of the test or listen for it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { openDirectory } from './directories.js';
import { programPath } from './requirements.js';

/** Whom a peer runs as; what is left out stays as it is. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  /** Supplementary groups; an empty list drops them all. */
  readonly groups?: readonly number[];
}

/** Who is asked about where it does not matter who it is. */
export const USER = { uid: 1234, gid: 1234, groups: [] } as const satisfies Identity;

/** The setpriv(1) words before a command that make it run as somebody. */
export function runAs({ uid, gid, groups }: Identity): readonly string[] {
  if (uid === undefined && gid === undefined && groups === undefined) return [];
  return [
    programPath('setpriv'),
    ...(uid === undefined ? [] : [`--reuid=${uid}`]),
    ...(gid === undefined ? [] : [`--regid=${gid}`]),
    ...(groups === undefined || groups.length === 0 ? ['--clear-groups'] : [`--groups=${groups.join(',')}`]),
  ];
}

/** Ends a process group that start() made; what is left of it may be children of a parent that is gone. */
function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Starts a command and ends it with the test, with all that it started itself; its stderr goes to ours. */
export function start(t: TestContext, command: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    env: env ?? process.env,
    detached: true,
  });
  t.after(() => {
    child.stdin?.destroy();
    endGroup(child.pid);
  });
  return child;
}

/** Python statements that every script begins with. */
const PRELUDE = `
import ctypes, os, signal, socket, struct, sys, threading, time
def say(*words):
    print(*words, flush=True)
def hear():
    return sys.stdin.readline().strip()
`;

/** A running Python peer: say() in the script gives lines, hear() takes one. */
export interface PythonPeer {
  readonly child: ChildProcess;
  /** The next line that the script says; rejects if it ends without one. */
  line(): Promise<string>;
  tell(line: string): void;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
}

/**
 * Runs a Python script as somebody else; `before` is put in front of
 * setpriv(1), for unshare(1). The script has say(), hear() and sys.argv[1:].
 */
export function python(
  t: TestContext,
  script: string,
  options: Identity & { readonly args?: readonly string[]; readonly before?: readonly string[] } = {},
): PythonPeer {
  const command = [
    ...(options.before ?? []),
    ...runAs(options),
    programPath('python3'),
    '-c',
    PRELUDE + script,
    ...(options.args ?? []),
  ];
  const child = start(t, command);
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    exited: once(child, 'exit').then(([code]) => code as number | null),
    tell: line => child.stdin?.write(`${line}\n`),
    async line() {
      const next = await lines.next();
      if (next.done === true) throw new Error('the peer ended without a word');
      return next.value;
    },
  };
}

/**
 * A server of the test at a path that every user may connect to. It reads
 * nothing until a socket is resumed, so a peer may come and go unnoticed.
 */
export async function openServer(
  t: TestContext,
  path: string,
): Promise<{ server: Server; next(): Promise<Socket> }> {
  const waiting: Socket[] = [];
  const wanted: ((socket: Socket) => void)[] = [];
  const server = createServer({ pauseOnConnect: true }, socket => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    const taker = wanted.shift();
    if (taker === undefined) waiting.push(socket);
    else taker(socket);
  });
  server.listen({ path, writableAll: true, readableAll: true });
  await once(server, 'listening');
  t.after(() => server.close());
  const next = () =>
    new Promise<Socket>(settle => {
      const socket = waiting.shift();
      if (socket === undefined) wanted.push(settle);
      else settle(socket);
    });
  return { server, next };
}

/** A Python client that connects to sys.argv[1] as `s`, runs more statements, and stays until it is told something. */
export function connectScript(more = ''): string {
  return `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
${more}
hear()
`;
}

/** The socket that a server of ours accepts from a Python client of this identity, and the client. */
export async function acceptFrom(
  t: TestContext,
  identity: Identity & {
    readonly script?: string;
    readonly before?: readonly string[];
    /** Further arguments of the script, after the path. */
    readonly more?: readonly string[];
  } = {},
): Promise<{ socket: Socket; peer: PythonPeer }> {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const { script, more = [], ...rest } = identity;
  const peer = python(t, connectScript(script), { ...rest, args: [path, ...more] });
  return { socket: await next(), peer };
}

/** The number behind a connected socket, as a program that got it by fd passing would have it. */
export function descriptorNumber(socket: Socket): number {
  return (socket as Socket & { _handle: { fd: number } })._handle.fd;
}
