/* See queue.h. */
#define _GNU_SOURCE
#include "queue.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct timespec at_once = { 0, 0 };

/* NetBSD 10 has a kevent() of its own: an older system loads this all the same, and waits for nothing. */
#ifdef __NetBSD__
extern __typeof__(kevent) kevent __attribute__((weak));
#define HAS_KEVENT (kevent != NULL)
#else
#define HAS_KEVENT 1
#endif

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

int queue_open(int *out)
{
	return HAS_KEVENT ? open_queue(out) : SYS_UNSUPPORTED;
}

struct kevent queue_change(uintptr_t ident, event_filter filter, uint32_t flags, uint32_t token)
{
	struct kevent made;

	memset(&made, 0, sizeof(made));
	made.ident = ident;
	made.filter = filter;
	made.flags = (event_flags)(flags | EV_RECEIPT);
	made.udata = (event_data)(uintptr_t)token;
	return made;
}

int queue_make(int queue, const struct kevent *changes, struct kevent *results, int count)
{
	int given;

	do
		given = kevent(queue, changes, (event_count)count, results, (event_count)count, &at_once);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	return given == count ? 0 : SYS_BAD_LENGTH;
}

int queue_collect(int queue, int wait, struct kevent *events, event_count most, int *count)
{
	int given;

	do
		given = kevent(queue, NULL, 0, events, most, wait ? NULL : &at_once);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	*count = given;
	return 0;
}
