# The same bursts as datagrams.c, in Python. Prints messages per second.
import os, select, socket, struct, sys, time

messages, burst = int(sys.argv[1]), int(sys.argv[2])
sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.setblocking(False)
poll = select.epoll()
poll.register(receiver, select.EPOLLIN)
message, me = b"\1" * 100, os.getpid()
begin = time.monotonic()
for _ in range(0, messages, burst):
    for _ in range(burst):
        sender.send(message)
    got = 0
    while got < burst:
        poll.poll()
        try:
            while True:
                data, control, flags, address = receiver.recvmsg(65536, 256)
                pid, uid, gid = struct.unpack("iII", control[0][2])
                assert pid == me
                got += 1
        except BlockingIOError:
            pass
print(round(messages / (time.monotonic() - begin)))
