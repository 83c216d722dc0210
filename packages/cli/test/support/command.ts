/** Starts the command as a process of its own, collects what it writes, and ends it with the test. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runAs } from '../../../sockcred/build/support/peers.js';
import { type Need, needs } from '../../../sockcred/build/support/requirements.js';

/** The program that `sockcred` is. */
export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface CommandOptions {
  /** Words put before the command: setpriv(1), a shell that sets the umask, a launcher. */
  readonly before?: readonly string[];
  /** Added to a plain environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Complete lines on stdout so far. */
  lines(): readonly string[];
  /** The first line on stdout, past or future, that matches; rejects if the process ends without one. */
  line(wanted: RegExp | ((line: string) => boolean)): Promise<string>;
  readonly ended: Promise<Ended>;
}

/** The environment without whatever would change what the command does. */
function plainEnvironment(added: CommandOptions['env'] = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...added };
  const ours = ['XDG_RUNTIME_DIR', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'NO_COLOR', 'FORCE_COLOR'];
  for (const name of ours) if (added[name] === undefined) delete env[name];
  return env;
}

/** Starts `sockcred` with these arguments. */
export function command(t: TestContext, args: readonly string[], options: CommandOptions = {}): Running {
  const [file = '', ...words] = [...(options.before ?? []), process.execPath, MAIN, ...args];
  const child = spawn(file, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd ?? '/',
    env: plainEnvironment(options.env),
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} cannot be started`);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(
    ([status, signal]) => ({ status, signal, stdout, stderr }) as Ended,
  );
  const exited = once(child, 'exit');
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
    // A program that it started, and that was not waited for, may still have them.
    child.stdout.destroy();
    child.stderr.destroy();
  });
  const lines = () => stdout.split('\n').slice(0, -1);
  const line = (wanted: RegExp | ((text: string) => boolean)) =>
    new Promise<string>((found, failed) => {
      const look = () => {
        const match = lines().find(text => (wanted instanceof RegExp ? wanted.test(text) : wanted(text)));
        if (match === undefined) return;
        child.stdout.off('data', look);
        found(match);
      };
      child.stdout.on('data', look);
      look();
      ended.then(({ status }) => failed(new Error(`ended with ${status}, no line ${wanted}: ${stderr}`)));
    });
  return { child, pid, lines, line, ended };
}

/** Runs `sockcred` to its end. */
export function run(t: TestContext, args: readonly string[], options?: CommandOptions): Promise<Ended> {
  return command(t, args, options).ended;
}

/** Runs `sockcred serve` and waits until it says that it is listening. */
export async function serve(
  t: TestContext,
  args: readonly string[],
  options?: CommandOptions,
): Promise<Running> {
  const running = command(t, ['serve', ...args], options);
  await running.line(/listening/);
  return running;
}

/** Sends a signal and waits for the end. */
export function end(running: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  running.child.kill(signal);
  return running.ended;
}

/** The words before a command that set its umask. */
export function withUmask(umask: string): readonly string[] {
  return ['/bin/sh', '-c', `umask ${umask}; exec "$@"`, 'sh'];
}

let readable: boolean | undefined;

/** For the `skip` option of a test in which other users run the command. */
export function needsOtherUsers(...list: readonly Need[]): string | false {
  const reason = needs('linux', 'root', 'setpriv', ...list);
  if (reason !== false) return reason;
  const [file = '', ...words] = [
    ...runAs({ uid: 2001, gid: 2001, groups: [] }),
    process.execPath,
    MAIN,
    '--version',
  ];
  readable ??= spawnSync(file, words, { cwd: '/', stdio: 'ignore' }).status === 0;
  return readable ? false : 'needs a checkout that every user may read';
}
