/** docs/who.md tells the truth: its commands print what stands there, and its tables have what there is. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ENGINES } from 'sockcred/application';
import { needs } from '../../sockcred/build/support/requirements.js';
import { run } from './support/command.js';
import { schemaOf } from './support/schemas.js';

const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
const page = read('../../../docs/who.md');

/** The first cells of the rows of the table whose first column has this head. */
function firstCells(head: string): readonly string[] {
  const [, rows = ''] = new RegExp(`^ *\\| ${head} +\\|.*\\n.*\\n((?: *\\|.*\\n)+)`, 'm').exec(page) ?? [];
  return [...rows.matchAll(/^ *\| `([^`]+)`/gm)].map(([, cell = '']) => cell).sort();
}

test('every command of docs/who.md prints what stands there', { skip: needs('linux') }, async t => {
  const [, text = ''] = /^```console\n(.*?)^```$/ms.exec(page) ?? [];
  const commands = [...text.matchAll(/^\$ sockcred (.*)\n((?:(?!\$ ).*\n)*)/gm)];
  assert.ok(commands.length >= 3);
  for (const [, line = '', printed = ''] of commands) {
    const { stdout, stderr } = await run(t, line.split(' '));
    assert.equal(stdout + stderr, printed, line);
  }
});

test('every engine, grade and line is on the page', () => {
  const { $defs } = schemaOf('peer-picture') as {
    readonly $defs: {
      readonly binding: { readonly enum: readonly string[] };
      readonly authority: { readonly properties: { readonly of: { readonly enum: readonly string[] } } };
      readonly containment: { readonly items: { readonly enum: readonly string[] } };
    };
  };
  assert.deepEqual(firstCells('engine'), [...ENGINES].sort());
  assert.deepEqual(firstCells('binding'), [...$defs.binding.enum].sort());
  assert.deepEqual(firstCells('authority'), [...$defs.authority.properties.of.enum].sort());
  assert.deepEqual(firstCells('containment'), [...$defs.containment.items.enum].sort());
  const sources = read('../dist/who/process-rows.js') + read('../dist/who/picture-text.js');
  const names = [...sources.matchAll(/(?:name: |[fF]actRow\(\s*|untoldRow\(\s*)'([a-z ]+)'/g)].map(
    ([, name]) => name,
  );
  assert.deepEqual(firstCells('line'), [...new Set(names)].sort());
});
