/** The examples, as they stand there: real clients of several users, and what each gets. */

import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { python, runAs, start } from '../../sockcred/build/support/peers.js';
import { programPath } from '../../sockcred/build/support/requirements.js';
import { curl } from './support/clients.js';
import { MAIN, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, paths, toEverybody } from './support/guards.js';

const example = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const ofLibrary = (name: string) =>
  fileURLToPath(new URL(`../../sockcred/examples/${name}`, import.meta.url));
const user = (uid: number) => ({ uid, gid: uid, groups: [] });

/** A PATH in which `sockcred` and `node` are what is tested here. */
function pathWith(directory: string): string {
  symlinkSync(MAIN, join(directory, 'sockcred'));
  return `${directory}:${dirname(process.execPath)}:/usr/bin:/bin`;
}

/** The first line of an example that runs on. */
async function running(
  t: TestContext,
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const child = start(t, words, env);
  if (child.stdout === null) throw new Error('no stdout');
  const { done } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (done === true) throw new Error(`${words.join(' ')} ended`);
}

test('an MCP server for the same user only, and a client of the MCP SDK', {
  skip: needsOtherUsers('socat'),
}, async t => {
  const { front } = paths(ownDirectory(t));
  await running(t, ['/bin/sh', example('mcp.sh'), front, '--programs-as-root'], {
    PATH: pathWith(ownDirectory(t)),
  });
  const connected = async (before: readonly string[]) => {
    const [command = '', ...args] = [...before, programPath('socat'), '-', `UNIX-CONNECT:${front}`];
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore', cwd: '/' }), {
      timeout: 20_000,
    });
    return client;
  };
  const client = await connected([]);
  const answer = await client.callTool({ name: 'whoami', arguments: {} });
  assert.match(JSON.stringify(answer.content), new RegExp(`uid ${process.getuid?.()}, pid \\d+`));
  await client.close();
  await assert.rejects(connected(runAs(user(3001))));
});

test('connections that are passed to a program in another language', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await running(t, [programPath('python3'), example('passed-connections.py'), behind]);
  const words = [...toEverybody(front), '--pass-to', behind, '--connections', '4'];
  await running(t, [process.execPath, MAIN, 'guard', ...words]);
  for (let index = 0; index < 6; index++) {
    assert.equal(await ask(t, front, '', user(3001)), 'hello, user 3001\n');
  }
});

test('an HTTP server in which no user takes the share of another', {
  skip: needsOtherUsers('curl'),
}, async t => {
  const { front } = paths(ownDirectory(t));
  await running(t, [process.execPath, ofLibrary('http-rate-limit.mjs'), front]);
  for (let index = 0; index < 5; index++) {
    assert.equal((await curl(t, front, user(3001))).body, 'hello, user 3001\n');
  }
  assert.equal((await curl(t, front, user(3001))).body, 'enough for this minute\n');
  assert.equal((await curl(t, front, user(3002))).body, 'hello, user 3002\n');
});

test('a client that says nothing to the wrong server', { skip: needsOtherUsers('python3') }, async t => {
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666)
os.setresgid(3001, 3001, 3001); os.setresuid(3001, 3001, 3001)
s.listen()
say('ready')
while True:
    c, _ = s.accept()
    got = c.recv(1000)
    say('secret' if b'the-secret' in got else repr(got))
    try: c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nthanks')
    except OSError: pass
    c.close()
`;
  const { behind } = paths(ownDirectory(t));
  const server = python(t, script, { args: [behind] });
  await server.line();
  const ran = async (who: string) => {
    const child = start(t, [
      '/bin/sh',
      '-c',
      'exec "$@" 2>&1',
      'sh',
      process.execPath,
      ofLibrary('careful-client.mjs'),
      behind,
      who,
    ]);
    let said = '';
    for await (const data of child.stdout ?? []) said += data;
    return said;
  };
  assert.match(await ran('root'), /not the right server/);
  assert.equal(await server.line(), "b''", 'not a byte');
  assert.equal(await ran('3001'), 'thanks');
  assert.equal(await server.line(), 'secret');
});
