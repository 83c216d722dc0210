/** Metrics, as a real parser of Prometheus reads them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { ask as askHttp, curl } from './support/clients.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, guard, paths, server, tellAndEcho } from './support/guards.js';

/** Reads stdin as Prometheus does, and says each sample as JSON; the parser throws for what is no such text. */
const PARSE = `
import json
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client import registry
text = sys.stdin.read()
for family in text_string_to_metric_families(text):
    for sample in family.samples:
        say(json.dumps([family.type, sample.name, sample.labels, sample.value, family.documentation]))
say('end')
`;

interface Sample {
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function parsed(t: TestContext, exposition: string): Promise<Map<string, Sample[]>> {
  const parser = python(t, PARSE);
  parser.child.stdin?.end(exposition);
  const found = new Map<string, Sample[]>();
  for (let line = await parser.line(); line !== 'end'; line = await parser.line()) {
    const [type, name, labels, value, help] = JSON.parse(line);
    assert.ok(help.length > 10, `${name} says what it is`);
    found.set(name, [...(found.get(name) ?? []), { type, labels, value }]);
  }
  return found;
}

test('what is counted is what has happened, in a text that Prometheus reads', {
  skip: needsOtherUsers('python3', 'prometheus-client'),
}, async t => {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const metrics = join(directory, 'metrics');
  await server(t, behind, tellAndEcho);
  const file = join(directory, 'policy.toml');
  const rules =
    '[[rules]]\neffect = "allow"\nname = "quoted \\"\\\\ \\nname"\nuser = 3001\n[[rules]]\neffect = "deny"\nuser = 3002\n';
  writeFileSync(file, rules);
  const words = [
    '--listen',
    front,
    '--mode',
    '0666',
    '--policy',
    file,
    '--to',
    `unix:${behind}`,
    '--as-peer',
  ];
  const running = await guard(t, [...words, '--metrics', metrics, '--connections-per-uid', '1']);
  const user = (uid: number) => ({ uid, gid: uid, groups: [] });
  const got = await ask(t, front, 'hello', user(3001));
  assert.equal(await ask(t, front, '', user(3002)), '');
  assert.equal(await ask(t, front, '', user(3003)), '');
  assert.equal(await ask(t, front, '', user(3003)), '');
  await running.entry('ended');
  const hold = python(
    t,
    `
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1); say('in'); hear()
`,
    { ...user(3001), args: [front] },
  );
  assert.equal(await hold.line(), 'in');
  assert.equal(await ask(t, front, '', user(3001)), '');
  writeFileSync(file, 'no policy');
  running.child.kill('SIGHUP');
  await running.entry('policy-refused');

  const reply = await askHttp(metrics, { url: '/metrics' });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const found = await parsed(t, reply.body);
  const values = (name: string) =>
    found.get(`sockcred_guard_${name}`)?.map(({ labels, value }) => [labels, value]);
  assert.deepEqual(values('admitted_total'), [[{ rule: 'quoted "\\ \nname' }, 2]]);
  assert.deepEqual(values('denied_total'), [
    [{ reason: 'denied', rule: 'deny rule 1' }, 1],
    [{ reason: 'no-rule', rule: '' }, 2],
  ]);
  assert.deepEqual(values('limited_total'), [[{ limit: 'connectionsPerUid' }, 1]]);
  assert.deepEqual(values('relayed_bytes_total'), [
    [{ direction: 'to_server' }, 5],
    [{ direction: 'to_client' }, got.length],
  ]);
  assert.deepEqual(values('connections'), [[{}, 1]]);
  assert.deepEqual(values('policy_stale'), [[{}, 1]]);
  assert.deepEqual(values('policy_reloads_total'), [
    [{ result: 'replaced' }, 0],
    [{ result: 'refused' }, 1],
  ]);
  const types = [...found].map(([name, [first]]) => [name.endsWith('_total'), first?.type === 'counter']);
  assert.ok(types.every(([total, counter]) => total === counter));
});

test('the socket is for its owner, or for whom its mode lets in; and is gone at the end', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const directory = ownDirectory(t);
  const metrics = join(directory, 'metrics');
  const words = ['--listen', join(directory, 's'), '--same-user', '--metrics', metrics];
  const running = await guard(t, [...words, '--programs-as-root', '--', '/bin/cat']);
  assert.equal(statSync(metrics).mode & 0o777, 0o600);
  const user = { uid: 3001, gid: 3001, groups: [] };
  assert.equal((await curl(t, metrics, user)).status, 7);
  assert.equal((await end(running)).status, 0);
  assert.ok(!existsSync(metrics));
  await guard(t, [...words, '--metrics-mode', '0666', '--programs-as-root', '--', '/bin/cat']);
  assert.match((await curl(t, metrics, user)).body, /^sockcred_guard_connections 0$/m);
});

test('it answers what it is asked for and nothing else', { skip: needs('linux') }, async t => {
  const directory = ownDirectory(t);
  const metrics = join(directory, 'metrics');
  await guard(t, [
    '--listen',
    join(directory, 's'),
    '--same-user',
    '--metrics',
    metrics,
    '--programs-as-root',
    '--',
    '/bin/cat',
  ]);
  const status = async (method: string, path: string) => {
    const asked = request({ socketPath: metrics, method, path });
    asked.end();
    const [response] = await once(asked, 'response');
    await text(response);
    return response.statusCode;
  };
  assert.deepEqual(
    [
      await status('GET', '/metrics'),
      await status('HEAD', '/metrics'),
      await status('GET', '/metrics?x=1'),
      await status('POST', '/metrics'),
      await status('GET', '/other'),
    ],
    [200, 200, 200, 405, 404],
  );
});

test('connections that ask nothing keep nobody else from reading, and are closed', {
  skip: needsOtherUsers('curl', 'python3'),
}, async t => {
  const directory = ownDirectory(t);
  const metrics = join(directory, 'metrics');
  const words = ['--listen', join(directory, 's'), '--same-user', '--to', 'tcp:127.0.0.1:1'];
  await guard(t, [...words, '--metrics', metrics, '--metrics-mode', '0666']);
  const script = `
import select
made = [socket.socket(socket.AF_UNIX) for i in range(100)]
for s in made: s.connect(sys.argv[1])
def is_open(s): return not select.select([s], [], [], 0)[0]
deadline = time.time() + 40
while sum(map(is_open, made)) > 8 and time.time() < deadline: time.sleep(0.02)
say('open', sum(map(is_open, made)))
while any(map(is_open, made)) and time.time() < deadline: time.sleep(0.02)
say('open', sum(map(is_open, made)))
hear()
`;
  const idle = python(t, script, { uid: 3001, gid: 3001, groups: [], args: [metrics] });
  assert.equal(await idle.line(), 'open 8');
  const other = { uid: 3002, gid: 3002, groups: [] };
  assert.match((await curl(t, metrics, other)).body, /^sockcred_guard_connections 0$/m);
  assert.equal(await idle.line(), 'open 0');
});
