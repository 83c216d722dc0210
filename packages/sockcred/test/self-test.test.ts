/** What the self-test's verdicts lead to, and an addon that is missing. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Addon } from '../dist/sys/addon.js';
import { judge } from '../dist/sys/self-test.js';
import { openDirectory } from './support/directories.js';
import { needs } from './support/requirements.js';

test('T13: a kernel that fails the self-test is not believed', () => {
  assert.equal(judge(0), undefined);
  for (const verdict of [1, 2]) assert.equal(judge(verdict)?.code, 'ERR_PEER_SELF_TEST');
  assert.equal(judge(1)?.scope, 'daemon');
});

test('a self-test that could not be run is no verdict', () => {
  const error = judge(-24);
  assert.equal(error?.code, 'ERR_PEER_SELF_TEST_NOT_RUN');
  assert.equal(error?.errno, 'EMFILE');
  assert.notEqual(error?.scope, 'daemon', 'a peer can use up our descriptors');
});

test('a failed verdict is final, one that could not be had is asked for again', async () => {
  const { ensureTrustworthy } = await import(`../dist/sys/self-test.js?${Math.random()}`);
  const verdicts = [-24, 2];
  let asked = 0;
  const addon = { selfTest: () => verdicts[asked++] ?? 0 } as unknown as Addon;
  assert.throws(() => ensureTrustworthy(addon), { code: 'ERR_PEER_SELF_TEST_NOT_RUN' });
  assert.throws(() => ensureTrustworthy(addon), { code: 'ERR_PEER_SELF_TEST' });
  assert.throws(() => ensureTrustworthy(addon), { code: 'ERR_PEER_SELF_TEST' });
  assert.equal(asked, 2);
});

test('import never throws; without an addon the first question does, and says what to do', {
  skip: needs('linux', 'node'),
}, t => {
  const library = dirname(dirname(fileURLToPath(import.meta.url)));
  const copy = openDirectory(t);
  cpSync(join(library, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(library, 'package.json'), join(copy, 'package.json'));
  const script = `
    const { peerCredentials, PeerError } = await import('${join(copy, 'dist', 'index.js')}');
    try { peerCredentials(0); } catch (error) {
      console.log(error instanceof PeerError, error.code, error.scope, /build/.test(error.message), error.cause !== undefined);
    }`;
  const run = () => spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(run().stdout, 'true ERR_PEER_ADDON daemon true true\n');
  rmSync(join(copy, 'dist'), { recursive: true });
});

test('the global require of node -e, which looks beside the working directory, is not asked for code', {
  skip: needs('linux', 'node'),
}, t => {
  const directory = openDirectory(t);
  const target = join(directory, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'sockcred.node'), 'not ours');
  const cwd = join(directory, 'a', 'b');
  mkdirSync(cwd, { recursive: true });
  const script = `
    import('${new URL('../dist/index.js', import.meta.url)}').then(({ peerCredentials }) => {
      try { peerCredentials(0); } catch (error) { console.log(typeof globalThis.require, error.code); }
    });`;
  const run = spawnSync(process.execPath, ['-e', script], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.equal(run.stdout, 'function ERR_SOURCE_NOT_SOCKET\n', run.stderr);
});

test('out of descriptors, the first question can be asked again later', {
  skip: needs('linux', 'python3', 'node'),
}, t => {
  const script = `
    import { openSync, closeSync } from 'node:fs';
    const { peerCredentials } = await import('${new URL('../dist/index.js', import.meta.url)}');
    try { peerCredentials(-1); } catch {}
    const all = [];
    const { addon } = await import('${new URL('../dist/sys/addon.js', import.meta.url)}');
    const { ensureTrustworthy } = await import('${new URL('../dist/sys/self-test.js?fresh', import.meta.url)}');
    addon();
    try { for (;;) all.push(openSync('/dev/null', 'r')); } catch {}
    let code;
    try { ensureTrustworthy(addon()); } catch (error) { code = error.code + ' ' + error.errno; }
    for (const fd of all) closeSync(fd);
    ensureTrustworthy(addon());
    console.log(code, 'then fine');`;
  const run = spawnSync(
    '/bin/sh',
    ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(run.stdout, 'ERR_PEER_SELF_TEST_NOT_RUN EMFILE then fine\n', run.stderr);
  t.diagnostic('descriptors ran out and came back');
});
