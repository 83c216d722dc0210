// An HTTP server on a Unix socket for everybody on this machine, in which no
// user can take another's share: so many requests a minute for each, by the user
// that the kernel names, whatever a client says of itself.
//
//   node examples/http-rate-limit.mjs PATH        then: curl --unix-socket PATH http://localhost/

import { createServer } from 'node:http';
import { definePolicy } from 'sockcred/authorization';
import { createGate, peerOf } from 'sockcred/gate';

const REQUESTS = 5;
const MINUTE_MS = 60_000;

/** For each user, when its minute began and what it has used of it. */
const used = new Map();

function mayAsk(uid, now) {
  let minute = used.get(uid);
  if (minute === undefined || now - minute.began >= MINUTE_MS) {
    minute = { began: now, requests: 0 };
    used.set(uid, minute);
  }
  return ++minute.requests <= REQUESTS;
}

const server = createServer((request, response) => {
  const { uid } = peerOf(request);
  if (uid === undefined) return response.writeHead(403).end('who are you?\n');
  if (!mayAsk(uid, performance.now())) {
    return response.writeHead(429, { 'retry-after': '60' }).end('enough for this minute\n');
  }
  response.end(`hello, user ${uid}\n`);
});
const everybody = definePolicy({ rules: [{ effect: 'allow', everyone: true }] });
const limits = { connectionsPerUid: 16, acceptsPerUid: { count: 100, seconds: 60 } };
const gate = createGate({ authorize: everybody, limits }).handTo(server);
await gate.listen(process.argv[2] ?? '@sockcred-rate-limit', process.argv[2] ? { mode: 0o666 } : {});
console.log('listening');
process.on('SIGTERM', () => gate.close());
