/** Servers that start at the same moment on the same stale path: exactly one wins, and stays reachable. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt } from './support/clients.js';
import { command, end, type Running, run, serve } from './support/command.js';
import { leaveStale, ownDirectory } from './support/directories.js';
import { shim } from './support/shim.js';

/** Which of these are listening and which have ended, once each is either. */
async function outcome(servers: readonly Running[]) {
  const kinds = servers.map(async server => {
    const won = server.line(/listening/).then(() => true);
    return (await Promise.race([won, server.ended.then(() => false)]).catch(() => false)) ? 'won' : 'lost';
  });
  const settled = await Promise.all(kinds);
  return {
    winners: servers.filter((_, index) => settled[index] === 'won'),
    losers: servers.filter((_, index) => settled[index] === 'lost'),
  };
}

/** One of them is the server at the path, and the others say why they are not. */
async function exactlyOne(t: TestContext, path: string, servers: readonly Running[]): Promise<void> {
  const { winners, losers } = await outcome(servers);
  assert.equal(winners.length, 1, `${winners.length} of ${servers.length} say that they listen`);
  for (const loser of losers) {
    const { status, stderr } = await loser.ended;
    assert.equal(status, 3, stderr);
    assert.ok(stderr.includes(path), stderr);
  }
  await answersAt(path);
  const { stdout } = await run(t, ['who', '--json', path]);
  assert.equal((JSON.parse(stdout) as { credentials: { pid: number } }).credentials.pid, winners[0]?.pid);
}

for (const count of [2, 2, 2, 6]) {
  test(`of ${count} servers that start at once on a stale path one wins`, {
    skip: needs('linux', 'python3'),
  }, async t => {
    const directory = ownDirectory(t);
    const path = join(directory, 's');
    await leaveStale(t, path);
    const servers = Array.from({ length: count }, () => command(t, ['serve', '--listen', path]));
    await exactlyOne(t, path, servers);
    assert.deepEqual(readdirSync(directory), ['s']);
    for (const server of servers) {
      if (server.child.exitCode === null) assert.equal((await end(server)).status, 0);
    }
    assert.deepEqual(readdirSync(directory), []);
  });
}

/** Holds the first call that would take the path away until a file named GATE.open is there. */
const HOLD = `
static void hold(const char *path) {
  static int held = 0;
  char name[4096];
  if (held || path == NULL || strcmp(path, getenv("HOLD_PATH")) != 0) return;
  held = 1;
  snprintf(name, sizeof name, "%s.held", getenv("HOLD_GATE"));
  close(open(name, O_CREAT | O_WRONLY, 0600));
  snprintf(name, sizeof name, "%s.open", getenv("HOLD_GATE"));
  while (access(name, F_OK) != 0) usleep(1000);
}
int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  hold(from);
  return real(from, to);
}
int unlink(const char *path) {
  int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
  hold(path);
  return real(path);
}
`;

test('a server that is slow to take a dead socket away does not take a live one', {
  skip: needs('linux', 'python3', 'cc'),
}, async t => {
  const directory = ownDirectory(t);
  const aside = ownDirectory(t);
  const path = join(directory, 's');
  const gate = join(aside, 'gate');
  await leaveStale(t, path);
  const env = { ...shim(aside, HOLD), HOLD_PATH: path, HOLD_GATE: gate };
  const slow = command(t, ['serve', '--listen', path], { env });
  while (!existsSync(`${gate}.held`)) {
    assert.equal(slow.child.exitCode, null, 'the slow server proved the file dead');
    await delay(5);
  }
  const quick = await serve(t, ['--listen', path]);
  writeFileSync(`${gate}.open`, '');
  await exactlyOne(t, path, [slow, quick]);
  assert.equal(quick.child.exitCode, null, 'the one that listened first');
  assert.deepEqual(readdirSync(directory), ['s']);
});

test('of two servers that start at once where nothing is one wins', { skip: needs('linux') }, async t => {
  const path = join(ownDirectory(t), 's');
  await exactlyOne(
    t,
    path,
    [0, 1].map(() => command(t, ['serve', '--listen', path])),
  );
});
