/** A security label on a kernel that is, by its release, too old to be believed: setarch(8) gives another release. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ownDirectory } from './support/directories.js';
import { askerElsewhere } from './support/elsewhere.js';
import { connectScript, python } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

/** What an SELinux kernel before 4.17 answers for the ends of a socketpair, here for every socket. */
const UNLABELED = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	static const char label[] = "system_u:object_r:unlabeled_t:s0";
	int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");

	if (level != SOL_SOCKET || name != SO_PEERSEC || *length < sizeof(label))
		return next(fd, level, name, value, length);
	*length = sizeof(label);
	memcpy(value, label, sizeof(label));
	return 0;
}
`;

function labelling(t: TestContext): readonly string[] {
  const at = ownDirectory(t);
  const [source, library] = [join(at, 'label.c'), join(at, 'label.so')];
  writeFileSync(source, UNLABELED);
  const words = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, source, '-ldl'];
  const { status, stderr } = spawnSync(programPath('cc'), words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const preloaded = [process.env['LD_PRELOAD'], library].filter(Boolean).join(' ');
  return ['/usr/bin/env', `LD_PRELOAD=${preloaded}`];
}

test('T51: a label is told of a kernel that labels socketpairs, and of none before', {
  // The runtime has no part in it.
  skip: needs('linux', 'node', 'cc', 'python3', 'setarch'),
}, async t => {
  const labelled = labelling(t);
  const old = [...labelled, programPath('setarch'), '--uname-2.6'];
  for (const [before, expected] of [
    [labelled, { text: 'system_u:object_r:unlabeled_t:s0' }],
    [old, undefined],
  ] as const) {
    const asker = await askerElsewhere(t, before);
    python(t, connectScript(), { args: [asker.path] });
    const { peer } = await asker.next();
    assert.deepEqual(peer.label, expected);
    assert.equal(peer.uid, process.geteuid?.());
    if (expected === undefined) {
      assert.ok(!peer.evidence.label.known && peer.evidence.label.reason === 'ambiguous');
    }
  }
});
