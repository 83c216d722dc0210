/** docs/policy.md tells the truth: its policies load, its commands print what stands there. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemNames } from 'sockcred/authorization';
import { needs } from '../../sockcred/build/support/requirements.js';
import { loadPolicyFile, PolicyFileError } from '../dist/policy/policy-file.js';
import { run } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const PAGE = fileURLToPath(new URL('../../../docs/policy.md', import.meta.url));

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...readFileSync(PAGE, 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language = '', text = '']) => ({ language, text }),
);

/** The ids that the page shows are Debian's. */
const names = systemNames();
const likeDebian = names.group('adm') === 4 && names.user('nobody') === 65534 && names.user('daemon') === 1;
const skip = needs('linux') || (likeDebian ? false : 'needs Debian’s users and groups');

/** The words of a command as a shell has them, with single quotes only. */
const words = (line: string) =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

test('every policy of docs/policy.md loads, unless the page shows its faults', { skip }, t => {
  const policies = blocks.filter(({ language }) => language === 'toml');
  assert.ok(policies.length > 8);
  for (const [index, { language, text }] of blocks.entries()) {
    if (language !== 'toml') continue;
    const path = join(ownDirectory(t), 'policy.toml');
    writeFileSync(path, text);
    const shown = blocks[index + 1];
    const faulty = shown?.language === 'console' && /^policy\.toml:\d+:\d+: (?!note)/m.test(shown.text);
    if (faulty) assert.throws(() => loadPolicyFile(path), PolicyFileError);
    else assert.ok(loadPolicyFile(path).policy.facts, text);
  }
});

test('every command of docs/policy.md prints what stands there', { skip }, async t => {
  let commands = 0;
  for (const [index, { language, text }] of blocks.entries()) {
    if (language !== 'console') continue;
    const cwd = ownDirectory(t);
    for (const [kind, file] of [
      ['toml', 'policy.toml'],
      ['json', 'peer.json'],
    ] as const) {
      const before = blocks.slice(0, index).findLast(block => block.language === kind);
      writeFileSync(join(cwd, file), before?.text ?? '');
    }
    for (const [, line = '', printed = ''] of text.matchAll(/^\$ sockcred (.*)\n((?:(?!\$ ).*\n)*)/gm)) {
      const { stdout, stderr } = await run(t, words(line), { cwd });
      assert.equal(stdout + stderr, printed, line);
      commands++;
    }
  }
  assert.ok(commands > 4);
});

test('every condition that rules can have is on the page', { skip: needs('linux') }, () => {
  const page = readFileSync(PAGE, 'utf8');
  const source = fileURLToPath(
    new URL('../../sockcred/src/authorization/condition-reader.ts', import.meta.url),
  );
  const [, list = ''] = /const PROPERTIES = \[(.*?)\] as const/s.exec(readFileSync(source, 'utf8')) ?? [];
  const properties = [...list.matchAll(/'(\w+)'/g)].map(([, name]) => name);
  assert.ok(properties.length > 10);
  for (const name of properties) assert.match(page, new RegExp(`^\\| \`${name}\` `, 'm'), name);
});
