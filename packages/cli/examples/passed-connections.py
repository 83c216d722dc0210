#!/usr/bin/python3
"""A server that a guard passes connections to, each with who it is.

    passed-connections.py /run/program.sock
    sockcred guard --listen /run/front.sock --mode 0666 --everyone --pass-to /run/program.sock

Greets each client by the user that the kernel named, and lets nobody but the
guard itself pass anything: SO_PEERCRED of its connection.
"""

import json
import os
import socket
import struct
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.umask(0o177)  # nobody else connects
listener.bind(sys.argv[1])
listener.listen()
print('ready', flush=True)
while True:
    guard, _ = listener.accept()
    _pid, uid, _gid = struct.unpack('3i', guard.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid != os.getuid():
        guard.close()
        continue
    while True:
        message, descriptors, flags, _ = socket.recv_fds(guard, 65536, 1)
        if not message:
            break  # the guard has gone
        head = json.loads(message)
        with socket.socket(fileno=descriptors[0]) as client:
            client.setblocking(True)
            user = head['peer'].get('uid', 'unknown')
            client.sendall(f'hello, user {user}\n'.encode())
        guard.send(b'{"ended":%d}' % head['connection'])
