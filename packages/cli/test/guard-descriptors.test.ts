/** A guard that has few file descriptors, and a user who makes it use as many as there are. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths, server } from './support/guards.js';

const withOthers = { skip: needsOtherUsers('python3') };
const LIMITED = ['/bin/sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'];

/** Connections that are there before, and go on: so many exchanges of each, however often it is asked. */
const VICTIMS = `
made = []
for i in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(30)
    made.append(s)
while True:
    cut = 0
    for s in made:
        try:
            s.sendall(b'x' * 3000)
            got = b''
            while len(got) < 3000:
                data = s.recv(3000)
                if not data: break
                got += data
            cut += len(got) < 3000
        except OSError:
            cut += 1
    say('cut', cut)
    hear()
`;

/** Connections that send and never read, until no more are let in and nothing more is taken. */
const ATTACK = `
made = []
for i in range(200):
    s = socket.socket(socket.AF_UNIX)
    try: s.connect(sys.argv[1])
    except OSError: continue
    s.setblocking(False)
    made.append(s)
quiet = 0
while quiet < 20:
    took = 0
    for s in made:
        try: took += s.send(b'a' * 200000)
        except OSError: pass
    quiet = 0 if took else quiet + 1
    time.sleep(0.01)
say('full')
hear()
`;

const USER = (uid: number) => ({ uid, gid: uid, groups: [] });

for (const limits of [[], ['--connections-per-uid', '1000']]) {
  const how = limits.length === 0 ? 'the usual limit of a user' : 'no limit but that of descriptors';

  test(`connections that wait cost nobody else an established one: ${how}`, withOthers, async t => {
    const { front, behind } = paths(ownDirectory(t));
    // Sends back what it gets, so that connections of who does not read are full both ways.
    await server(t, behind, socket => void socket.pipe(socket));
    const words = ['--listen', front, '--mode', '0666', '--everyone', '--to', `unix:${behind}`];
    const running = await guard(t, [...words, '--as-peer', ...limits], { before: LIMITED });
    const victims = python(t, VICTIMS, { ...USER(3001), args: [front, '20'] });
    assert.equal(await victims.line(), 'cut 0');
    const attack = python(t, ATTACK, { ...USER(3002), args: [front] });
    await attack.line();
    for (let round = 0; round < 5; round++) {
      victims.tell('again');
      assert.equal(await victims.line(), 'cut 0');
    }
    const ended = running.entries().filter(({ event, errno }) => event === 'ended' && errno !== undefined);
    assert.deepEqual(ended, []);
    // With the last descriptor gone, those who come next may wait for one instead of being told of a limit.
    if (limits.length > 0) return;
    assert.equal((await running.entry('limited')).limit, 'connectionsPerUid');
    const late = python(t, VICTIMS, { ...USER(3003), args: [front, '8'] });
    assert.equal(await late.line(), 'cut 0', 'there is room for others');
  });
}

test('the usual limits are told with those in force', { skip: needs('linux') }, async t => {
  const { front } = paths(ownDirectory(t));
  const words = ['--listen', front, '--same-user'];
  const limitsOf = async (...target: string[]) => {
    const running = await guard(t, [...words, ...target], { before: LIMITED });
    running.child.kill('SIGHUP');
    const { limits } = await running.entry('policy-replaced');
    running.child.kill('SIGKILL');
    await running.ended;
    return limits;
  };
  assert.deepEqual(await limitsOf('--to', 'tcp:127.0.0.1:1'), { connectionsPerUid: 42 });
  assert.deepEqual(await limitsOf('--to', 'tcp:127.0.0.1:1', '--connections-per-uid', '7'), {
    connectionsPerUid: 7,
  });
  assert.deepEqual(await limitsOf('--pass-to', '/nowhere'), {});
});
