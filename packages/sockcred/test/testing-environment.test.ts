/** Made-up peers cannot be switched on through the environment. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imported, programWords } from './support/programs.js';
import { needs } from './support/requirements.js';

const built = fileURLToPath(new URL('../dist', import.meta.url));

/** Every word in the built code that could be the name of a variable, and some that other programs would have. */
function names(): readonly string[] {
  const found = readdirSync(built, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.js'))
    .flatMap(file => readFileSync(join(built, file), 'utf8').match(/\b[A-Z][A-Z0-9_]{2,}\b/g) ?? []);
  return [...new Set([...found, 'NODE_ENV', 'SOCKCRED_TESTING', 'SOCKCRED_PEER', 'SOCKCRED_UID'])];
}

const ASK = `
import { createServer, connect } from 'node:net';
import { peerCredentials } from ${imported('sockcred')};
const path = '\\0sockcred-environment-' + process.pid;
const server = createServer(socket => {
  const { uid, pid, evidence } = peerCredentials(socket);
  console.log(JSON.stringify([uid === process.geteuid(), pid === process.pid, evidence.uid.source]));
  socket.destroy();
  server.close();
}).listen(path, () => connect(path).on('error', () => {}));
`;

test('no variable of the environment makes up a peer', { skip: needs('linux') }, t => {
  const made = JSON.stringify({ uid: 4242, gid: 4242, pid: 1, groups: [4242] });
  const variables = names();
  assert.ok(variables.length > 50);
  const [command, ...words] = programWords(t, ASK);
  for (const value of [made, '1', 'test']) {
    const { stdout, stderr } = spawnSync(command, words, {
      encoding: 'utf8',
      env: { ...process.env, ...Object.fromEntries(variables.map(name => [name, value])) },
    });
    assert.deepEqual(JSON.parse(stdout || 'null'), [true, true, 'SO_PEERCRED'], stderr);
  }
});
