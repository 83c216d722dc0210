/** The JSON that the command gives keeps to the published schema, and reads back as what it was. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { runAs } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { curl } from './support/clients.js';
import { needsOtherUsers, run, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ajv, schemaOf } from './support/schemas.js';

const onLinux = { skip: needs('linux', 'curl') };

/** Throws unless the text is one JSON value that the schema allows. */
function validated(text: string): Record<string, unknown> {
  const schema = schemaOf('peer-credentials');
  const json = JSON.parse(text) as Record<string, unknown>;
  assert.ok(ajv.validate(schema, json), ajv.errorsText());
  for (const change of [{ schemaVersion: 2 }, { uid: -1 }, { groups: 'all' }, { extra: true }]) {
    assert.ok(!ajv.validate(schema, { ...json, ...change }), `${Object.keys(change)} is not checked`);
  }
  return json;
}

test('an answer of serve validates and reads back', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  const { body, pid } = await curl(t, path, { args: ['-H', 'Accept: application/json'] });
  validated(body);
  const peer = recordedPeer(body);
  assert.equal(peer.uid, process.geteuid?.());
  assert.equal(peer.pid, pid);
});

test('an answer of serve about another user validates and reads back', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path, '--mode', '0666']);
  const identity = { uid: 4294967294, gid: 4294967294, groups: [7, 2147483648] };
  const { body } = await curl(t, path, { ...identity, args: ['-H', 'Accept: application/json'] });
  validated(body);
  const peer = recordedPeer(body);
  assert.equal(peer.uid, 4294967294);
  assert.deepEqual(peer.groups, [7, 2147483648, 4294967294]);
});

test('who --json validates and reads back', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const { pid } = await serve(t, ['--listen', path]);
  const { status, stdout, stderr } = await run(t, ['who', '--json', path]);
  assert.equal(status, 0);
  assert.equal(stderr, '');
  assert.equal(stdout.split('\n').length, 2, 'one line');
  const { credentials } = JSON.parse(stdout) as { credentials: unknown };
  validated(JSON.stringify(credentials));
  const peer = recordedPeer(credentials);
  assert.equal(peer.role, 'listener');
  assert.equal(peer.pid, pid);
  assert.equal(peer.evidence.uid.known && peer.evidence.uid.captured, 'listen');
});

test('the peer in a line of the JSON log validates and reads back', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const before = runAs({ uid: 2001, gid: 2001, groups: [] });
  const running = await serve(t, ['--listen', path, '--log', 'json'], { before });
  await curl(t, path, { uid: 2001, gid: 2001, groups: [30] });
  const { peer } = JSON.parse(await running.line(/"request"/)) as { peer: unknown };
  validated(JSON.stringify(peer));
  assert.deepEqual(recordedPeer(peer).groups, [30, 2001]);
});
