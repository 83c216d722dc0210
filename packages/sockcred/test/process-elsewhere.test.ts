/**
 * Holding a peer's process where that is less than on Linux. What those
 * kernels give is made up, or is what this one gives under another system's
 * name: a pidfd where they have a queue, which is readable at the same moment.
 * That their files make such a queue, native-foreign.test.ts shows.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { watchRefusal } from '../dist/process/exit-pin.js';
import { holdLastUser, type LastUserQuestions, lastUserOf } from '../dist/process/last-user.js';
import {
  type AuditToken,
  type TokenAnswer,
  tokenOf,
  tokenOutcome,
  versionedId,
} from '../dist/sys/audit-token.js';
import { outcomeOf } from '../dist/sys/outcome.js';
import type { NewDescriptor } from '../dist/sys/pidfd.js';
import { ownDirectory } from './support/directories.js';
import { libraryOf, nativeSystems } from './support/other-core.js';
import { runProgram } from './support/programs.js';
import { needs, runtime } from './support/requirements.js';

const { errno } = constants;
// The library with another system's name does not load in Bun, which tests nothing of Bun's own then.
const skip =
  needs('linux', 'cc', 'python3') || (runtime() === 'bun' && 'the made-up kernel does not load in Bun');

const refused = (status: number) => ({ refused: outcomeOf(status) });
const token = (pid: number, pidVersion: number): AuditToken =>
  tokenOf(Uint32Array.of(0xffffffff, 501, 20, 501, 20, pid, 100_003, pidVersion));

/** One socket, whose last user is asked for again and again; what was left open. */
function questions(tokens: readonly TokenAnswer[], opened: readonly NewDescriptor[]) {
  const open = new Set<number>();
  const asked: number[] = [];
  const left = { tokens: [...tokens], opened: [...opened] };
  const put: LastUserQuestions = {
    token: () => left.tokens.shift() as TokenAnswer,
    open(pid) {
      asked.push(pid);
      const next = left.opened.shift() as NewDescriptor;
      if ('fd' in next) open.add(next.fd);
      return next;
    },
    close: held => assert.ok(open.delete(held)),
  };
  return { put, open, asked, left };
}

test('macOS: the words of an audit token are each in their place, and no id is no id', () => {
  const words = Uint32Array.of(0xffffffff, 1, 2, 3, 4, 4242, 6, 7);
  assert.deepEqual(lastUserOf(tokenOf(words)), {
    pid: 4242,
    pidVersion: 7,
    effectiveUid: 1,
    effectiveGid: 2,
    realUid: 3,
    realGid: 4,
    auditSession: 6,
    captured: 'last-use',
  });
  assert.equal(lastUserOf(tokenOf(words.with(0, 501))).auditUid, 501);
});

test('macOS: a process is named by boot, number and version, or not at all', () => {
  const boot = '6E2C0F0A-1B7D-4F0E-9C55-0123456789AB';
  assert.equal(versionedId(boot, token(42, 7)), `${boot.toLowerCase()}:42:7`);
  assert.notEqual(versionedId(boot, token(42, 7)), versionedId(boot, token(42, 8)));
  for (const other of ['', 'x', `${boot}x`, `${boot}\n`])
    assert.equal(versionedId(other, token(42, 7)), undefined);
});

test('macOS: the last user of a socket is held if number and version are the same before and after', () => {
  const { put, open, asked } = questions([token(42, 7), token(42, 7)], [{ fd: 5 }]);
  const held = holdLastUser(put);
  assert.deepEqual([held.token.pid, held.pin.pidfd, held.pin.binding], [42, 5, 'pid-only']);
  assert.match(held.pin.lowered ?? '', /used the socket last.*need not be who connected/);
  assert.deepEqual([[...open], asked], [[5], [42]]);
});

test('macOS: a number that passed to another process, or exec, or another user of the socket, in between is noticed', () => {
  const other = questions(
    [token(42, 7), token(42, 8), token(42, 8), token(43, 9), token(43, 9), token(43, 9)],
    [{ fd: 5 }, { fd: 6 }, { fd: 7 }],
  );
  assert.equal(holdLastUser(other.put).token.pid, 43);
  assert.deepEqual([[...other.open], other.asked], [[7], [42, 42, 43]]);

  const restless = [1, 2, 3, 4, 5, 6].map(version => token(42, version));
  const never = questions(restless, [{ fd: 5 }, { fd: 6 }, { fd: 7 }]);
  assert.throws(() => holdLastUser(never.put), { code: 'ERR_PEER_RACED' });
  assert.equal(never.open.size, 0);
});

test('macOS: a process that ended between the two questions is never held', () => {
  const after = questions([token(42, 7), { refused: tokenOutcome(errno.EINVAL) }], [{ fd: 5 }]);
  assert.throws(() => holdLastUser(after.put), { code: 'ERR_PEER_GONE' });
  assert.equal(after.open.size, 0);

  const before = questions([token(42, 7), token(43, 9), token(43, 9)], [refused(errno.ESRCH), { fd: 6 }]);
  assert.equal(holdLastUser(before.put).token.pid, 43);
  assert.deepEqual([...before.open], [6]);
});

test('macOS: why a socket tells no last user', () => {
  const code = (answer: TokenAnswer) => {
    try {
      return holdLastUser(questions([answer], [{ fd: 5 }]).put).token.pid;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const because = (status: number) => code({ refused: tokenOutcome(status) });
  assert.equal(because(errno.EINVAL), 'ERR_PEER_GONE');
  assert.equal(because(errno.ENOTCONN), 'ERR_PEER_PROCESS');
  assert.equal(because(errno.EOPNOTSUPP), 'ERR_PEER_UNSUPPORTED', 'macOS 10');
  assert.equal(because(0x10002), 'ERR_PEER_UNSUPPORTED');
  assert.equal(because(0x10001), 'ERR_PEER_PROCESS');
  assert.equal(code(token(0, 7)), 'ERR_PEER_PROCESS', 'the kernel itself is nobody');
});

test('no process is said to be gone where it may only be hidden', () => {
  const code = (system: string, status: number) => watchRefusal(system, 42, outcomeOf(status)).code;
  for (const system of ['openbsd', 'netbsd', 'darwin']) {
    assert.equal(code(system, errno.ESRCH), 'ERR_PEER_GONE');
    assert.equal(code(system, errno.EACCES), 'ERR_PEER_PROCESS');
    assert.equal(code(system, errno.EMFILE), 'ERR_PEER_SYSTEM');
    assert.equal(code(system, 0x10002), 'ERR_PEER_UNSUPPORTED', 'NetBSD 9');
  }
  assert.equal(code('freebsd', errno.ESRCH), 'ERR_PEER_PROCESS', 'jails, security.bsd.see_other_uids');
});

/** In the place of what another system has: its name, by the environment, and who used a socket last. */
const OTHER = `
#define _GNU_SOURCE
#include "sys.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
static char name[16];
extern const char sys_name[16] __attribute__((alias("name")));
__attribute__((constructor)) static void take_name(void)
{
	strncpy(name, getenv("OTHER_SYSTEM"), sizeof(name) - 1);
}
int sys_peer_token(int fd, uint32_t out[8])
{
	struct ucred ids;
	socklen_t length = sizeof(ids);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ids, &length) != 0)
		return 22;
	memcpy(out, (uint32_t[8]){ SYS_NO_ID, 1, 2, 3, 4, (uint32_t)ids.pid, 6, 7 }, 32);
	return 0;
}
int sys_boot_id(uint8_t *out, size_t capacity, size_t *length)
{
	*length = capacity < 36 ? capacity : 36;
	memcpy(out, "6E2C0F0A-1B7D-4F0E-9C55-0123456789AB", *length);
	return 0;
}
`;

/** The library with a core of this kernel that calls itself another system's. */
function otherLibrary(t: TestContext): string {
  const at = ownDirectory(t);
  writeFileSync(join(at, 'other.c'), OTHER);
  const kernel = nativeSystems.addonSources('linux').find(file => file.endsWith('sys_linux.c')) ?? '';
  const source = readFileSync(kernel, 'utf8');
  const nameless = source.replace('const char sys_name[] = "linux";', '');
  assert.notEqual(nameless, source);
  writeFileSync(join(at, 'nameless.c'), nameless);
  const rest = nativeSystems
    .addonSources('linux')
    .filter(file => file !== kernel && !/absent.(token|boot_id)\.c$/.test(file));
  return libraryOf(t, [...rest, join(at, 'nameless.c'), join(at, 'other.c')]);
}

/** What a program says that holds its peer's process, before and after that has ended. */
function story(t: TestContext, library: string, system: string) {
  const path = join(ownDirectory(t), 's');
  const script = `
    process.env.OTHER_SYSTEM = '${system}';
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { createServer } from 'node:net';
    import { peerApplication } from '${join(library, 'application', 'index.js')}';
    import { duplicateDescriptor, peerProcess, runningProcess } from '${join(library, 'process', 'index.js')}';
    const told = call => { try { return call() ?? 'nothing'; } catch ({ code }) { return code; } };
    const server = createServer({ pauseOnConnect: true }).listen(${JSON.stringify(path)});
    await once(server, 'listening');
    const peer = 'import socket, sys\\ns = socket.socket(socket.AF_UNIX)\\ns.connect(sys.argv[1])\\nsys.stdin.readline()';
    const child = spawn('/usr/bin/python3', ['-c', peer, ${JSON.stringify(path)}], { stdio: ['pipe', 'inherit', 'inherit'] });
    const [socket] = await once(server, 'connection');
    const first = told(() => peerProcess(socket));
    if (typeof first === 'string') {
      console.log(JSON.stringify({ first }));
      process.exit();
    }
    const late = peerProcess(socket);
    const left = peerProcess(socket);
    left.exited.then(() => console.log('of what was let go'));
    left.close();
    const { id, pid, binding, lowered, lastUser } = first;
    const begun = {
      id, pid, binding, lowered, lastUser, peer: child.pid, uid: first.credentials.uid,
      alive: first.alive,
      exit: first.exitStatus.reason,
      questions: [
        told(() => first.now()), told(() => first.describe()), told(() => first.drift()), told(() => first.read(() => 1)),
        told(() => peerApplication(first)), told(() => peerApplication(socket)), told(() => runningProcess(process.pid)),
        told(() => duplicateDescriptor(first, 0)),
      ],
    };
    first.ref();
    const gone = once(child, 'exit');
    child.stdin.end();
    const end = await first.exited;
    await gone;
    const ended = {
      end: end.reason, alive: [first.alive, first.alive, late.alive],
      late: (await (late.ref(), late.exited)).reason, again: told(() => peerProcess(socket)),
    };
    first.close();
    late.close();
    const closed = [told(() => first.alive), told(() => late.exited), told(() => left.alive), told(() => first.now())];
    socket.destroy();
    server.close();
    console.log(JSON.stringify({ begun, ended, closed }));
  `;
  const { status, stdout, stderr } = runProgram(t, script);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('T67: what other systems hold of a peer’s process', { skip }, async t => {
  const library = otherLibrary(t);
  for (const system of ['freebsd', 'openbsd', 'netbsd']) {
    await t.test(
      `${system}: a peer is held by its number: alive, and its end however late one looks, and nothing else`,
      t => {
        const { begun, ended, closed } = story(t, library, system);
        assert.equal(begun.pid, begun.peer);
        assert.equal(begun.binding, 'pid-only');
        assert.match(begun.lowered, /found by its number/);
        assert.deepEqual([begun.id, begun.lastUser], [undefined, undefined]);
        assert.deepEqual([begun.alive, begun.exit], [true, 'not-provided']);
        assert.deepEqual(begun.questions, Array(8).fill('ERR_PEER_UNSUPPORTED'));
        assert.deepEqual([ended.end, ended.late], ['unsupported', 'unsupported'], 'that it ended, not how');
        assert.deepEqual(ended.alive, [false, false, false]);
        assert.equal(ended.again, system === 'freebsd' ? 'ERR_PEER_PROCESS' : 'ERR_PEER_GONE');
        assert.deepEqual(closed, Array(4).fill('ERR_PEER_CLOSED'));
      },
    );
  }

  await t.test('macOS: who used the socket last is held beside who connected, never in its place', t => {
    const { begun, ended, closed } = story(t, library, 'darwin');
    assert.equal(begun.pid, undefined, 'not the number of who connected');
    assert.deepEqual(begun.lastUser, {
      pid: begun.peer,
      pidVersion: 7,
      effectiveUid: 1,
      effectiveGid: 2,
      realUid: 3,
      realGid: 4,
      auditSession: 6,
      captured: 'last-use',
    });
    assert.equal(begun.uid, process.getuid?.(), 'as recorded at connect(2), and not of the token');
    assert.equal(begun.id, `6e2c0f0a-1b7d-4f0e-9c55-0123456789ab:${begun.peer}:7`);
    assert.deepEqual([begun.binding, begun.alive], ['pid-only', true]);
    assert.match(begun.lowered, /used the socket last/);
    assert.deepEqual(begun.questions, Array(8).fill('ERR_PEER_UNSUPPORTED'));
    assert.deepEqual([ended.end, ended.alive], ['unsupported', [false, false, false]]);
    assert.deepEqual(closed, Array(4).fill('ERR_PEER_CLOSED'));
  });

  await t.test('where no process is recorded, or none can be waited for, none is held', t => {
    for (const system of ['dragonfly', 'sunos', 'getpeereid', 'none'])
      assert.deepEqual(story(t, library, system), { first: 'ERR_PEER_UNSUPPORTED' });
  });
});
