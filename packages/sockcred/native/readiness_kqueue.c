/*
 * FreeBSD, DragonFly and NetBSD: kqueue(2). A descriptor has one filter for
 * reading and one for writing there, of which the first that reports silences
 * the other. What ends a wait is a queue in the queue, with an event of its
 * own (EVFILT_USER; NetBSD 10).
 */
#define _GNU_SOURCE
#include "readiness.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#define MOST_REPORTS 256

static const struct timespec at_once = { 0, 0 };

/* NetBSD 10 has a kevent() of its own: an older system loads this all the same, and waits for nothing. */
#ifdef __NetBSD__
extern __typeof__(kevent) kevent __attribute__((weak));
#define HAS_KEVENT (kevent != NULL)
#else
#define HAS_KEVENT 1
#endif

typedef __typeof__(((struct kevent *)0)->filter) event_filter;
typedef __typeof__(((struct kevent *)0)->flags) event_flags;
typedef __typeof__(((struct kevent *)0)->udata) event_data;
#ifdef __NetBSD__
typedef size_t event_count;
#else
typedef int event_count;
#endif

static struct kevent change(uintptr_t ident, event_filter filter, uint32_t flags, uint32_t token)
{
	struct kevent made;

	memset(&made, 0, sizeof(made));
	made.ident = ident;
	made.filter = filter;
	/* Each change is answered by itself, and nothing else is reported meanwhile. */
	made.flags = (event_flags)(flags | EV_RECEIPT);
	made.udata = (event_data)(uintptr_t)token;
	return made;
}

/* Makes changes; `results` has an errno or 0 for each. */
static int make(int set, const struct kevent *changes, struct kevent *results, int count)
{
	int given;

	do
		given = kevent(set, changes, (event_count)count, results, (event_count)count, &at_once);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	return given == count ? 0 : SYS_BAD_LENGTH;
}

static int open_queue(int *out)
{
	const int fd = kqueue();
	int status;

	if (fd < 0)
		return errno;
	/* A child of fork() does not have it in any case. */
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
	return HAS_KEVENT ? open_queue(set) : SYS_UNSUPPORTED;
}

/* Which filters report, and which are taken away. */
static int change_both(int set, int fd, uint32_t interest, uint32_t token, int errors[2])
{
	const uint32_t report = EV_ADD | EV_ONESHOT;
	const struct kevent changes[2] = {
		change((uintptr_t)fd, EVFILT_READ, (interest & READINESS_READ) != 0 ? report : EV_DELETE, token),
		change((uintptr_t)fd, EVFILT_WRITE, (interest & READINESS_WRITE) != 0 ? report : EV_DELETE, token),
	};
	struct kevent results[2];
	const int status = make(set, changes, results, 2);

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
		changes[index] = change(events[index].ident,
					events[index].filter == EVFILT_READ ? EVFILT_WRITE : EVFILT_READ, EV_DELETE, 0);
	if (count > 0)
		(void)make(set, changes, results, count);
}

int readiness_collect(int set, int wait, struct readiness_report *out, size_t capacity, size_t *count)
{
	struct kevent events[MOST_REPORTS];
	const event_count most = capacity < MOST_REPORTS ? (event_count)capacity : MOST_REPORTS;
	int given;

	do
		given = kevent(set, NULL, 0, events, most, wait ? NULL : &at_once);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	silence_others(set, events, given);
	*count = 0;
	for (int index = 0; index < given; index++)
		report(&events[index], out, count);
	return 0;
}

#ifdef EVFILT_USER

int readiness_waker(int set, uint32_t token, int *waker)
{
	const struct kevent there = change(0, EVFILT_USER, EV_ADD | EV_CLEAR, 0);
	struct kevent result;
	int fd;
	int status = open_queue(&fd);

	if (status != 0)
		return status;
	status = make(fd, &there, &result, 1);
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
	struct kevent wake = change(0, EVFILT_USER, 0, 0);
	struct kevent result;
	int status;

	wake.fflags = NOTE_TRIGGER;
	status = make(waker, &wake, &result, 1);
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
