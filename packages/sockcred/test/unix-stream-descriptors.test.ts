/** Descriptors that travel on a UnixStream: whose they are, where in the bytes they come, and that none is left. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UnixStream } from 'sockcred/messages';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { descriptorsOf, textBehind } from './support/open-descriptors.js';
import { connectScript, python } from './support/peers.js';
import { needs } from './support/requirements.js';
import { allMessages, streamServer } from './support/unix-streams.js';

const skip = needs('linux', 'python3');

test('T46, V15: a server refuses descriptors, and the kernel their sender', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const script = `
try:
    socket.send_fds(s, [b"with"], [os.open("/etc/hostname", 0)])
    say("sent")
except OSError as e: say(e.errno)
s.sendall(b"plain")
s.close()
`;
  const peer = python(t, connectScript(script), { args: [path] });
  const messages = await allMessages(await next());
  const said = await peer.line();
  assert.ok(said === '1' || said === 'sent', 'EPERM since Linux 6.16');
  for (const { fds, fdsLost, data } of messages) {
    assert.equal(fds.length, 0);
    assert.equal(fdsLost, String(data).startsWith('with'));
  }
  assert.equal(descriptorsOf('/etc/hostname'), 0);
});

test('T46: 253 descriptors arrive close-on-exec, and are closed when they are not taken', {
  skip,
}, async t => {
  const { path, next } = await streamServer(t, { acceptFds: 253 });
  const script = 'socket.send_fds(s, [b"x"], [os.open("/etc/hostname", 0)] * 253)\ns.close()';
  python(t, connectScript(script), { args: [path] });
  const [message] = await allMessages(await next());
  assert.equal(descriptorsOf('/etc/hostname'), 253);
  assert.equal(message?.fds.length, 253);
  assert.equal(message?.fdsLost, false);
  for (const { fd } of message?.fds ?? []) {
    const flags = /^flags:\s+0?(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    assert.ok((Number.parseInt(flags, 8) & 0o2000000) !== 0, 'O_CLOEXEC');
  }
  const [first, ...others] = message?.fds ?? [];
  const taken = first?.take() ?? -1;
  assert.equal(first?.fd, -1);
  for (const fd of others) fd[Symbol.dispose]();
  assert.equal(textBehind(taken), readFileSync('/etc/hostname', 'utf8'));
  closeDescriptor(taken);
  assert.equal(descriptorsOf('/etc/hostname'), 0);
});

test('T46: a peer that floods descriptors leaves none, whether the stream is read or not', {
  skip,
}, async t => {
  for (const read of [true, false]) {
    const { path, server, next } = await streamServer(t, { acceptFds: 2 });
    const script = `
s.settimeout(0.2)
file = os.open("/etc/hostname", os.O_RDONLY)
sent = 0
try:
    while sent < 200: socket.send_fds(s, [b"x"], [file] * 20); sent += 1
except OSError: pass
s.close()
say(sent)
`;
    const peer = python(t, connectScript(script), { args: [path] });
    const stream = await next();
    if (read) {
      let count = 0;
      for await (const { fds, fdsLost } of stream) {
        assert.ok(fds.length <= 2);
        assert.equal(fdsLost, true);
        for (const fd of fds) fd.close();
        count++;
      }
      assert.equal(count, Number(await peer.line()));
    } else {
      stream.read(0);
      await peer.line();
      stream.destroy();
      await once(stream, 'close');
    }
    await server.close();
    assert.equal(descriptorsOf('/etc/hostname'), 0, 'nothing is left');
  }
});

test('what goes along goes with its own bytes, also behind bytes that wait', { skip }, async t => {
  const [ours, theirs] = UnixStream.pair();
  t.after(() => ours.destroy());
  t.after(() => theirs.destroy());
  const file = openSync('/etc/hostname', 'r');
  ours.write(Buffer.alloc(1_000_000));
  ours.send('with file', { fds: [file] });
  closeSync(file);
  ours.write('after');
  ours.end();
  let bytes = 0;
  const files: [number, string][] = [];
  for await (const { data, fds } of theirs) {
    bytes += data.length;
    for (const fd of fds) {
      files.push([bytes, textBehind(fd.fd)]);
      fd.close();
    }
  }
  assert.equal(bytes, 1_000_000 + 'with fileafter'.length);
  assert.equal(files.length, 1);
  assert.equal(files[0]?.[1], readFileSync('/etc/hostname', 'utf8'));
});

test('thousands of pieces that each have something along arrive in order', { skip }, async t => {
  const [ours, theirs] = UnixStream.pair();
  t.after(() => ours.destroy());
  t.after(() => theirs.destroy());
  ours.write(Buffer.alloc(1_000_000));
  let expected = '';
  const credentials = { pid: process.pid, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  for (let count = 0; count < 5000; count++) {
    expected += `${count};`;
    if (count % 3 === 0) ours.write(`${count};`);
    else if (count % 3 === 1) ours.send(`${count};`, { credentials });
    else ours.send(`${count};`, count % 100 === 2 ? { fds: [0] } : {});
  }
  ours.end();
  let text = '';
  let descriptors = 0;
  for await (const { data, fds } of theirs) {
    text += String(data);
    descriptors += fds.length;
    for (const fd of fds) fd.close();
  }
  assert.equal(text.slice(1_000_000), expected);
  assert.equal(descriptors, 17);
});

test('descriptors that wait behind bytes are closed when nothing will be sent any more', {
  skip,
}, async t => {
  const before = descriptorsOf('/etc/hostname');
  const file = openSync('/etc/hostname', 'r');
  t.after(() => closeSync(file));
  for (const end of ['ours', 'theirs'] as const) {
    const [ours, theirs] = UnixStream.pair();
    ours.write(Buffer.alloc(1_000_000));
    for (let count = 0; count < 3; count++) ours.send('with file', { fds: [file, file] });
    assert.equal(descriptorsOf('/etc/hostname'), before + 7);
    const closed = new Promise(done => ours.on('close', done));
    (end === 'ours' ? ours : theirs).destroy();
    await closed;
    assert.equal(descriptorsOf('/etc/hostname'), before + 1);
    // What is refused at once is not held either.
    const late = new Promise<Error | null | undefined>(done => ours.send('late', { fds: [file] }, done));
    assert.ok(await late);
    assert.equal(descriptorsOf('/etc/hostname'), before + 1);
    theirs.destroy();
  }
});
