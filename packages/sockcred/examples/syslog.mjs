// A syslog socket (RFC 3164, as syslog(3) writes it): whatever tag a message
// claims, the process and user behind it are the kernel's word.
//
//   node examples/syslog.mjs PATH        then: logger --socket PATH hello

import { UnixDatagramSocket } from 'sockcred/messages';

const socket = await UnixDatagramSocket.bound(process.argv[2] ?? '@sockcred-syslog', { mode: 0o666 });
console.log('receiving');
socket.on('message', (data, { sender, truncated }) => {
  const [, priority = '13', text = ''] = /^<(\d{1,3})>(.*)$/s.exec(String(data).trimEnd()) ?? [];
  const [facility, severity] = [priority >> 3, priority & 7];
  console.log(JSON.stringify({ pid: sender.pid, uid: sender.uid, facility, severity, truncated, text }));
});
process.on('SIGTERM', () => socket.close());
