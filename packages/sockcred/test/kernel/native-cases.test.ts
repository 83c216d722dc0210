/**
 * The compiled tests of native/sys_linux.c against this kernel, one case per
 * process, from a program that was built outside of the emulated machine:
 * SOCKCRED_NATIVE_TESTS names it. native-core.test.ts has the cases' titles.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { needs } from '../support/requirements.js';

const program = process.env['SOCKCRED_NATIVE_TESTS'] ?? '';
const skip =
  needs('linux', 'root') || (program === '' ? 'needs SOCKCRED_NATIVE_TESTS, see test-kernels.mjs' : false);
const cases = skip === false ? spawnSync(program, { encoding: 'utf8' }).stdout.trim().split('\n') : ['none'];

for (const name of cases) {
  test(`native case ${name}`, { skip }, t => {
    const { status, signal, stdout, stderr } = spawnSync(program, [name], { encoding: 'utf8' });
    if (status === 77) t.skip(stdout.trim());
    else assert.equal(status, 0, `${signal ?? ''}${stderr}`);
  });
}

test('there are native cases', { skip }, () => {
  assert.ok(cases.length > 15, cases.join(' '));
});
