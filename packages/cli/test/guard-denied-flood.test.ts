/** Who is not let in, in great numbers: what one of them costs does not grow, and those who may come in do. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { ask as askHttp } from './support/clients.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths } from './support/guards.js';
import { assertFlat, type Held, heldBy, SMALL_HEAP } from './support/held.js';

const ROUNDS = 6;
const EACH_ROUND = 600;
/** Who is told that they are not let in is heard for a while: 16 at the same time, and no more. */
const MOST_TOLD = 16;
const DENIED = { uid: 3002, gid: 3002, groups: [] };
const ALLOWED = { uid: 3001, gid: 3001, groups: [] };

/** Each in another way, and none reads: goes at once, asks half, asks without end, sends what is no request, only waits. */
const FLOOD = `
SAYS = [None, b'GET / HTTP/1.1\\r\\nHost', b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' * 200, b'\\0' * 20000, b'']
while hear():
    held = []
    for i in range(int(sys.argv[2])):
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        said = SAYS[i % len(SAYS)]
        s.setblocking(False)
        try: s.send(said or b'')
        except OSError: pass
        if said is None: s.close()
        else: held.append(s)
        if len(held) > 200: held.pop(0).close()
    say('done')
`;

/** Waits for its place in the backlog, as connect(2) does that blocks, and asks whenever it is told to. */
const VISITOR = `
while hear():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(30)
    s.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
    got = b''
    while True:
        data = s.recv(65536)
        if not data: break
        got += data
    s.close()
    say(got.startswith(b'HTTP/1.1 200 ') and got.endswith(b'served'))
`;

for (const http of [true, false]) {
  test(`T66: a flood of those who are denied, ${http ? 'and told so' : 'and cut off'}: descriptors and memory stay as they are`, {
    skip: needsOtherUsers('python3'),
  }, async t => {
    const directory = ownDirectory(t);
    const { front, behind } = paths(directory);
    const metrics = join(directory, 'metrics');
    const behindIt = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 6 }).end('served');
    });
    await new Promise<void>(done =>
      behindIt.listen({ path: behind, readableAll: true, writableAll: true }, done),
    );
    t.after(() => behindIt.close());
    const words = ['--listen', front, '--mode', '0666', '--allow-user', `${ALLOWED.uid}`];
    const to = ['--to', `unix:${behind}`, '--upstream-sees-guard', '--metrics', metrics];
    const running = await guard(t, [...words, ...to, ...(http ? ['--http'] : [])], {
      env: { NODE_OPTIONS: SMALL_HEAP },
    });
    const visitor = python(t, VISITOR, { ...ALLOWED, args: [front] });
    const served = async () => {
      visitor.tell('go');
      assert.equal(await visitor.line(), 'True');
    };
    const flood = python(t, FLOOD, { ...DENIED, args: [front, `${EACH_ROUND}`] });
    await served();
    /** What is open once nobody is there; who is told something is closed after two seconds, whatever they do. */
    const idle = async (most = Infinity): Promise<Held> => {
      for (;;) {
        const { body } = await askHttp(metrics);
        const held = heldBy(running.pid);
        if (/^sockcred_guard_connections 0$/m.test(body) && held.descriptors <= most) return held;
        await new Promise(done => setTimeout(done, 50));
      }
    };
    const before = await idle();
    let most = 0;
    const held: Held[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      flood.tell('go');
      let isOver = false;
      const over = flood.line().then(() => {
        isOver = true;
      });
      while (!isOver) {
        await served();
        most = Math.max(most, heldBy(running.pid).descriptors);
      }
      await over;
      // The connection that asks for the metrics may be one more for a moment.
      held.push(await idle(before.descriptors + 1));
    }
    const base = Math.min(...held.map(one => one.descriptors));
    // Besides: an allowed client and what is behind it, one that is just being accepted, one that asks for metrics.
    assert.ok(most <= base + MOST_TOLD + 8, `${most} descriptors at once, ${base} without anybody`);
    assertFlat(held);
    const { body } = await askHttp(metrics);
    const denied = /^sockcred_guard_denied_total\{reason="no-rule",rule=""\} (\d+)$/m.exec(body)?.[1];
    assert.equal(Number(denied), ROUNDS * EACH_ROUND);
    assert.equal((await end(running)).status, 0);
    const lines = running.entries().filter(({ event }) => event === 'denied').length;
    const left = running.entries().filter(({ event }) => event === 'suppressed');
    const suppressed = left.reduce((sum, one) => sum + (one.suppressed ?? 0), 0);
    assert.equal(lines + suppressed, ROUNDS * EACH_ROUND);
    assert.ok(lines < suppressed, `${lines} lines, and ${suppressed} left out`);
  });
}
