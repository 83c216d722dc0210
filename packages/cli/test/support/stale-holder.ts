/**
 * First process of a pid namespace: sees who listens, lets that process end,
 * gives its number to another one, and only then looks at what was seen.
 * Prints what it is told, and which program has the number now.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { unixSockets } from 'sockcred';
import { lookAtHolders, type Sighting, type Who } from '../../dist/ls/ls-holders.js';

/** What the test looks at. */
export interface Stale {
  /** Of the listener, before and after its number has passed on. */
  readonly before: readonly Who[];
  readonly after: readonly Who[];
  readonly pid: number;
  /** The program with that number now. */
  readonly imposter: string;
}

const [name = ''] = process.argv.slice(2);

const LISTEN = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind('\\0' + sys.argv[1])
s.listen()
print('listening', flush=True)
sys.stdin.read()
`;

async function listener(): Promise<ChildProcess> {
  const child = spawn('/usr/bin/python3', ['-c', LISTEN, name], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no stdout');
  await once(child.stdout, 'data');
  return child;
}

function seen(): readonly Sighting[] {
  return unixSockets()
    .sockets.filter(socket => socket.name === `@${name}` && socket.state === 'listening')
    .flatMap(({ inode, holders }) => holders.map(holder => ({ inode, holder })));
}

const told = (sightings: readonly Sighting[]) => {
  const whoIs = lookAtHolders(sightings);
  return sightings.map(({ inode, holder }) => whoIs(inode, holder));
};

/** A process with a number that is free. */
async function takes(pid: number): Promise<ChildProcess> {
  for (let tries = 0; tries < 100; tries++) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', `${pid - 1}`);
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    if (child.pid === pid) return child;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  throw new Error(`nobody got the number ${pid}`);
}

const child = await listener();
const sightings = seen();
const before = told(sightings);
child.kill('SIGKILL');
await once(child, 'exit');
const pid = child.pid ?? 0;
const imposter = await takes(pid);
// Until it has become the program that it was started as.
while (!readlinkSync(`/proc/${pid}/exe`).endsWith('sleep')) await delay(5);
const stale: Stale = {
  before,
  after: told(sightings),
  pid,
  imposter: readlinkSync(`/proc/${pid}/exe`),
};
process.stdout.write(`${JSON.stringify(stale)}\n`);
imposter.kill('SIGKILL');
