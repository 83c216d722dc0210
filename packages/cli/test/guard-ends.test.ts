/** Whoever was let in has one line for the end of the connection, whatever ended it; and nobody else has one. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { connection, exchange } from './support/clients.js';
import { end } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { CLIENT, FULL, httpServer, receiver, SERVER } from './support/ending-peers.js';
import { ask, guard, paths, type RunningGuard, server, tellAndEcho } from './support/guards.js';

/** What a row works with. */
interface Scene {
  readonly t: TestContext;
  readonly directory: string;
  readonly front: string;
  readonly behind: string;
  /** Starts the guard of this row at `front`. */
  start(...words: readonly string[]): Promise<RunningGuard>;
}

interface Row {
  readonly act: (scene: Scene) => Promise<void>;
  /** Of those who were let in, in their order. */
  readonly reasons: readonly string[];
  /** Other lines about connections. */
  readonly besides?: readonly string[];
}

const same = ['--same-user'];
const relayed = (behind: string) => [...same, '--to', `unix:${behind}`, '--upstream-sees-guard'];
const http = (behind: string) => [...relayed(behind), '--http'];
const get = (url: string) => `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
const upgrade = (url: string) =>
  `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;

/** Ends the guard while something is open. */
async function drain(running: RunningGuard, connections: number) {
  running.child.kill('SIGTERM');
  await running.entry('stopping', entry => entry.connections === connections);
  await running.ended;
}

const letIn = (running: RunningGuard, count: number) =>
  running.entry('admitted', ({ connection: number }) => number === count);

async function killedServer({ t, front, behind, start }: Scene, what: 'unread' | 'read') {
  const peer = python(t, SERVER, { args: [behind, what] });
  assert.equal(await peer.line(), 'ready');
  await start(...relayed(behind));
  const asked = ask(t, front, 'x');
  assert.equal(await peer.line(), 'there');
  peer.child.kill('SIGKILL');
  assert.equal(await asked, 'hello');
}

async function killedClient({ t, front, behind, start }: Scene, what: 'unread' | 'read') {
  await server(t, behind, tellAndEcho);
  await start(...relayed(behind));
  const peer = python(t, CLIENT, { args: [front, what] });
  assert.equal(await peer.line(), 'there');
  peer.child.kill('SIGKILL');
}

const ROWS: Readonly<Record<string, Row>> = {
  'both ways come to their end': {
    async act({ t, front, behind, start }) {
      await server(t, behind, tellAndEcho);
      await start(...relayed(behind));
      assert.match(await ask(t, front, 'x'), /x$/);
    },
    reasons: ['closed'],
  },
  'the client is killed': { act: scene => killedClient(scene, 'read'), reasons: ['closed'] },
  'the client is killed, with bytes unread': {
    act: scene => killedClient(scene, 'unread'),
    reasons: ['closed'],
  },
  'the server behind is killed': { act: scene => killedServer(scene, 'read'), reasons: ['closed'] },
  'the server behind is killed, with bytes unread': {
    act: scene => killedServer(scene, 'unread'),
    reasons: ['closed'],
  },
  'nobody is behind': {
    async act({ t, front, behind, start }) {
      await start(...relayed(behind));
      assert.equal(await ask(t, front, 'x'), '');
    },
    reasons: ['unserved'],
    besides: ['unserved'],
  },
  'the first byte is late': {
    async act({ t, front, behind, start }) {
      await start(...relayed(behind), '--first-byte', '0.1');
      await once((await connection(t, front)).resume(), 'close');
    },
    reasons: ['limited'],
    besides: ['limited'],
  },
  'the guard ends while a first byte is waited for': {
    async act({ t, front, behind, start }) {
      const running = await start(...relayed(behind), '--first-byte', '600', '--grace', '0.1');
      await connection(t, front);
      await letIn(running, 1);
      await drain(running, 1);
    },
    reasons: ['cut'],
  },
  'the guard ends while one is relayed and one waits for the server behind': {
    async act({ t, front, behind, start }) {
      assert.equal(await python(t, FULL, { args: [behind] }).line(), 'ready');
      const running = await start(...relayed(behind), '--grace', '0.1');
      for (const count of [1, 2]) {
        await connection(t, front);
        await letIn(running, count);
      }
      await drain(running, 2);
    },
    reasons: ['cut', 'cut'],
  },
  'a second signal does not wait': {
    async act({ t, front, behind, start }) {
      await server(t, behind, tellAndEcho);
      const running = await start(...relayed(behind), '--grace', '600');
      await once(await connection(t, front), 'data');
      running.child.kill('SIGTERM');
      await running.entry('stopping');
      await end(running, 'SIGINT');
    },
    reasons: ['cut'],
  },
  'the policy denies from now on': {
    async act({ t, directory, front, behind, start }) {
      await server(t, behind, tellAndEcho);
      const file = join(directory, 'policy.toml');
      const rule = (effect: string) => `[[rules]]\neffect = "${effect}"\neveryone = true\n`;
      writeFileSync(file, rule('allow'));
      const words = ['--policy', file, '--to', `unix:${behind}`, '--upstream-sees-guard'];
      const running = await start(...words);
      const held = await connection(t, front);
      await once(held, 'data');
      writeFileSync(file, rule('deny'));
      running.child.kill('SIGHUP');
      await running.entry('policy-replaced');
      assert.equal(await ask(t, front, 'x'), '');
      held.end();
    },
    reasons: ['closed'],
    besides: ['denied'],
  },
  'there are as many as there may be': {
    async act({ t, front, behind, start }) {
      await server(t, behind, tellAndEcho);
      await start(...relayed(behind), '--connections', '1');
      const held = await connection(t, front);
      await once(held, 'data');
      assert.equal(await ask(t, front, 'x'), '');
      held.end();
    },
    reasons: ['closed'],
    besides: ['limited'],
  },
  'a program ends by itself': {
    async act({ t, front, start }) {
      await start(...same, '--programs-as-root', '--', '/bin/cat');
      assert.equal(await ask(t, front, 'x'), 'x');
    },
    reasons: ['exited 0'],
  },
  'a program is killed': {
    async act({ t, front, start }) {
      await start(...same, '--programs-as-root', '--', '/bin/sh', '-c', 'kill -9 $$');
      assert.equal(await ask(t, front, ''), '');
    },
    reasons: ['exited SIGKILL'],
  },
  'a program cannot be started': {
    async act({ t, directory, front, start }) {
      await start(...same, '--programs-as-root', '--', join(directory, 'no-such-program'));
      assert.equal(await ask(t, front, 'x'), '');
    },
    reasons: ['unserved'],
    besides: ['unserved'],
  },
  'the guard ends a program': {
    async act({ t, front, start }) {
      const running = await start(...same, '--grace', '0.1', '--programs-as-root', '--', '/bin/sleep', '600');
      await connection(t, front);
      await letIn(running, 1);
      await drain(running, 1);
    },
    reasons: ['cut SIGTERM'],
  },
  'nobody is there to pass it to': {
    async act({ t, front, behind, start }) {
      await start(...same, '--pass-to', behind);
      assert.equal(await ask(t, front, 'x'), '');
    },
    reasons: ['unserved'],
    besides: ['unserved'],
  },
  'it is passed on, and nobody counts': {
    async act({ t, front, behind, start }) {
      const program = await receiver(t, behind, 'is silent');
      await start(...same, '--pass-to', behind);
      await connection(t, front);
      assert.equal(await program.line(), 'got');
    },
    reasons: ['passed'],
  },
  'it is passed on, and the program tells its end': {
    async act({ t, front, behind, start }) {
      const program = await receiver(t, behind, 'tells');
      await start(...same, '--connections', '5', '--pass-to', behind);
      assert.equal(await ask(t, front, ''), '');
      assert.equal(await program.line(), 'got');
    },
    reasons: ['closed'],
  },
  'it is passed on, and the program is killed': {
    async act({ t, front, behind, start }) {
      const program = await receiver(t, behind, 'is silent');
      await start(...same, '--connections', '5', '--pass-to', behind);
      await connection(t, front);
      assert.equal(await program.line(), 'got');
      program.child.kill('SIGKILL');
    },
    reasons: ['passed'],
  },
  'it is passed on, and the guard ends': {
    async act({ t, front, behind, start }) {
      const program = await receiver(t, behind, 'is silent');
      const running = await start(...same, '--connections', '5', '--pass-to', behind);
      await connection(t, front);
      assert.equal(await program.line(), 'got');
      await drain(running, 1);
    },
    reasons: ['passed'],
  },
  'HTTP is answered, or is none': {
    async act(scene) {
      await httpServer(scene.t, scene.behind);
      await scene.start(...http(scene.behind));
      assert.match(await exchange(scene.t, scene.front, get('/')), /fine$/);
      assert.match(await exchange(scene.t, scene.front, '\0\0\r\n\r\n'), / 400 /);
    },
    reasons: ['closed', 'error HPE_INVALID_METHOD'],
  },
  'HTTP is not answered to its end': {
    async act(scene) {
      await httpServer(scene.t, scene.behind);
      await scene.start(...http(scene.behind));
      assert.match(await exchange(scene.t, scene.front, get('/broken')), / 200 /);
    },
    reasons: ['unserved'],
    besides: ['unserved'],
  },
  'HTTP is not answered in time': {
    async act(scene) {
      await httpServer(scene.t, scene.behind);
      await scene.start(...http(scene.behind), '--response-timeout', '0.1');
      assert.match(await exchange(scene.t, scene.front, get('/slow')), / 504 /);
      assert.match(await exchange(scene.t, scene.front, upgrade('/slow')), / 504 /);
    },
    reasons: ['unserved', 'unserved'],
    besides: ['unserved', 'unserved'],
  },
  'nobody is behind HTTP': {
    async act({ t, front, behind, start }) {
      await start(...http(behind));
      for (const bytes of [get('/'), upgrade('/')]) assert.match(await exchange(t, front, bytes), / 502 /);
    },
    reasons: ['unserved', 'unserved'],
    besides: ['unserved', 'unserved'],
  },
  'HTTP refuses': {
    async act({ t, front, behind, start }) {
      await start(...http(behind), '--deny-user', `${process.geteuid?.()}`);
      assert.match(await exchange(t, front, get('/')), / 403 /);
    },
    reasons: [],
    besides: ['denied'],
  },
  'HTTP goes on in another protocol': {
    async act(scene) {
      await httpServer(scene.t, scene.behind);
      await scene.start(...http(scene.behind));
      assert.match(await exchange(scene.t, scene.front, upgrade('/')), /there$/);
    },
    reasons: ['closed'],
  },
  'the client leaves before HTTP is answered': {
    async act(scene) {
      const asked = await httpServer(scene.t, scene.behind);
      await scene.start(...http(scene.behind));
      for (const [count, bytes] of [get('/slow'), upgrade('/slow')].entries()) {
        const client = await connection(scene.t, scene.front);
        client.write(bytes);
        while (asked.length === count) await new Promise(done => setTimeout(done, 10));
        client.destroy();
      }
    },
    reasons: ['closed', 'closed'],
  },
  'the first byte of HTTP is late': {
    async act({ t, front, behind, start }) {
      await start(...http(behind), '--first-byte', '0.1');
      await once((await connection(t, front)).resume(), 'close');
    },
    reasons: ['limited'],
    besides: ['limited'],
  },
  'the guard ends while HTTP is answered': {
    async act(scene) {
      const asked = await httpServer(scene.t, scene.behind);
      const running = await scene.start(...http(scene.behind), '--grace', '0.1');
      const client = await connection(scene.t, scene.front);
      client.write(get('/slow'));
      while (asked.length === 0) await new Promise(done => setTimeout(done, 10));
      await drain(running, 1);
    },
    reasons: ['cut'],
  },
};

const withPrograms = { skip: needs('linux', 'python3'), concurrency: 4 };

test(
  'each connection that was let in ends once, and for the reason that the log says',
  withPrograms,
  async t => {
    const rows = Object.entries(ROWS).map(([what, { act, reasons, besides = [] }]) =>
      t.test(what, async t => {
        const directory = ownDirectory(t);
        let running: RunningGuard | undefined;
        const start = async (...words: readonly string[]) => {
          const target = words.indexOf('--');
          const at = target === -1 ? words.length : target;
          const listen = ['--listen', paths(directory).front];
          running = await guard(t, [...words.slice(0, at), ...listen, ...words.slice(at)]);
          return running;
        };
        await act({ t, directory, ...paths(directory), start });
        assert.ok(running !== undefined);
        const of = (event: string) => running?.entries().filter(entry => entry.event === event) ?? [];
        while (running.child.exitCode === null && of('ended').length < reasons.length)
          await new Promise(done => setTimeout(done, 10));
        assert.equal((await end(running)).status, 0);
        const ended = new Map(of('ended').map(entry => [entry.connection, entry]));
        assert.equal(ended.size, of('ended').length, 'none ends twice');
        const told = of('admitted').map(({ connection: number }) => {
          const { reason, errno, status } = ended.get(number) ?? {};
          return [reason, errno, status].filter(part => part !== undefined).join(' ');
        });
        assert.deepEqual(told, reasons);
        assert.equal(ended.size, reasons.length, 'nobody else ends');
        const others = running.entries().map(({ event }) => event);
        assert.deepEqual(
          others.filter(event => ['denied', 'limited', 'unserved', 'failed'].includes(event)),
          besides,
        );
        assert.equal(others.at(-1), 'stopped');
      }),
    );
    await Promise.all(rows);
  },
);
