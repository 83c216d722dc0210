/*
 * illumos and Solaris 10 or newer: event ports, port_associate(3C). What was
 * associated reports once by nature. What ends a wait is a port in the port,
 * to which an event is sent.
 */
#ifndef __EXTENSIONS__
#define __EXTENSIONS__ 1
#endif
#include "readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <port.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define MOST_REPORTS 256

static int open_port(int *out)
{
	const int fd = port_create();
	int status;

	if (fd < 0)
		return errno;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		status = errno;
		close(fd);
		return status;
	}
	*out = fd;
	return 0;
}

int readiness_open(int *set)
{
	return open_port(set);
}

static int events_of(uint32_t interest)
{
	int events = 0;

	if ((interest & READINESS_READ) != 0)
		events |= POLLIN;
	if ((interest & READINESS_WRITE) != 0)
		events |= POLLOUT;
	return events;
}

int readiness_watch(int set, int fd, uint32_t interest, uint32_t token)
{
	/* An association that is there already takes the new events and the new token. */
	return port_associate(set, PORT_SOURCE_FD, (uintptr_t)fd, events_of(interest), (void *)(uintptr_t)token) == 0
		       ? 0
		       : errno;
}

int readiness_unwatch(int set, int fd)
{
	return port_dissociate(set, PORT_SOURCE_FD, (uintptr_t)fd) == 0 ? 0 : errno;
}

static uint32_t what_of(int events)
{
	uint32_t what = 0;

	if ((events & POLLIN) != 0)
		what |= READINESS_READ;
	if ((events & POLLOUT) != 0)
		what |= READINESS_WRITE;
	if ((events & (POLLHUP | POLLERR)) != 0)
		what |= READINESS_HANGUP;
	return what;
}

int readiness_collect(int set, int wait, struct readiness_report *out, size_t capacity, size_t *count)
{
	struct timespec at_once = { 0, 0 };
	port_event_t events[MOST_REPORTS];
	const uint_t most = capacity < MOST_REPORTS ? (uint_t)capacity : MOST_REPORTS;
	uint_t given;

	for (;;) {
		/* Events may come together with an error; then, and only then, the first has a source. */
		events[0].portev_source = 0;
		given = 1;
		if (port_getn(set, events, most, &given, wait ? NULL : &at_once) == 0)
			break;
		if (errno != EINTR && errno != ETIME)
			return errno;
		if (events[0].portev_source != 0)
			break;
		given = 0;
		if (errno == ETIME)
			break;
	}
	for (uint_t index = 0; index < given; index++) {
		out[index].token = (uint32_t)(uintptr_t)events[index].portev_user;
		out[index].what = what_of(events[index].portev_events);
	}
	*count = given;
	return 0;
}

int readiness_waker(int set, uint32_t token, int *waker)
{
	int fd;
	int status = open_port(&fd);

	if (status != 0)
		return status;
	status = readiness_watch(set, fd, READINESS_READ, token);
	if (status != 0)
		close(fd);
	else
		*waker = fd;
	return status;
}

int readiness_wake(int waker)
{
	return port_send(waker, 0, NULL) == 0 ? 0 : errno;
}

void readiness_close(int fd)
{
	close(fd);
}
