/** Connections that go on in another protocol through the HTTP front. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { isUser } from 'sockcred';
import { forwardedPeer } from 'sockcred/forwarding';
import { WebSocket, WebSocketServer } from 'ws';
import { ownDirectory } from '../../sockcred/build/support/directories.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { until } from '../../sockcred/build/support/waiting.js';
import { behind, exchangeBytes, listening, openFront, recorder } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };

test('a WebSocket goes on after its head was cleaned', asAnyone, async t => {
  const { server, to } = await behind(t, (_request, response) => response.end());
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    const { peer } = forwardedPeer(request, { from: by => isUser(by, process.geteuid?.() ?? -1) });
    socket.on('message', data => socket.send(`${peer.pid} ${data}`));
  });
  const path = await openFront(t, to);
  const client = new WebSocket(`ws+unix://${path}:/a`, { headers: { 'Sockcred-Peer': '1;uid=0;pid=1' } });
  await once(client, 'open');
  for (const word of ['one', 'x'.repeat(100_000)]) {
    client.send(word);
    const [data] = await once(client, 'message');
    assert.equal(String(data), `${process.pid} ${word}`);
  }
  client.close();
  const [code] = await once(client, 'close');
  assert.equal(code, 1005);
});

test('an upgrade that the server behind does not want is answered like any request', asAnyone, async t => {
  const { to } = await behind(t, (_request, response) => response.writeHead(401).end('who are you'));
  const path = await openFront(t, to);
  const bytes = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.match(await exchangeBytes(t, path, bytes), /^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*who are you/);
  const silent = await openFront(t, (await behind(t, () => {})).to, { responseMs: 50 });
  assert.match(await exchangeBytes(t, silent, bytes), /^HTTP\/1\.1 504 /);
  const nowhere = await openFront(t, { path: `${ownDirectory(t)}/nobody` });
  assert.match(await exchangeBytes(t, nowhere, bytes), /^HTTP\/1\.1 502 /);
  const other = await recorder(
    t,
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
  );
  assert.match(await exchangeBytes(t, await openFront(t, other.to), bytes), /^HTTP\/1\.1 502 /);
});

test(
  'after an upgrade each direction ends by itself, and one that breaks takes the other along',
  asAnyone,
  async t => {
    const theirs: Socket[] = [];
    const server = createNetServer({ allowHalfOpen: true }, socket => {
      theirs.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst ',
        );
        socket.on('end', () => socket.end('last'));
      });
    });
    const path = await openFront(t, await listening(t, server));
    const bytes = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    const open = async () => {
      const client = connect({ path, allowHalfOpen: true });
      client.on('error', () => {});
      t.after(() => client.destroy());
      client.write(bytes);
      let received = '';
      client.setEncoding('latin1').on('data', (data: string) => {
        received += data;
      });
      await until(() => received.endsWith('first '));
      return { client, received: () => received };
    };
    const { client, received } = await open();
    client.end();
    await once(client, 'end');
    assert.match(received(), /first last$/);
    await until(() => theirs[0]?.destroyed === true);

    const broken = await open();
    broken.client.destroy();
    await until(() => theirs[1]?.destroyed === true);
    const brokenBehind = await open();
    theirs[2]?.destroy();
    await until(() => brokenBehind.client.readableEnded);
  },
);
