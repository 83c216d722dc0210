/** Cgroups made by hand, as systemd and container engines make them; gone with the test. */

import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptFrom, USER } from './peers.js';
import { cgroupRoot } from './requirements.js';

let made = 0;

/** A new cgroup with these names below it; the test's end is that of the processes in it. */
export function makeCgroup(t: TestContext, ...names: readonly string[]): string {
  const top = join(cgroupRoot() ?? '', `sockcredtest${process.pid}x${made++}.slice`);
  const inner = join(top, ...names);
  mkdirSync(inner, { recursive: true });
  t.after(async () => {
    await removeCgroup(top);
    // systemd-nspawn makes the same ones in systemd's own hierarchy of a hybrid.
    const twin = top.replace('/unified/', '/systemd/');
    if (existsSync(twin)) await removeCgroup(twin);
  });
  return inner;
}

/** Ends what is in a cgroup, then removes it; processes leave it a moment after they were killed. */
async function removeCgroup(path: string): Promise<void> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  }
  for (let tries = 0; existsSync(path); tries++) {
    for (const pid of readFileSync(join(path, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean)) {
      process.kill(Number(pid), 'SIGKILL');
    }
    try {
      rmdirSync(path);
    } catch (error) {
      if (tries > 400) throw error;
      await delay(10);
    }
  }
}

/** Puts a process into a cgroup. */
export function move(pid: number | undefined, cgroup: string): void {
  writeFileSync(join(cgroup, 'cgroup.procs'), `${pid}`);
}

/** Gives a cgroup to a user, as systemd delegates one. */
export function delegate(cgroup: string, uid: number): void {
  for (const name of ['', 'cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control']) {
    chownSync(join(cgroup, name), uid, uid);
  }
}

/** Accepts from a user who is in a new cgroup with these names. */
export async function acceptInCgroup(t: TestContext, ...names: readonly string[]): Promise<Socket> {
  const cgroup = makeCgroup(t, ...names);
  const { socket, peer } = await acceptFrom(t, USER);
  move(peer.child.pid, cgroup);
  return socket;
}

const ENTER = `
hear()
own = sys.argv[2] + '/' + sys.argv[3]
os.mkdir(own)
open(own + '/cgroup.procs', 'w').write(str(os.getpid()))
say('moved')`;

/** Accepts from a user who was given a new cgroup, and calls one of their own below it what they like. */
export async function acceptInOwnCgroup(t: TestContext, given: string, own: string): Promise<Socket> {
  const cgroup = makeCgroup(t, given);
  delegate(cgroup, USER.uid);
  const { socket, peer } = await acceptFrom(t, { ...USER, script: ENTER, more: [cgroup, own] });
  move(peer.child.pid, cgroup);
  peer.tell('go');
  assert.equal(await peer.line(), 'moved');
  return socket;
}
