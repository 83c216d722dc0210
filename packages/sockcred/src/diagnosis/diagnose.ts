/**
 * What this machine, kernel and runtime can vouch for, mechanism by mechanism,
 * found out by trying each one on connections of this process to itself.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server, Socket } from 'node:net';
import { peerCredentials } from '../credentials/ask.ts';
import { PeerError } from '../errors.ts';
import { fs, os, paths } from '../sys/builtin-modules.ts';
import { kernelName, runtimeName } from '../sys/kernel.ts';
import { descriptorOf, handleOf } from '../sys/socket-handle.ts';
import { foundations, kernelMechanisms, type Mechanism, tried } from './mechanisms.ts';

/** What was found. `ok` is false if something is broken that should work here. */
export interface Diagnosis {
  readonly schemaVersion: 1;
  /** `Linux 6.12.5 x64`. */
  readonly kernel: string;
  /** `Node 20.20.2`. */
  readonly runtime: string;
  readonly mechanisms: readonly Mechanism[];
  readonly ok: boolean;
}

function once<T>(
  emitter: { once(event: string, listener: (value: T) => void): unknown },
  event: string,
): Promise<T> {
  return new Promise((settle, failed) => {
    emitter.once(event, settle);
    if (event !== 'error') emitter.once('error', error => failed(error));
  });
}

/** The descriptor behind a socket that this runtime made. */
function descriptor(socket: Socket): number {
  const handle = handleOf(socket);
  if (handle === undefined) throw new Error('the socket has no handle');
  return descriptorOf(socket, handle);
}

/** Both ends of a connection through net.Server, and every question of the kernel on one of them. */
async function throughNet(path: string): Promise<readonly Mechanism[]> {
  const { connect, createServer } = await import('node:net');
  const server: Server = createServer({ pauseOnConnect: true });
  const accepted = once<Socket>(server, 'connection');
  const listening = once<void>(server, 'listening');
  server.listen(path);
  await listening;
  const client = connect(path);
  try {
    await once(client, 'connect');
    const socket = await accepted;
    const shown = [
      tried('net.Server', 'sockets that can be asked about', () => {
        const detail = `descriptor ${descriptor(socket)}`;
        peerCredentials(socket, { side: 'accepted' });
        return { state: 'works', detail };
      }),
      tried('net.Socket', 'clients that can ask about their server', () => {
        const detail = `descriptor ${descriptor(client)}`;
        peerCredentials(client, { side: 'connected' });
        return { state: 'works', detail };
      }),
    ];
    if (shown.some(({ state }) => state !== 'works')) return shown;
    return [...kernelMechanisms(descriptor(client)), ...shown];
  } finally {
    client.destroy();
    (await accepted).destroy();
    server.close();
  }
}

/** Whether a request of node:http shows its connection; some runtimes hide it. */
async function throughHttp(path: string): Promise<Mechanism> {
  const { createServer, request } = await import('node:http');
  const server: HttpServer = createServer();
  const listening = once<void>(server, 'listening');
  server.listen(path);
  await listening;
  try {
    const asked = once<IncomingMessage>(server, 'request');
    const client = request({ socketPath: path });
    client.on('error', () => {});
    client.end();
    const incoming = await asked;
    const found = tried('node:http', 'requests that can be asked about', () => {
      try {
        peerCredentials(incoming);
        return { state: 'works', detail: 'a request leads to its connection' };
      } catch (error) {
        if (!(error instanceof PeerError) || error.code !== 'ERR_PEER_HIDDEN_DESCRIPTOR') throw error;
        return { state: 'absent', detail: error.message };
      }
    });
    client.destroy();
    return found;
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

/**
 * Finds out what can be vouched for here. Makes a few connections of this
 * process to itself in a directory of its own, and takes them away again.
 *
 * @example
 * ```ts
 * import { diagnose } from 'sockcred';
 *
 * const { mechanisms, ok } = await diagnose();
 * for (const { name, state, detail } of mechanisms) console.log(`${name}: ${state}: ${detail}`);
 * if (!ok) throw new Error('something that should work here does not');
 * ```
 */
export async function diagnose(): Promise<Diagnosis> {
  const mechanisms: Mechanism[] = [...foundations()];
  if (mechanisms.every(({ state }) => state === 'works')) {
    const { join } = paths();
    const directory = fs().mkdtempSync(join(os().tmpdir(), 'sockcred-'));
    try {
      mechanisms.push(...(await attempted('net.Server', () => throughNet(join(directory, 'net')))));
      mechanisms.push(...(await attempted('node:http', () => throughHttp(join(directory, 'http')))));
    } finally {
      fs().rmSync(directory, { recursive: true, force: true });
    }
  }
  const ok = mechanisms.every(({ state }) => state !== 'broken');
  return { schemaVersion: 1, kernel: kernelName(), runtime: runtimeName(), mechanisms, ok };
}

/** A runtime that cannot even make the connection is a finding too. */
async function attempted(
  name: string,
  attempt: () => Promise<Mechanism | readonly Mechanism[]>,
): Promise<readonly Mechanism[]> {
  try {
    const found = await attempt();
    return Array.isArray(found) ? found : [found as Mechanism];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ name, gives: 'sockets that can be asked about', state: 'broken', detail }];
  }
}
