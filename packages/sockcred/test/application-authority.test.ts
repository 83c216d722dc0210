/** Whose word a cgroup's name is, by the directories on the way to it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { authorities, withContainer, withJoiner } from '../dist/application/cgroup.js';

test('T52: a name is worth what the first directory that is not root’s alone is worth', () => {
  const directory = (uid: number, more: object = {}) => ({ uid, shared: false, delegated: false, ...more });
  const root = directory(0);
  const of = (...way: Parameters<typeof authorities>[0]) =>
    authorities(way, way.length, undefined).map(({ of: by, uid }) => [by, uid]);
  assert.deepEqual(of(root, root), [
    ['root', undefined],
    ['root', undefined],
  ]);
  assert.deepEqual(of(root, directory(1000), root), [
    ['root', undefined],
    ['user', 1000],
    ['user', 1000],
  ]);
  assert.deepEqual(
    of(root, directory(0, { delegated: true }), root, directory(1000)),
    [
      ['root', undefined],
      ['root', undefined],
      ['user', 0],
      ['user', 0],
    ],
    'a delegated directory has its name from root, what is below it from the delegate',
  );
  assert.deepEqual(
    authorities([root, directory(1000)], 4, undefined).map(({ uid }) => uid),
    [undefined, 1000, 1000, 1000],
    'nobody looks further down',
  );
  assert.deepEqual(authorities([root], 2, undefined), [{ of: 'root' }, { of: 'user' }], 'nor believes it');
  assert.deepEqual(of(root, directory(0, { shared: true }), root), [
    ['root', undefined],
    ['user', undefined],
    ['user', undefined],
  ]);
  assert.deepEqual(
    authorities([root, directory(65534)], 2, 65534),
    [
      { of: 'user', uid: 0 },
      { of: 'user', uid: 0 },
    ],
    'uid 0 of a user namespace is not the superuser of the machine',
  );
  assert.deepEqual(authorities([directory(65534)], 1, 65534), [{ of: 'user' }], 'nobody in particular');
});

test('T52, T56: what is below a container’s directory is the container’s word, with or without a mark', () => {
  const root = { uid: 0, shared: false, delegated: false };
  const of = (path: string, ...uids: readonly number[]) => {
    const way = [root, ...uids.map(uid => ({ ...root, uid }))];
    return authorities(withContainer(way, path.split('/')), way.length, undefined).slice(1);
  };
  const [byRoot, byContainer] = [{ of: 'root' }, { of: 'user', uid: 0 }];
  assert.deepEqual(of('lxc.payload.a', 0), [byRoot], 'its own name is the engine’s');
  assert.deepEqual(of('lxc.payload.a/x.service', 0, 0), [byRoot, byContainer]);
  assert.deepEqual(of('a.slice/lxc.payload.a/lxc.payload.b/x', 0, 0, 0, 0), [
    ...[byRoot, byRoot, byContainer, byContainer],
  ]);
  assert.deepEqual(of('lxc.payload.a/x', 1000, 0), [
    { of: 'user', uid: 1000 },
    { of: 'user', uid: 1000 },
  ]);
  assert.deepEqual(of('a.slice/x.service', 0, 0), [byRoot, byRoot]);
});

test('T52: where others may move a process in, every name that they can reach is their word', () => {
  const [root, user] = [{ of: 'root' }, { of: 'user', uid: 5 }] as const;
  const joiner = { uid: 7, shared: false, from: 0 };
  const seven = { of: 'user', uid: 7 };
  assert.deepEqual(withJoiner([root, root, user], undefined, undefined), [root, root, user]);
  assert.deepEqual(withJoiner([root, root, root], joiner, undefined), [root, seven, seven]);
  assert.deepEqual(withJoiner([root, root, user], { ...joiner, from: -1 }, undefined), [seven, seven, user]);
  assert.deepEqual(withJoiner([root, root], { ...joiner, shared: true }, undefined), [root, { of: 'user' }]);
  assert.deepEqual(withJoiner([root, root], joiner, 7), [root, { of: 'user' }]);
});

test('T52: whatever the directories, a name is root’s word only below what is root’s alone', () => {
  const one = fc.record({
    uid: fc.constantFrom(0, 0, 0, 1000, 65534),
    shared: fc.boolean(),
    delegated: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), fc.nat(8), fc.boolean(), (way, count, hidden) => {
      const words = authorities(way, count, hidden ? 65534 : undefined);
      assert.equal(words.length, count);
      for (const [at, { of, uid }] of words.entries()) {
        const above = way.slice(0, at + 1);
        const alone = above.length === at + 1 && above.every(each => each.uid === 0 && !each.shared);
        const given = above.slice(0, -1).some(({ delegated }) => delegated);
        assert.equal(of === 'root', alone && !given && !hidden);
        if (uid !== undefined) assert.ok(above.some(each => each.uid === uid));
      }
    }),
    { numRuns: 2000 },
  );
});
