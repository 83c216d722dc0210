/** What names of cgroups and claims weigh as facts of a policy. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authority, Claim, PeerCgroup } from 'sockcred/application';
import { applicationWitnesses } from 'sockcred/witnesses';

const ROOT: Authority = { of: 'root' };
const USER: Authority = { of: 'user', uid: 1000 };
const ID = '3f4e'.repeat(16);

/** A path in which the names from `from` on are a user's. */
function cgroup(
  path: string,
  from = Number.POSITIVE_INFINITY,
  binding: PeerCgroup['binding'] = 'kernel',
): PeerCgroup {
  const segments = path.split('/').map((name, at) => ({ name, authority: at < from ? ROOT : USER }));
  return { path: `/${path}`, segments, hierarchy: 'unified', binding, deleted: false };
}

type Told = 'unit' | 'userUnit' | 'container' | 'application';

/** `name` where it is strong, `name?` where somebody could have made it up. */
function told(
  fact: Told,
  given: { readonly cgroup?: PeerCgroup; readonly claims?: readonly Claim[] },
): string {
  const found = applicationWitnesses({ claims: [], ...given })[fact]?.();
  if (found === undefined) return 'not asked';
  assert.ok(found.known);
  return `${found.value}${found.forgeable === undefined ? '' : '?'}`;
}

test('a unit is as strong as its own directory, whatever is below it', () => {
  const unit = (...given: Parameters<typeof cgroup>) => told('unit', { cgroup: cgroup(...given) });
  assert.equal(unit('system.slice/x.service'), 'x.service');
  assert.equal(unit('system.slice/x.service/user-made', 2), 'x.service');
  assert.equal(unit('system.slice/x.service', 1), 'x.service?');
  assert.equal(unit('system.slice/x.service', 0), 'x.service?');
  assert.equal(unit('system.slice/x.service', undefined, 'pinned'), 'x.service');
  assert.equal(unit('system.slice/x.service', undefined, 'pid-only'), 'x.service?');
  assert.equal(unit('system.slice'), 'null?');
  assert.equal(unit('elsewhere/x.service'), 'null?');
});

test('what is inside a container or a unit does not name the unit', () => {
  const scope = `docker-${ID}.scope`;
  assert.equal(told('unit', { cgroup: cgroup(`system.slice/${scope}/system.slice/ssh.service`) }), scope);
  assert.equal(told('unit', { cgroup: cgroup('lxc.payload.a/system.slice/ssh.service') }), 'null?');
  assert.equal(
    told('unit', { cgroup: cgroup('system.slice/x.service/system.slice/ssh.service') }),
    'x.service',
  );
});

test('a user’s unit is the user’s word, and the manager above it root’s', () => {
  const session = cgroup('user.slice/user-1000.slice/user@1000.service/app.slice/a.service', 3);
  assert.equal(told('unit', { cgroup: session }), 'user@1000.service');
  assert.equal(told('userUnit', { cgroup: session }), 'a.service?');
  assert.equal(told('userUnit', { cgroup: cgroup('system.slice/x.service') }), 'null?');
});

test('of containers the outermost is meant, and it is as strong as its directory', () => {
  const inner = '09ab'.repeat(16);
  const container = (...given: Parameters<typeof cgroup>) => told('container', { cgroup: cgroup(...given) });
  assert.equal(container(`system.slice/docker-${ID}.scope/docker/${inner}`), ID);
  assert.equal(container(`system.slice/docker-${ID}.scope/docker-${inner}.scope`, 2), ID);
  assert.equal(container(`user.slice/docker-${ID}.scope`, 1), `${ID}?`);
  assert.equal(container('system.slice/x.service'), 'null?');
});

test('an application is what a sandbox claims, not the name of a unit', () => {
  const claim = (engine: Claim['engine'], authority: Authority, binding: Claim['binding']): Claim => ({
    engine,
    applicationId: `of-${engine}`,
    authority,
    binding,
    containment: [],
    evidence: 'cgroup',
    captured: 'now',
  });
  const application = (...claims: readonly Claim[]) => told('application', { claims });
  assert.equal(application(claim('snap', { of: 'kernel' }, 'kernel')), 'of-snap');
  assert.equal(application(claim('flatpak', USER, 'pinned')), 'of-flatpak?');
  assert.equal(application(claim('flatpak', { of: 'user' }, 'pinned')), 'of-flatpak?');
  assert.equal(application(claim('snap', { of: 'self' }, 'kernel')), 'of-snap?');
  assert.equal(application(claim('snap', { of: 'kernel' }, 'pid-only')), 'of-snap?');
  assert.equal(application(claim('systemd', ROOT, 'kernel')), 'null?');
  assert.equal(
    told('unit', { claims: [] }),
    'not asked',
    'without a cgroup there is no fact, and so it is unknown',
  );
});
