// A client that tells its secret to nobody but the right server: who listens is
// asked of the kernel when the connection is there, and before a byte is sent.
//
//   node examples/careful-client.mjs PATH USER        then prints the answer, or why it said nothing

import { Agent, request } from 'node:http';
import { definePolicy } from 'sockcred/authorization';
import { verifiedConnection } from 'sockcred/clients';

const [path, user = 'root'] = process.argv.slice(2);
const server = definePolicy({
  rules: [{ effect: 'allow', user: /^\d+$/.test(user) ? Number(user) : user }],
});
const agent = Object.assign(new Agent(), { createConnection: verifiedConnection(server) });
const asking = request({ agent, socketPath: path, headers: { authorization: 'Bearer the-secret' } });
asking.on('response', response => response.pipe(process.stdout));
asking.on('error', error => {
  console.error(error.message);
  process.exitCode = 1;
});
asking.end();
