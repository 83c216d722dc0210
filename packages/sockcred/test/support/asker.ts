/**
 * A server in a process of its own, for askers that must live elsewhere: in a
 * namespace, without /proc, with other privileges. Listens at the path given
 * and prints one JSON line per connection: the peer, and what isUser() and
 * inGroup() say of the ids given as arguments.
 */

import { createServer } from 'node:net';
import { inGroup, isUser, PeerError, PeerTypeError, peerCredentials, peerToJson, sameUser } from 'sockcred';

const [path = '', uid = '0', gid = '0'] = process.argv.slice(2);

createServer(socket => {
  socket.on('error', () => {});
  try {
    const peer = peerCredentials(socket);
    const answers = {
      peer: peerToJson(peer),
      isUser: isUser(peer, Number(uid)),
      inGroup: inGroup(peer, Number(gid)),
      sameAsItself: sameUser(peer, peer),
    };
    process.stdout.write(`${JSON.stringify(answers)}\n`);
  } catch (error) {
    const code = error instanceof PeerError || error instanceof PeerTypeError ? error.code : String(error);
    process.stdout.write(`${JSON.stringify({ code })}\n`);
  }
}).listen({ path, readableAll: true, writableAll: true }, () => process.stdout.write('ready\n'));
process.stdin.resume().once('end', () => process.exit());
