/**
 * A client of the fuzz test, of some user: PATH SEED MILLISECONDS CONNECTIONS. Many connections, few at the same time, with requests
 * that are nearly right, sent ahead, broken off, finished early. Says how many were made.
 */

import { connect } from 'node:net';
import { mutated, oneOf, type Random, randomFrom } from './mutations.js';

const [path = '', seed = '1', milliseconds = '1000', most = '1000000'] = process.argv.slice(2);

const HEAD = 'HTTP/1.1\r\nHost: a\r\n';
const LIE = 'Sockcred-Peer: 1;uid=0\r\nSockcred_Uid: 0\r\n';
const REQUESTS = [
  `GET /a ${HEAD}\r\n`,
  `GET /a ${HEAD}${LIE}\r\n`,
  `HEAD /a ${HEAD}\r\n`,
  `POST /a ${HEAD}Content-Length: 3\r\n\r\nabc`,
  `POST /a ${HEAD}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
  `POST /a ${HEAD}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n${LIE}\r\n`,
  `GET /a ${HEAD}Expect: foo\r\n\r\n`,
  `GET /a ${HEAD}${LIE}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nxyz`,
  `GET /a ${HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
  `CONNECT a:1 ${HEAD}\r\n`,
  'GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'GET /a HTTP/1.1\r\n\r\n',
];

const pause = (time: number) => new Promise(done => setTimeout(done, time));

/** One connection from its beginning to its end; false if there was no room for it. */
async function converse(random: Random): Promise<boolean> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on('error', () => {});
  const closed = new Promise<false>(done => socket.once('close', () => done(false)));
  const isMade = await Promise.race([
    closed,
    new Promise<true>(done => socket.once('connect', () => done(true))),
  ]);
  if (!isMade) return false;
  // Some never read what they are told.
  if (random(6) > 0) socket.resume();
  for (let left = oneOf(random, [1, 1, 2, 5]); left > 0; left--) {
    socket.write(mutated(oneOf(random, REQUESTS), random, oneOf(random, [0, 0, 0, 1, 2])));
    if (random(5) < 2) await pause(oneOf(random, [1, 5, 30]));
  }
  if (random(5) === 0) socket.end();
  if (random(2) === 0) await pause(oneOf(random, [1, 5, 30]));
  socket.destroy();
  await closed;
  return true;
}

let left = Number(most);
let made = 0;
const until = performance.now() + Number(milliseconds);
const several = Array.from({ length: 8 }, async (_, index) => {
  const random = randomFrom(Number(seed) * 8 + index);
  while (left-- > 0 && performance.now() < until) {
    if (await converse(random)) made++;
    else await pause(5);
  }
});
await Promise.all(several);
console.log(String(made));
