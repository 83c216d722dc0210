/**
 * What the service manager is told: sd_notify(3). Nothing is said where nobody
 * asked, and nobody who asked and went away ends the guard.
 */

import { UnixDatagramSocket } from 'sockcred/messages';

export interface ServiceManager {
  ready(status: string): void;
  /** Begins a reload; ready() ends it. */
  reloading(): void;
  stopping(status: string): void;
  status(status: string): void;
  close(): void;
}

/** One line: a status with more would begin assignments of its own. */
function oneLine(status: string): string {
  return status.replace(/\p{Cc}+/gu, ' ');
}

/** CLOCK_MONOTONIC, which the manager compares with when it asked for the reload: sd_notify(3). */
function monotonicMicroseconds(): bigint {
  return process.hrtime.bigint() / 1000n;
}

/** Tells whoever `$NOTIFY_SOCKET` names; `failed` is told if that does not work, and only once. */
export function serviceManager(env: NodeJS.ProcessEnv, failed: (error: Error) => void): ServiceManager {
  const { NOTIFY_SOCKET: path } = env;
  let socket: UnixDatagramSocket | undefined;
  if (path !== undefined && /^[/@]./.test(path)) {
    socket = UnixDatagramSocket.open().unref();
    socket.on('error', () => {});
  }
  let told = false;
  const say = (...lines: readonly string[]) => {
    if (socket === undefined) return;
    socket.send(`${lines.join('\n')}\n`, path, error => {
      if (error === null || told) return;
      told = true;
      failed(error);
    });
  };
  return {
    ready: status => say('READY=1', `STATUS=${oneLine(status)}`),
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${monotonicMicroseconds()}`),
    stopping: status => say('STOPPING=1', `STATUS=${oneLine(status)}`),
    status: status => say(`STATUS=${oneLine(status)}`),
    close: () => socket?.close(),
  };
}
