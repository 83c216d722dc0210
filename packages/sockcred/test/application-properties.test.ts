/** Whatever may stand where the application room reads: its parsers answer, and only with what stands there. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { securityContext } from 'sockcred/application';
import { namedCgroup, parseCgroupLines } from '../dist/application/cgroup-lines.js';
import { containerNames } from '../dist/application/container-name.js';
import {
  isApplicationId,
  parseFlatpakInfo,
  parseSandboxNamespaces,
} from '../dist/application/flatpak-info.js';
import { snapOfCgroup, snapOfProfile } from '../dist/application/snap-name.js';
import { applicationOf, unescapeUnit, unitNames } from '../dist/application/unit-name.js';
import { parseStartTime, parseStatus } from '../dist/process/status-text.js';
import { parseMounts } from '../dist/sys/cgroup-tree.js';
import { parsePidfdInfo } from '../dist/sys/pidfd-info.js';

const ID = '3f4e'.repeat(16);

/** Names as they may stand in a path: near the true ones, and far from them. */
const segment = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }).map(text => text.replace(/[/\0\n]/g, '') || 'x'),
  fc.constantFrom(
    `docker-${ID}.scope`,
    'user.slice',
    'user-1000.slice',
    'user@1000.service',
    'docker',
    ID,
    '..',
  ),
  fc.stringMatching(/^(?:app|snap|libpod|lxc\.payload|machine)[-.][\w.\\@-]{0,40}\.(?:scope|service|slice)$/),
);

test('whatever stands in a path, every parser answers, and only with what stands there', () => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 8 }), segments => {
      for (const { at, id } of containerNames(segments)) {
        assert.ok(at < segments.length);
        assert.ok((unescapeUnit(segments[at] ?? '') ?? segments[at] ?? '').includes(id));
      }
      const names = unitNames(segments);
      if (names?.unit !== undefined) assert.ok(segments[names.unitAt ?? -1]?.endsWith(names.unit));
      if (names?.slicedUid !== undefined) assert.ok(segments.includes(`user-${names.slicedUid}.slice`));
      for (const name of segments) {
        snapOfCgroup(name);
        snapOfProfile(name);
        applicationOf(name);
      }
    }),
    { numRuns: 2000 },
  );
});

test('whatever the text, parsers of files answer or say that they do not know', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => {
      const lines = parseCgroupLines(text);
      if (lines !== undefined) namedCgroup(lines);
      parseStatus(text);
      parseStartTime(text);
      parseMounts(text);
      parseSandboxNamespaces(text);
      securityContext(text);
      unescapeUnit(text);
      parsePidfdInfo(text);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const info = parseFlatpakInfo(bytes);
      assert.ok(info === undefined || isApplicationId(info.applicationId));
    }),
    { numRuns: 2000 },
  );
});

test('a cgroup line comes back as it was written, for any path', () => {
  const path = fc.array(segment, { maxLength: 5 }).map(segments => `/${segments.join('/')}`);
  fc.assert(
    fc.property(path, fc.boolean(), (written, unified) => {
      const lines = parseCgroupLines(unified ? `0::${written}\n` : `7:pids:${written}\n`);
      assert.equal(lines?.length, 1);
      const [line] = lines ?? [];
      const marked = unified && written.endsWith(' (deleted)');
      assert.equal(line?.path, marked ? written.slice(0, -' (deleted)'.length) || '/' : written);
      assert.equal(line?.deleted, marked);
    }),
    { numRuns: 1000 },
  );
});
