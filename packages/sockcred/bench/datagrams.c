/*
 * The yardstick for datagrams with credentials: bursts that one socket sends
 * and another one receives, each with recvmsg(2) and its sender looked at.
 * Prints messages per second.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int receive_one(int fd)
{
	char data[65536], control[256];
	struct iovec part = { data, sizeof(data) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct ucred cred;
	struct cmsghdr *first;

	if (recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return 0;
	first = CMSG_FIRSTHDR(&header);
	if (first == NULL || first->cmsg_type != SCM_CREDENTIALS)
		abort();
	memcpy(&cred, CMSG_DATA(first), sizeof(cred));
	if (cred.pid != getpid())
		abort();
	return 1;
}

int main(int argc, char **argv)
{
	const int messages = argc > 1 ? atoi(argv[1]) : 40000, burst = argc > 2 ? atoi(argv[2]) : 8, on = 1;
	const int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	struct timespec begin, end;
	char message[100] = { 1 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return 1;
	setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &event);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int sent = 0; sent < messages; sent += burst) {
		int got = 0;

		for (int count = 0; count < burst; count++) {
			if (send(pair[0], message, sizeof(message), MSG_NOSIGNAL) < 0)
				return 1;
		}
		while (got < burst) {
			epoll_wait(set, &event, 1, -1);
			while (receive_one(pair[1]))
				got++;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n", messages / ((double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
	return 0;
}
