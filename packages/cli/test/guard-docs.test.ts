/** docs/guard.md tells the truth: its commands can be meant, and its tables have what there is. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { PeerCredentials } from 'sockcred';
import { madeUpPeer } from 'sockcred/testing';
import { needs } from '../../sockcred/build/support/requirements.js';
import { GUARD_HELP } from '../dist/guard/options/guard-help.js';
import { readGuardOptions } from '../dist/guard/options/guard-options.js';
import { REASONS } from '../dist/guard/records/journal.js';
import { GuardMetrics } from '../dist/guard/records/metrics.js';
import { programEnvironment } from '../dist/guard/services/program-environment.js';

const onLinux = { skip: needs('linux') };
const page = readFileSync(fileURLToPath(new URL('../../../docs/guard.md', import.meta.url)), 'utf8');
const options = readFileSync(
  fileURLToPath(new URL('../dist/guard/options/option-table.js', import.meta.url)),
  'utf8',
);
const journal = readFileSync(
  fileURLToPath(new URL('../dist/guard/records/journal.js', import.meta.url)),
  'utf8',
);
const command = readFileSync(
  fileURLToPath(new URL('../dist/guard/running-guard.js', import.meta.url)),
  'utf8',
);

/** The first cells of the rows of the table under a heading. */
function firstCells(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, cell = '']) => cell);
}

test('every command of docs/guard.md is one that a guard reads', onLinux, () => {
  const lines = [...page.matchAll(/(?:^\$ |^ExecStart=)sockcred guard (.*)$/gm)].map(
    ([, words = '']) => words,
  );
  assert.ok(lines.length >= 6);
  for (const line of lines) assert.notEqual(readGuardOptions(line.split(' ')), 'help', line);
});

test('every option is in the help, and every option of the help is one', onLinux, () => {
  const known = [
    ...(/const OPTIONS = \{(.*?)\n\};/s.exec(options)?.[1] ?? '').matchAll(/^ {4}'?([a-z-]+)'?: \{/gm),
  ];
  const names = [...known.map(([, name]) => `--${name}`), '--version'].sort();
  const helped = [...new Set(GUARD_HELP.match(/--[a-z][a-z-]+/g))].sort();
  assert.ok(names.length > 25);
  assert.deepEqual(helped, names);
});

test('the variables of a program are those of the page', onLinux, () => {
  const peer = madeUpPeer({ uid: 1000, gid: 100, pid: 7, groups: [100], label: 'a' }) as PeerCredentials;
  const decision = { allowed: true, reason: 'allowed', roles: ['reader'], tried: [] } as const;
  const told = programEnvironment({}, { peer, decision }, { ofThisUser: 1, localPath: '/s' });
  assert.deepEqual(Object.keys(told).sort(), firstCells('A program for each connection').sort());
});

test('the metrics are those of the page', onLinux, () => {
  const names = [...new GuardMetrics(() => 0).text().matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(names.sort(), firstCells('Metrics').sort());
});

test('the reasons of ends are those of the page', onLinux, () => {
  assert.deepEqual([...REASONS].sort(), firstCells('How connections end').sort());
});

test('the events are those of the page', onLinux, () => {
  const noted = [...`${journal}${command}`.matchAll(/\.#?note\('([a-z-]+)'/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(noted)].sort(), firstCells('Audit log').sort());
});
