// Messages with credentials against the same loops without this library: each
// figure is a ratio of rates that were taken in turns, so that a busy machine
// slows both. Sender and receiver are one process, except where a client of
// its own says otherwise.
//
//   npm run bench
//
// npm's unix-dgram is measured where it can be found, or where UNIX_DGRAM says that it is: it is no dependency.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  credentialListener,
  firstMessageCredentials,
  UnixDatagramSocket,
  UnixStream,
  UnixStreamServer,
} from 'sockcred/messages';

const ROUNDS = 7;
const DATAGRAMS = 16_000;
/** Below the receiver's queue (net.unix.max_dgram_qlen is 10 at least), so that none is lost or waited for. */
const BURST = 8;
const STREAM_BYTES = 128 * 1024 * 1024;
const CONNECTIONS = 400;

const directory = mkdtempSync(join(tmpdir(), 'sockcred-bench-'));
const message = Buffer.alloc(100, 1);
let names = 0;
const fresh = () => join(directory, `s${names++}`);

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Messages per second of bursts that go out and are waited for. */
async function bursts(send, received) {
  const begin = process.hrtime.bigint();
  for (let sent = 0; sent < DATAGRAMS; sent += BURST) {
    const done = received(BURST);
    for (let count = 0; count < BURST; count++) send();
    await done;
  }
  return (DATAGRAMS * 1e9) / Number(process.hrtime.bigint() - begin);
}

/** Counts messages, and says when so many have come. */
function counter() {
  let left = 0;
  let done = () => {};
  return {
    count: () => {
      if (--left === 0) done();
    },
    wait: many =>
      new Promise(resolve => {
        left = many;
        done = resolve;
      }),
  };
}

async function ours() {
  const path = fresh();
  const receiver = await UnixDatagramSocket.bound(path);
  const sender = UnixDatagramSocket.open().connect(path);
  const { count, wait } = counter();
  receiver.on('message', (_data, info) => {
    if (info.sender.pid !== process.pid) throw new Error('another sender');
    count();
  });
  const close = () => {
    receiver.close();
    sender.close();
  };
  return { run: () => bursts(() => sender.send(message), wait), close };
}

async function unixDgram() {
  let module;
  try {
    module = createRequire(import.meta.url)(process.env.UNIX_DGRAM ?? 'unix-dgram');
  } catch {
    return undefined;
  }
  const path = fresh();
  const { count, wait } = counter();
  const receiver = module.createSocket('unix_dgram', count);
  receiver.bind(path);
  const sender = module.createSocket('unix_dgram');
  sender.connect(path);
  await new Promise(setImmediate);
  const close = () => {
    receiver.close();
    sender.close();
  };
  return { run: () => bursts(() => sender.send(message), wait), close };
}

function program(words) {
  const { stdout, stderr, status } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

/** The same bursts in another language, credentials included: messages per second. */
function loops() {
  const c = join(directory, 'loop');
  const source = fileURLToPath(new URL('datagrams.c', import.meta.url));
  const cc = spawnSync(process.env.CC ?? 'cc', ['-O2', '-o', c, source], { encoding: 'utf8' });
  if (cc.status !== 0) throw new Error(cc.stderr);
  const python = fileURLToPath(new URL('datagrams.py', import.meta.url));
  const words = [String(DATAGRAMS), String(BURST)];
  return {
    c: () => program([c, ...words]),
    python: () => program(['/usr/bin/python3', python, ...words]),
  };
}

async function datagrams() {
  const mine = await ours();
  const theirs = await unixDgram();
  const { c, python } = loops();
  const rates = { sockcred: [], 'unix-dgram, without credentials': [], C: [], Python: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.sockcred.push(await mine.run());
    if (theirs !== undefined) rates['unix-dgram, without credentials'].push(await theirs.run());
    rates.C.push(c());
    rates.Python.push(python());
  }
  mine.close();
  theirs?.close();
  console.log(`datagrams of ${message.length} bytes with credentials, in bursts of ${BURST}`);
  const base = median(rates.sockcred);
  for (const [name, values] of Object.entries(rates)) {
    if (values.length === 0) console.log(`  ${name.padEnd(34)} not installed`);
    else {
      const rate = median(values);
      console.log(`  ${name.padEnd(34)} ${Math.round(rate)}/s   sockcred is ${(base / rate).toFixed(2)}x`);
    }
  }
}

/** Bytes per second from a net.Socket of this process to whatever reads. */
async function pump(writer, reader) {
  const block = Buffer.alloc(256 * 1024, 7);
  const begin = process.hrtime.bigint();
  const done = reader();
  for (let sent = 0; sent < STREAM_BYTES; sent += block.length) {
    if (!writer.write(block)) await once(writer, 'drain');
  }
  await done;
  return (STREAM_BYTES * 1e9) / Number(process.hrtime.bigint() - begin);
}

function readAll(readable, sizeOf) {
  return new Promise(resolve => {
    let left = STREAM_BYTES;
    const onData = data => {
      left -= sizeOf(data);
      if (left > 0) return;
      readable.off('data', onData);
      resolve();
    };
    readable.on('data', onData);
  });
}

async function streams() {
  const plainPath = fresh();
  const plain = createServer().listen(plainPath);
  const plainWriter = connect(plainPath);
  const [plainReader] = await once(plain, 'connection');
  const path = fresh();
  const server = new UnixStreamServer();
  await server.listen(path);
  const writer = connect(path);
  const [reader] = await once(server, 'connection');
  const ratios = [];
  const rates = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await pump(plainWriter, () => readAll(plainReader, data => data.length));
    const mine = await pump(writer, () => readAll(reader, ({ data }) => data.length));
    rates[0].push(theirs);
    rates[1].push(mine);
    ratios.push(mine / theirs);
  }
  for (const each of [plainWriter, plainReader, writer, reader]) each.destroy();
  plain.close();
  await server.close();
  const show = rate => `${Math.round(rate / 1e6)} MB/s`;
  console.log('a stream whose chunks have senders, against net.Socket');
  console.log(`  net.Socket ${show(median(rates[0]))}, UnixStream ${show(median(rates[1]))}`);
  console.log(`  UnixStream is ${median(ratios).toFixed(2)}x`);
}

/** Microseconds from accepting a connection whose first byte is there to having read it. */
async function latency(prepare, first) {
  const times = [];
  const { path, next, close } = await prepare();
  for (let count = 0; count < CONNECTIONS; count++) {
    const client = UnixStream.connect(path);
    client.on('error', () => {});
    client.write('x');
    const socket = await next();
    const begin = process.hrtime.bigint();
    await first(socket);
    times.push(Number(process.hrtime.bigint() - begin) / 1000);
    socket.destroy();
    client.destroy();
  }
  close();
  return median(times);
}

async function plainServer(options, listen) {
  const path = fresh();
  const server = createServer(options);
  await listen(server, path);
  const next = async () => (await once(server, 'connection'))[0];
  return { path, next, close: () => server.close() };
}

async function firstMessages() {
  const listenPlainly = (server, path) => new Promise(done => server.listen(path, done));
  const read = socket => once(socket, 'data');
  const plain = await latency(() => plainServer({}, listenPlainly), read);
  const resumed = socket => read(socket.resume());
  const paused = await latency(() => plainServer({ pauseOnConnect: true }, listenPlainly), resumed);
  const asked = await latency(
    () => plainServer({ pauseOnConnect: true }, credentialListener),
    async socket => {
      await firstMessageCredentials(socket);
      await resumed(socket);
    },
  );
  console.log('the first message of a connection, read by an ordinary server');
  const show = (what, time) =>
    console.log(`  ${what.padEnd(34)} ${time.toFixed(1)} us   ${(time / plain).toFixed(2)}x`);
  show('read at once', plain);
  show('paused, then read', paused);
  show('paused, its sender, then read', asked);
}

try {
  await datagrams();
  await streams();
  await firstMessages();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
