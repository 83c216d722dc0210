/*
 * macOS and the BSDs: kqueue(2). A descriptor has one filter for reading and
 * one for writing there, of which the first that reports silences the other.
 * What ends a wait is a queue in the queue, with an event of its own
 * (EVFILT_USER; NetBSD 10, and not in every OpenBSD).
 */
#define _GNU_SOURCE
#include "queue.h"
#include "readiness.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MOST_REPORTS 256

int readiness_open(int *set)
{
	return queue_open(set);
}

/* Which filters report, and which are taken away. */
static int change_both(int set, int fd, uint32_t interest, uint32_t token, int errors[2])
{
	const uint32_t report = EV_ADD | EV_ONESHOT;
	const struct kevent changes[2] = {
		queue_change((uintptr_t)fd, EVFILT_READ, (interest & READINESS_READ) != 0 ? report : EV_DELETE, token),
		queue_change((uintptr_t)fd, EVFILT_WRITE, (interest & READINESS_WRITE) != 0 ? report : EV_DELETE, token),
	};
	struct kevent results[2];
	const int status = queue_make(set, changes, results, 2);

	for (int index = 0; status == 0 && index < 2; index++)
		errors[index] = (int)results[index].data;
	return status;
}

int readiness_watch(int set, int fd, uint32_t interest, uint32_t token)
{
	const uint32_t wanted[2] = { interest & READINESS_READ, interest & READINESS_WRITE };
	int errors[2];
	int status = change_both(set, fd, interest, token, errors);

	for (int index = 0; status == 0 && index < 2; index++) {
		if (wanted[index] != 0 || errors[index] != ENOENT)
			status = errors[index];
	}
	return status;
}

int readiness_unwatch(int set, int fd)
{
	int errors[2];
	const int status = change_both(set, fd, 0, 0, errors);

	if (status != 0)
		return status;
	/* Mostly only one of both was there. */
	return errors[0] == 0 || errors[1] == 0 ? 0 : errors[0];
}

static uint32_t what_of(const struct kevent *event)
{
	const int ended = (event->flags & EV_EOF) != 0;

	if (event->filter == EVFILT_WRITE)
		return READINESS_WRITE | (ended ? READINESS_HANGUP : 0);
	/* An end that has an error is more than an end of what is read. */
	return READINESS_READ | (ended && event->fflags != 0 ? READINESS_HANGUP : 0);
}

/* One report of a watch: the other filter may have something to say at the same time, and none later. */
static void report(const struct kevent *event, struct readiness_report *out, size_t *count)
{
	const uint32_t token = (uint32_t)(uintptr_t)event->udata;
	size_t index = 0;

	while (index < *count && out[index].token != token)
		index++;
	if (index == *count) {
		out[(*count)++].token = token;
		out[index].what = 0;
	}
	out[index].what |= what_of(event);
}

static void silence_others(int set, const struct kevent *events, int count)
{
	struct kevent changes[MOST_REPORTS], results[MOST_REPORTS];

	for (int index = 0; index < count; index++)
		changes[index] =
			queue_change(events[index].ident,
				     events[index].filter == EVFILT_READ ? EVFILT_WRITE : EVFILT_READ, EV_DELETE, 0);
	if (count > 0)
		(void)queue_make(set, changes, results, count);
}

int readiness_collect(int set, int wait, struct readiness_report *out, size_t capacity, size_t *count)
{
	struct kevent events[MOST_REPORTS];
	const event_count most = capacity < MOST_REPORTS ? (event_count)capacity : MOST_REPORTS;
	int given;
	const int status = queue_collect(set, wait, events, most, &given);

	if (status != 0)
		return status;
	silence_others(set, events, given);
	*count = 0;
	for (int index = 0; index < given; index++)
		report(&events[index], out, count);
	return 0;
}

#ifdef EVFILT_USER

int readiness_waker(int set, uint32_t token, int *waker)
{
	const struct kevent there = queue_change(0, EVFILT_USER, EV_ADD | EV_CLEAR, 0);
	struct kevent result;
	int fd;
	int status = queue_open(&fd);

	if (status != 0)
		return status;
	status = queue_make(fd, &there, &result, 1);
	if (status == 0)
		status = (int)result.data;
	if (status == 0)
		status = readiness_watch(set, fd, READINESS_READ, token);
	if (status != 0)
		close(fd);
	else
		*waker = fd;
	return status;
}

int readiness_wake(int waker)
{
	struct kevent wake = queue_change(0, EVFILT_USER, 0, 0);
	struct kevent result;
	int status;

	wake.fflags = NOTE_TRIGGER;
	status = queue_make(waker, &wake, &result, 1);
	return status != 0 ? status : (int)result.data;
}

#else

int readiness_waker(int set, uint32_t token, int *waker)
{
	(void)set;
	(void)token;
	(void)waker;
	return SYS_UNSUPPORTED;
}

int readiness_wake(int waker)
{
	(void)waker;
	return SYS_UNSUPPORTED;
}

#endif

void readiness_close(int fd)
{
	close(fd);
}
