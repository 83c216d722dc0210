// Receives what services tell systemd (sd_notify(3)), and from whom: a service
// is told by its process, not by what it writes.
//
//   node examples/sd-notify.mjs PATH        then: NOTIFY_SOCKET=PATH systemd-notify --ready

import { UnixDatagramSocket } from 'sockcred/messages';

const socket = await UnixDatagramSocket.bound(process.argv[2] ?? '@sockcred-notify', { acceptFds: 16 });
console.log('receiving');
socket.on('message', (data, { sender, fds }) => {
  for (const fd of fds) fd.close();
  const lines = String(data).trimEnd().split('\n');
  for (const line of lines) console.log(JSON.stringify({ pid: sender.pid, uid: sender.uid, line }));
});
process.on('SIGTERM', () => socket.close());
