/* Linux: epoll(7) with EPOLLONESHOT, and eventfd(2) to end a wait. */
#define _GNU_SOURCE
#include "readiness.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MOST_REPORTS 256

int readiness_open(int *set)
{
	const int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return errno;
	*set = fd;
	return 0;
}

static uint32_t events_of(uint32_t interest)
{
	uint32_t events = EPOLLONESHOT;

	if ((interest & READINESS_READ) != 0)
		events |= EPOLLIN | EPOLLRDHUP;
	if ((interest & READINESS_WRITE) != 0)
		events |= EPOLLOUT;
	return events;
}

int readiness_watch(int set, int fd, uint32_t interest, uint32_t token)
{
	struct epoll_event event = { .events = events_of(interest), .data = { .u64 = token } };

	/* Mostly it is there from the last time; a descriptor that was closed since then has left by itself. */
	if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (errno != ENOENT)
		return errno;
	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int readiness_unwatch(int set, int fd)
{
	struct epoll_event unused = { .events = 0, .data = { .u64 = 0 } };

	return epoll_ctl(set, EPOLL_CTL_DEL, fd, &unused) == 0 ? 0 : errno;
}

static uint32_t what_of(uint32_t events)
{
	uint32_t what = 0;

	if ((events & (EPOLLIN | EPOLLRDHUP)) != 0)
		what |= READINESS_READ;
	if ((events & EPOLLOUT) != 0)
		what |= READINESS_WRITE;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		what |= READINESS_HANGUP;
	return what;
}

int readiness_collect(int set, int wait, struct readiness_report *out, size_t capacity, size_t *count)
{
	struct epoll_event events[MOST_REPORTS];
	const int most = capacity < MOST_REPORTS ? (int)capacity : MOST_REPORTS;
	int given;

	do
		given = epoll_wait(set, events, most, wait ? -1 : 0);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	for (int index = 0; index < given; index++) {
		out[index].token = (uint32_t)events[index].data.u64;
		out[index].what = what_of(events[index].events);
	}
	*count = (size_t)given;
	return 0;
}

int readiness_waker(int set, uint32_t token, int *waker)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int status;

	if (fd < 0)
		return errno;
	status = readiness_watch(set, fd, READINESS_READ, token);
	if (status != 0)
		close(fd);
	else
		*waker = fd;
	return status;
}

int readiness_wake(int waker)
{
	return eventfd_write(waker, 1) == 0 ? 0 : errno;
}

void readiness_close(int fd)
{
	close(fd);
}
