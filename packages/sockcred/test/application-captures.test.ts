/** What the kernel lists of processes in containers of each engine, read as it was captured. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedCgroup, parseCgroupLines, pathSegments } from '../dist/application/cgroup-lines.js';
import { containerNames } from '../dist/application/container-name.js';
import { CAPTURES } from './support/cgroup-captures.js';

test('T56: what the kernel lists for each engine is told as that engine’s container', () => {
  for (const { of, how, text, containers, podId } of CAPTURES) {
    const lines = parseCgroupLines(text);
    const named = lines === undefined ? undefined : namedCgroup(lines);
    assert.ok(named !== undefined && named !== 'ambiguous', of);
    const found = containerNames(pathSegments(named.path).segments);
    assert.deepEqual(
      found.map(({ runtime, id }) => [runtime, id]),
      containers,
      `${of} (${how})`,
    );
    assert.equal(found[0]?.podId, podId, of);
  }
});
