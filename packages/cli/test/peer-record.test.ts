/** `sockcred policy test --peer`: what would be decided about who was written down. */

import assert from 'node:assert/strict';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { peerCredentials, peerToJson } from 'sockcred';
import { makeCgroup, move } from '../../sockcred/build/support/cgroups.js';
import { connectScript, descriptorNumber, openServer, python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { allow, written } from './support/policies.js';

const onLinux = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };

const me = process.geteuid?.() ?? -1;

test(
  'test --peer takes a peer that was written down: as words, as a file, as who prints it, and from stdin',
  onLinux,
  async t => {
    const directory = ownDirectory(t);
    const path = join(directory, 's');
    const server = createServer().listen(path);
    t.after(() => server.close());
    const recorded = await new Promise<string>(done => {
      server.on('connection', (socket: Socket) => {
        done(JSON.stringify(peerToJson(peerCredentials(socket))));
        socket.destroy();
      });
      void run(t, ['who', path]);
    });
    const yes = written(t, allow(`user = ${me}`));
    const no = written(t, `${allow('everyone = true')}[[rules]]\neffect = "deny"\nalive = true\n`);
    const record = join(directory, 'peer.json');
    writeFileSync(record, `${recorded}\n`);
    const who = join(directory, 'who.json');
    writeFileSync(who, JSON.stringify({ credentials: JSON.parse(recorded), process: {}, application: {} }));
    const line = JSON.stringify({
      level: 'info',
      event: 'admitted',
      peer: JSON.parse(recorded),
      decision: {},
    });
    for (const peer of [recorded, record, who, line, `{"uid":${me},"groups":[4]}`]) {
      const told = await run(t, ['policy', 'test', yes, '--peer', peer]);
      assert.equal(told.status, 0, told.stdout + told.stderr);
      assert.match(told.stdout, /^A record of uid/);
      const kept = await run(t, ['policy', 'test', no, '--peer', peer]);
      assert.equal(kept.status, 1);
      assert.match(kept.stdout, /^denied: deny rule 1 cannot be evaluated$/m);
      assert.match(kept.stdout, /^ {2}alive: not-provided/m);
    }
    const pipe = ['/bin/sh', '-c', `exec "$@" <'${record}'`, 'sh'];
    assert.equal((await run(t, ['policy', 'test', yes, '--peer', '-'], { before: pipe })).status, 0);
    for (const [peer, status] of [
      ['/dev/zero', 3],
      ['{}', 2],
      ['{"event":"stopped"}', 2],
      ['{"uid":-1}', 2],
      ['{"user":1000}', 2],
      ['{', 2],
      ['{"process":{}}', 2],
      [join(directory, 'missing'), 3],
      [recorded.replace('"uid":', '"uidd":'), 2],
    ] as const) {
      const refused = await run(t, ['policy', 'test', yes, '--peer', peer]);
      assert.equal(refused.status, status, `${peer}: ${refused.stderr}`);
      assert.equal(refused.stdout, '');
      assert.doesNotMatch(refused.stderr, /^ {4}at /m);
    }
  },
);

test('test --peer takes what who prints, with unit and sandbox, each as weak as it was', asRoot, async t => {
  const [strong, weak] = [makeCgroup(t, 'x.service'), makeCgroup(t, 'deleg.slice', 'x.service')];
  chownSync(join(weak, '..'), 2001, 2001);
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  const client = python(t, connectScript(), { uid: 2001, gid: 2001, groups: [], args: [path] });
  const target = `${descriptorNumber(await next())}@${process.pid}`;
  const record = join(ownDirectory(t), 'who.json');
  const decided = async (cgroup: string, rules: string) => {
    move(client.child.pid, cgroup);
    writeFileSync(record, (await run(t, ['who', '--json', target])).stdout);
    const { status, stdout, stderr } = await run(t, [
      'policy',
      'test',
      '--json',
      written(t, rules),
      '--peer',
      record,
    ]);
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout).missing, []);
    return status;
  };
  const unit = allow('unit = "x.service"\nalive = true');
  assert.equal(await decided(strong, unit), 0);
  assert.equal(await decided(weak, unit), 1);
  assert.equal(await decided(weak, `${unit}believeForgeable = ["unit"]\n`), 0);
  const kept =
    '[[rules]]\neffect = "deny"\nany = [{ container = "c" }, { application = "a" }, { userUnit = "u" }]\n';
  assert.equal(await decided(strong, `${allow('everyone = true')}${kept}`), 0);
  const told = JSON.parse(readFileSync(record, 'utf8'));
  for (const damage of [{ cgroup: 5 }, { claims: [{}] }, { cgroup: { binding: 'kernel', segments: [{}] } }]) {
    const application = { ...told.application, ...damage };
    writeFileSync(record, JSON.stringify({ ...told, application }));
    const { stdout } = await run(t, ['policy', 'test', written(t, unit), '--peer', record]);
    assert.match(stdout, /^ {2}unit: not-provided/m);
  }
});
