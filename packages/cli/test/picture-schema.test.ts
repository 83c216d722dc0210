/** The whole picture, and every line of a list, keep to their published schemas. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectScript, openServer, python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { bubblewrapped, emptyRoot } from '../../sockcred/build/support/sandboxes.js';
import { lacksList } from '../../sockcred/build/support/socket-list.js';
import { needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ajv, schemaOf } from './support/schemas.js';

type Json = Record<string, unknown>;

function assertPicture(text: string): Json {
  const schema = schemaOf('peer-picture');
  const json = JSON.parse(text) as Json;
  assert.ok(ajv.validate(schema, json), `${ajv.errorsText()}: ${text}`);
  for (const change of [
    { schemaVersion: 2 },
    { process: {} },
    { application: { claims: 1 } },
    { extra: 1 },
  ]) {
    assert.ok(!ajv.validate(schema, { ...json, ...change }), `${Object.keys(change)} is not checked`);
  }
  return json;
}

async function pictureOf(t: Parameters<typeof run>[0], ...words: readonly string[]): Promise<Json> {
  const { status, stdout, stderr } = await run(t, ['who', '--json', ...words]);
  assert.equal(status, 0, stderr);
  return assertPicture(stdout);
}

test('who --json of a descriptor, a process and a zombie validates', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  const client = python(t, connectScript(), { uid: 2001, gid: 2500, groups: [27], args: [path] });
  const { fd } = ((await next()) as unknown as { _handle: { fd: number } })._handle;
  const peer = await pictureOf(t, `${fd}@${process.pid}`);
  assert.ok('credentials' in peer && 'drift' in (peer['process'] as Json));
  const process_ = await pictureOf(t, `${client.child.pid}`);
  assert.ok(!('credentials' in process_));
  const zombie = python(t, 'child = os.fork()\nif child == 0: os._exit(3)\nsay(child)\nsignal.pause()');
  const ended = await pictureOf(t, await zombie.line());
  assert.ok('code' in (ended['application'] as Json), 'a part that cannot be told');
});

test('who --json of a sandbox validates', {
  skip: needs('linux', 'root', 'bwrap', 'python3', 'setpriv'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const root = emptyRoot(t);
  writeFileSync(
    join(root, '.flatpak-info'),
    '[Application]\nname=org.example.App\n[Instance]\ninstance-id=1\n',
  );
  const { next } = await openServer(t, path);
  python(t, connectScript(), { before: bubblewrapped(root), args: [path] });
  const { fd } = ((await next()) as unknown as { _handle: { fd: number } })._handle;
  const { application } = await pictureOf(t, `${fd}@${process.pid}`);
  assert.equal(((application as Json)['claims'] as Json[])[0]?.['engine'], 'flatpak');
});

test('every line of ls --json validates', { skip: needs('linux') || lacksList() }, async t => {
  const path = join(ownDirectory(t), 's');
  await openServer(t, path);
  const schema = schemaOf('socket-line');
  const { stdout } = await run(t, ['ls', '--all', '--json', '--pid', `${process.pid}`]);
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Json);
  assert.ok(lines.some(({ name }) => name === path));
  for (const line of lines) {
    assert.ok(ajv.validate(schema, line), `${ajv.errorsText()}: ${JSON.stringify(line)}`);
    for (const change of [{ state: 'odd' }, { holders: [{ pid: 0 }] }, { extra: 1 }]) {
      assert.ok(!ajv.validate(schema, { ...line, ...change }), `${Object.keys(change)} is not checked`);
    }
  }
});
