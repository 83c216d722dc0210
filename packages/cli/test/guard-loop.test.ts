/** Guards in a circle, each in front of the next: what goes round in it is ended by a limit, and everything with it. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { ask, exchange } from './support/clients.js';
import { end } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard, type RunningGuard } from './support/guards.js';
import { heldBy } from './support/held.js';

const MOST = 40;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

interface Circle {
  readonly guards: readonly RunningGuard[];
  readonly fronts: readonly string[];
  readonly metrics: readonly string[];
}

/** So many guards, of which each connects to the next, and the last to the first. */
async function circle(t: TestContext, count: number, words: readonly string[]): Promise<Circle> {
  const directory = ownDirectory(t);
  const fronts = Array.from({ length: count }, (_, index) => join(directory, `front-${index}`));
  const metrics = fronts.map(front => `${front}-metrics`);
  const guards = await Promise.all(
    fronts.map((front, index) =>
      guard(t, [
        ...['--listen', front, '--everyone', '--to', `unix:${fronts[(index + 1) % count]}`],
        ...['--metrics', metrics[index] ?? '', ...words],
      ]),
    ),
  );
  return { guards, fronts, metrics };
}

const number = (body: string, name: string) =>
  Number(new RegExp(`^sockcred_guard_${name} (\\d+)$`, 'm').exec(body)?.[1] ?? 0);

/** Waits until nothing is open in any of them, and gives how often a limit was met. */
async function settled({ metrics }: Circle): Promise<number> {
  for (;;) {
    const bodies = await Promise.all(metrics.map(path => ask(path).then(({ body }) => body)));
    if (bodies.every(body => number(body, 'connections') === 0))
      return bodies.reduce(
        (sum, body) => sum + number(body, 'limited_total\\{limit="connectionsPerUid"\\}'),
        0,
      );
    await new Promise(done => setTimeout(done, 20));
  }
}

const asRoot = ['--upstream-sees-guard', '--connections-per-uid', `${MOST}`];

for (const [title, count, words, request, answer] of [
  ['bytes', 2, asRoot, 'x', /^$/],
  ['bytes, through three', 3, asRoot, 'x', /^$/],
  ['descriptors', 2, [...asRoot, '--pass-fds'], 'x', /^$/],
  ['a header that each adds', 2, [...asRoot, '--proxy-protocol', 'v2'], 'x', /^$/],
  ['HTTP', 2, [...asRoot, '--http'], REQUEST, /^HTTP\/1\.1 429 /],
] as const) {
  test(`a circle of guards ends at a limit, and the guards go on: ${title}`, {
    skip: needs('linux', 'root'),
  }, async t => {
    const made = await circle(t, count, words);
    const [front = ''] = made.fronts;
    const held = () => made.guards.map(({ pid }) => heldBy(pid).descriptors);
    // The first time opens what stays open.
    let before: readonly number[] = [];
    for (let round = 1; round <= 3; round++) {
      assert.match(await exchange(t, front, request), answer);
      assert.equal(await settled(made), round, 'one limit for each time round');
      if (round === 1) before = held();
    }
    for (const [index, descriptors] of held().entries())
      assert.ok(descriptors <= (before[index] ?? 0) + 2, `${descriptors} after ${before[index]}`);
    for (const one of made.guards) {
      const { status } = await end(one);
      assert.equal(status, 0);
      const counts = (event: string) => one.entries().filter(entry => entry.event === event).length;
      assert.ok(counts('admitted') <= 3 * MOST);
      assert.equal(counts('ended'), counts('admitted'), 'each has its end');
    }
  });
}
