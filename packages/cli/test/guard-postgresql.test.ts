/** PostgreSQL from Debian behind a guard: its own `peer` authentication sees each client as if there were no guard. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, type TestContext, test } from 'node:test';
import { type Identity, runAs, start } from '../../sockcred/build/support/peers.js';
import { programPath } from '../../sockcred/build/support/requirements.js';
import { needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { guard } from './support/guards.js';

const skip = needsOtherUsers('postgres', 'psql');

/** Entry of passwd(5): PostgreSQL takes names from there. */
interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

function accounts(): readonly Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

function account(name: string): Account {
  const found = accounts().find(one => one.name === name);
  if (found === undefined) throw new Error(`there is no user ${name}`);
  return found;
}

const directory = skip === false ? mkdtempSync(join(tmpdir(), 'sockcred-test-pg-')) : '';
const bin = dirname(programPath('postgres'));
const sockets = join(directory, 'sockets');
const log = join(directory, 'data', 'log');

/** Runs one of PostgreSQL's own programs as its user. */
function asPostgres(program: string, ...words: readonly string[]): string {
  const { uid, gid } = account('postgres');
  const [file = '', ...args] = [...runAs({ uid, gid, groups: [] }), join(bin, program), ...words];
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}${stdout}`);
  return stdout;
}

before(() => {
  if (skip !== false) return;
  const { uid, gid } = account('postgres');
  chmodSync(directory, 0o755);
  for (const name of ['data', 'sockets']) {
    mkdirSync(join(directory, name));
    chownSync(join(directory, name), uid, gid);
  }
  const data = join(directory, 'data');
  asPostgres('initdb', '-D', data, '--auth-local=peer', '--auth-host=reject', '--no-sync');
  writeFileSync(join(data, 'pg_hba.conf'), 'local all all peer map=guarded\n');
  writeFileSync(
    join(data, 'pg_ident.conf'),
    'guarded postgres postgres\nguarded daemon reader\nguarded root root\n',
  );
  const options = `-c listen_addresses= -c unix_socket_directories=${sockets} -c unix_socket_permissions=0777 -c fsync=off -c log_connections=on`;
  asPostgres('pg_ctl', '-D', data, '-o', options, '-l', log, '-w', 'start');
  const create = 'CREATE ROLE reader LOGIN; CREATE ROLE root LOGIN;';
  asPostgres('psql', '-h', sockets, '-d', 'postgres', '-c', create);
});

after(() => {
  if (directory === '') return;
  try {
    asPostgres('pg_ctl', '-D', join(directory, 'data'), '-m', 'immediate', 'stop');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** What psql says to somebody who connects as this role. */
async function psql(
  t: TestContext,
  front: string,
  who: Identity,
  role: string,
  sql: string,
): Promise<string> {
  const words = ['-X', '-A', '-t', '-h', dirname(front), '-U', role, '-d', 'postgres', '-c', sql];
  const line = ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', join(bin, 'psql'), ...words];
  const child = start(t, [...runAs(who), ...line], { PATH: '/usr/bin:/bin', LC_ALL: 'C' });
  const closed = once(child, 'close');
  const said = child.stdout === null ? '' : await text(child.stdout);
  await closed;
  return said.trim();
}

const WHO = 'SELECT current_user, session_user';

test('each client is who it is to PostgreSQL, by its own peer authentication', { skip }, async t => {
  const front = join(ownDirectory(t), '.s.PGSQL.5432');
  const behind = join(sockets, '.s.PGSQL.5432');
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--to', `unix:${behind}`, '--as-peer'];
  const running = await guard(t, words);
  const [daemon, postgres] = [account('daemon'), account('postgres')].map(({ uid, gid }) => ({
    uid,
    gid,
    groups: [],
  }));
  assert.equal(await psql(t, front, daemon ?? {}, 'reader', WHO), 'reader|reader');
  assert.equal(await psql(t, front, postgres ?? {}, 'postgres', WHO), 'postgres|postgres');
  assert.equal(await psql(t, front, {}, 'root', WHO), 'root|root');
  // Refused by PostgreSQL itself, which was told who they are, though the guard lets everybody in.
  for (const [who, role] of [
    [daemon, 'postgres'],
    [daemon, 'root'],
    [postgres, 'reader'],
    [{}, 'postgres'],
  ] as const) {
    assert.match(await psql(t, front, who ?? {}, role, WHO), /Peer authentication failed for user/);
  }
  // A user without a name is nobody to PostgreSQL, and never root.
  const nameless = { uid: 3999, gid: 3999, groups: [] };
  assert.match(
    await psql(t, front, nameless, 'root', WHO),
    /Peer authentication failed|local user with ID 3999/,
  );
  assert.equal(running.entries().filter(({ event }) => event === 'denied').length, 0);
});

test('who the guard does not let in never reaches PostgreSQL', { skip }, async t => {
  const front = join(ownDirectory(t), '.s.PGSQL.5432');
  const behind = join(sockets, '.s.PGSQL.5432');
  const words = ['--listen', front, '--mode', '0666', '--allow-user', 'postgres', '--to', `unix:${behind}`];
  const running = await guard(t, [...words, '--as-peer']);
  const { uid, gid } = account('daemon');
  const received = () => readFileSync(log, 'utf8').split('connection received').length;
  const earlier = received();
  assert.match(await psql(t, front, { uid, gid, groups: [] }, 'reader', WHO), /server closed the connection/);
  const { uid: own, gid: group } = account('postgres');
  assert.match(await psql(t, front, { uid: own, gid: group, groups: [] }, 'postgres', WHO), /^postgres/);
  assert.equal(received(), earlier + 1);
  assert.equal((await running.entry('denied')).peer?.uid, uid);
});

test('a query of many rows, and one that is cancelled', { skip }, async t => {
  const front = join(ownDirectory(t), '.s.PGSQL.5432');
  const behind = join(sockets, '.s.PGSQL.5432');
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--to', `unix:${behind}`, '--as-peer'];
  await guard(t, words);
  const { uid, gid } = account('daemon');
  const who = { uid, gid, groups: [] };
  const many =
    "SELECT md5(string_agg(i::text || repeat('x', 100), '' ORDER BY i)) FROM generate_series(1, 20000) i";
  const rows = await psql(
    t,
    front,
    who,
    'reader',
    "SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i",
  );
  assert.equal(rows.split('\n').length, 20000);
  assert.match(await psql(t, front, who, 'reader', many), /^[0-9a-f]{32}$/);
  // psql asks for cancellation over a second connection, which is made as itself as well.
  const script = `${join(bin, 'psql')} -X -h ${dirname(front)} -U reader -d postgres -c 'SELECT pg_sleep(60)' 2>&1 & p=$!; sleep 1; kill -INT $p; wait $p`;
  const child = start(t, [...runAs(who), '/bin/bash', '-c', `set -m; ${script}`], {
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
  });
  const said = child.stdout === null ? '' : await text(child.stdout);
  assert.match(said, /canceling statement due to user request/);
});
