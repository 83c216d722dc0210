/** Policies that change while a guard goes by them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { descriptorLimit } from 'sockcred/gate';
import { python } from '../../sockcred/build/support/peers.js';
import { connection } from './support/clients.js';
import { needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, guard, paths, type RunningGuard, server, startGuard, tellAndEcho } from './support/guards.js';

const withOthers = { skip: needsOtherUsers('python3') };
const allow = (uid: number) => `[[rules]]\neffect = "allow"\nuser = ${uid}\n`;
const user = (uid: number) => ({ uid, gid: uid, groups: [] });

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

async function guarded(t: TestContext, first: string, more: readonly string[] = []) {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const file = join(directory, 'policy.toml');
  writeFileSync(file, first);
  await server(t, behind, tellAndEcho);
  const words = ['--listen', front, '--mode', '0666', '--policy', file, '--to', `unix:${behind}`];
  const running = await guard(t, [...words, '--as-peer', ...more]);
  return { front, file, running };
}

test(
  'T64: another policy decides from the next connection on, at a signal or when the file changes',
  withOthers,
  async t => {
    const { front, file, running } = await guarded(t, allow(3001));
    assert.match(await ask(t, front, 'one', user(3001)), /one$/);
    const script = `
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1000); say('in'); hear()
s.sendall(b'still'); say(s.recv(100).decode())
`;
    const inside = python(t, script, { ...user(3001), args: [front] });
    assert.equal(await inside.line(), 'in');
    replace(file, allow(3002));
    running.child.kill('SIGHUP');
    await running.entry('policy-replaced');
    assert.equal(await ask(t, front, 'two', user(3001)), '');
    assert.match(await ask(t, front, 'two', user(3002)), /two$/);
    inside.tell('go on');
    assert.equal(await inside.line(), 'still', 'who is in stays in');
    // Without a signal: the file is watched.
    replace(file, allow(3003));
    while ((await ask(t, front, 'three', user(3003))) === '') await new Promise(done => setTimeout(done, 50));
    assert.equal(await ask(t, front, 'three', user(3002)), '');
  },
);

test(
  'a file with faults keeps the old policy, says so with line and column, and is found mended',
  withOthers,
  async t => {
    const { front, file, running } = await guarded(t, allow(3001));
    replace(file, `${allow(3002)}\n[[rules]]\neffect = "perhaps"\nuser = 3003\n`);
    const { message } = await running.entry('policy-refused');
    assert.match(message ?? '', /policy\.toml:6:\d+: /);
    assert.match(await ask(t, front, 'old', user(3001)), /old$/);
    assert.equal(await ask(t, front, 'new', user(3002)), '');
    replace(file, allow(3002));
    await running.entry('policy-replaced');
    assert.match(await ask(t, front, 'new', user(3002)), /new$/);
  },
);

test('no connection meets half a policy while it changes again and again', withOthers, async t => {
  // Whatever the file says at the moment, 3001 comes in and 3002 does not.
  const policies = [
    `${allow(3001)}`,
    `[[rules]]\neffect = "deny"\nuser = 3002\n${allow(3001)}${allow(3002)}`,
    `[[rules]]\neffect = "allow"\neveryone = true\n[[rules]]\neffect = "deny"\nuser = [3002, 3004]\n`,
  ];
  const { front, file, running } = await guarded(t, policies[0] ?? '');
  let round = 0;
  const changing = setInterval(() => {
    round++;
    replace(file, policies[round % policies.length] ?? '');
    running.child.kill('SIGHUP');
  }, 10);
  t.after(() => clearInterval(changing));
  const script = `
got = []
for _ in range(150):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try: got.append(len(s.recv(1000)) > 0)
    except ConnectionResetError: got.append(False)
    s.close()
say(got.count(True), len(got))
`;
  const clients = [3001, 3002].map(uid => python(t, script, { ...user(uid), args: [front] }));
  assert.equal(await clients[0]?.line(), '150 150');
  assert.equal(await clients[1]?.line(), '0 150');
  clearInterval(changing);
  assert.ok(round > 3);
});

test('limits of the file hold, and an option says more than the file', withOthers, async t => {
  const text = `${allow(0)}\n[limits]\nconnections = 1\n`;
  const { front, running } = await guarded(t, text);
  const held = await connection(t, front);
  await once(held, 'data');
  assert.equal(await ask(t, front, 'x'), '');
  assert.equal((await running.entry('limited')).limit, 'connections');
  const other = await guarded(t, text, ['--connections', '2']);
  const again = await connection(t, other.front);
  await once(again, 'data');
  assert.match(await ask(t, other.front, 'x'), /x$/);
});

/** Comes, keeps its connections, and says how many of them are served. */
const KEEPER = `
held = []
while True:
    word = hear()
    if word == '': break
    if word == 'come':
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(sys.argv[1])
        try: told = s.recv(1000)
        except ConnectionError: told = b''
        if told: held.append(s)
        say('in' if told else 'cut')
    else:
        for s in held: s.sendall(b'x')
        say(str(sum(s.recv(1) == b'x' for s in held)))
`;

function keeper(t: TestContext, front: string, uid: number) {
  const client = python(t, KEEPER, { ...user(uid), args: [front] });
  const told = async (word: string) => {
    client.tell(word);
    return await client.line();
  };
  return { comes: () => told('come'), served: () => told('are you served?') };
}

/** What is in force of a guard that relays, where nothing else is said. */
const usual = { connectionsPerUid: Math.min(Math.floor((descriptorLimit() ?? 0) / 6), 10_000) };

const toAll = (limits: string) => `[[rules]]\neffect = "allow"\neveryone = true\n[limits]\n${limits}\n`;

/** How often the policy was replaced so far. */
const replacements = (running: RunningGuard) =>
  running.entries().filter(({ event }) => event === 'policy-replaced').length;

/** Replaces the file, and resolves once it is in force. */
async function takeInForce(running: RunningGuard, file: string, text: string, bySignal: boolean) {
  const before = replacements(running);
  replace(file, text);
  if (bySignal) running.child.kill('SIGHUP');
  while (replacements(running) === before) await new Promise(done => setTimeout(done, 10));
}

for (const bySignal of [true, false]) {
  const when = bySignal ? 'at a signal' : 'when the file changes';
  test(`T64: limits change with the rules ${when}, for those who come from then on`, withOthers, async t => {
    const { front, file, running } = await guarded(t, toAll('connectionsPerUid = 2'));
    const [one, other] = [keeper(t, front, 3001), keeper(t, front, 3002)];
    for (const expected of ['in', 'in', 'cut']) assert.equal(await one.comes(), expected);
    assert.equal(await other.comes(), 'in');
    // Fewer than are in: they stay, and count.
    await takeInForce(running, file, toAll('connectionsPerUid = 1'), bySignal);
    assert.deepEqual([await one.comes(), await other.comes()], ['cut', 'cut']);
    assert.deepEqual([await one.served(), await other.served()], ['2', '1']);
    assert.equal(await keeper(t, front, 3003).comes(), 'in');
    // With a fault nothing of it is in force, also not what has none.
    replace(file, `${toAll('connectionsPerUid = 9\nconnections = -1')}`);
    if (bySignal) running.child.kill('SIGHUP');
    await running.entry('policy-refused');
    assert.equal(await other.comes(), 'cut');
    await takeInForce(running, file, toAll('connections = 5'), bySignal);
    assert.deepEqual([await one.comes(), await other.comes(), await one.comes()], ['in', 'cut', 'cut']);
    await takeInForce(running, file, allow(3002), bySignal);
    assert.deepEqual([await one.comes(), await other.comes()], ['cut', 'in']);
    const limits = running
      .entries()
      .filter(({ event }) => event === 'policy-replaced')
      .map(entry => entry.limits);
    assert.deepEqual(limits, [{ connectionsPerUid: 1 }, { ...usual, connections: 5 }, usual]);
  });
}

test('reading the file again lets nobody in who came too often', withOthers, async t => {
  const rate = (count: number) => toAll(`acceptsPerUid = { count = ${count}, seconds = 36000 }`);
  const { front, file, running } = await guarded(t, rate(2));
  const [one, other] = [keeper(t, front, 3001), keeper(t, front, 3002)];
  for (const expected of ['in', 'in', 'cut']) assert.equal(await one.comes(), expected);
  for (const count of [2, 4, 2]) {
    await takeInForce(running, file, rate(count), true);
    assert.equal(await one.comes(), 'cut');
  }
  for (const expected of ['in', 'in', 'cut']) assert.equal(await other.comes(), expected);
});

test('an option goes on saying more than the file', withOthers, async t => {
  const { front, file, running } = await guarded(t, toAll('connections = 5'), ['--connections', '1']);
  const one = keeper(t, front, 3001);
  assert.equal(await one.comes(), 'in');
  await takeInForce(running, file, toAll('connections = 9\nfirstByteMs = 60000'), true);
  assert.equal(await one.comes(), 'cut');
  const { limits } = await running.entry('policy-replaced');
  assert.deepEqual(limits, { ...usual, connections: 1, firstByteMs: 60_000 });
});

test('a policy that --run-as cannot read again is refused at once', withOthers, async t => {
  const directory = ownDirectory(t);
  const file = join(directory, 'policy.toml');
  writeFileSync(file, allow(3001));
  chmodSync(file, 0o600);
  const words = [
    '--listen',
    join(directory, 's'),
    '--policy',
    file,
    '--run-as',
    '2345:2345',
    '--programs-as-root',
    '--',
    '/bin/cat',
  ];
  const { status, stderr } = await startGuard(t, words).ended;
  assert.equal(status, 3);
  assert.match(stderr, /policy\.toml.*EACCES/);
});
