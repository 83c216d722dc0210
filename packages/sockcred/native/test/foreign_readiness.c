/* kqueue and event ports, in place of another system's: see foreign_readiness.h. */
#include "foreign_readiness.h"

#include <string.h>

struct happening happenings[MOST_WATCHED];
int woken, wait_error;
struct process process;

/* What is watched, by filter (or both at once), with its token. */
enum { READ_, WRITE_, FILTERS };
static struct {
	int events; /* of a port: what for */
	int there;
	void *token;
} watches[MOST_WATCHED][FILTERS];

int watched(int fd)
{
	return watches[fd][READ_].there + watches[fd][WRITE_].there;
}

#if KEVENT != PORTS

#if KEVENT == NETBSD_KEVENT
typedef uint32_t narrow;
typedef uint32_t signed_narrow;
typedef size_t number;
#else
typedef uint16_t narrow;
typedef int16_t signed_narrow;
typedef int number;
#endif

struct event {
	uintptr_t ident;
	signed_narrow filter;
	narrow flags;
	uint32_t fflags;
	int64_t data;
	void *udata;
#if KEVENT != DRAGONFLY_KEVENT
	uint64_t more[4];
#endif
};

#define EV_ADD_ 0x1
#define EV_DELETE_ 0x2
#define EV_ONESHOT_ 0x10
#define EV_CLEAR_ 0x20
#define EV_RECEIPT_ 0x40
#define EV_ERROR_ 0x4000
#define EV_EOF_ 0x8000
#define NOTE_TRIGGER_ 0x1000000
#define NOTE_EXIT_ 0x80000000

int kqueue(void);
int kevent(int set, const struct event *changes, number change_count, struct event *events, number event_count,
	   const void *timeout);
int __kevent100(int set, const struct event *changes, number change_count, struct event *events, number event_count,
		const void *timeout);

int kqueue(void)
{
	if (kernel.error != 0)
		return refuse(kernel.error);
	descriptors_open++;
	return SET;
}

static int change_user(const struct event *change)
{
	CHECK_EQUAL(change->ident, 0);
	if ((change->flags & EV_ADD_) != 0)
		CHECK_EQUAL(change->flags, EV_ADD_ | EV_CLEAR_ | EV_RECEIPT_);
	else
		CHECK_EQUAL(change->fflags, NOTE_TRIGGER_);
	if (change->fflags == NOTE_TRIGGER_)
		woken++;
	return 0;
}

static int change_process(const struct event *change)
{
	CHECK_EQUAL(change->flags, EV_ADD_ | EV_RECEIPT_);
	CHECK_EQUAL(change->fflags, NOTE_EXIT_);
	if (process.error == 0)
		process.watched = (int)change->ident;
	return process.error;
}

/* An errno, or 0. The set itself is watched as descriptor 15. */
static int change_one(const struct event *change)
{
	const size_t fd = change->ident == SET ? MOST_WATCHED - 1 : change->ident;
	const size_t filter = change->filter == (signed_narrow)READ_FILTER ? READ_ : WRITE_;

	if (change->filter == (signed_narrow)USER_FILTER)
		return change_user(change);
	if (change->filter == (signed_narrow)PROCESS_FILTER)
		return change_process(change);
	CHECK(change->filter == (signed_narrow)READ_FILTER || change->filter == (signed_narrow)WRITE_FILTER);
	if (fd >= MOST_WATCHED)
		return EBADF_;
	if (change->flags == (EV_DELETE_ | EV_RECEIPT_)) {
		const int error = watches[fd][filter].there ? 0 : ENOENT_;

		watches[fd][filter].there = 0;
		return error;
	}
	CHECK_EQUAL(change->flags, EV_ADD_ | EV_ONESHOT_ | EV_RECEIPT_);
	watches[fd][filter].there = 1;
	watches[fd][filter].token = change->udata;
	return 0;
}

static int give(struct event *out, size_t fd, size_t filter)
{
	const struct happening *happens = &happenings[fd];

	if (!watches[fd][filter].there || !(filter == READ_ ? happens->readable : happens->writable))
		return 0;
	memset(out, 0, sizeof(*out));
	out->ident = fd;
	out->filter = (signed_narrow)(filter == READ_ ? READ_FILTER : WRITE_FILTER);
	out->flags = (narrow)(EV_ONESHOT_ | (happens->ended ? EV_EOF_ : 0));
	out->fflags = (uint32_t)happens->error;
	out->udata = watches[fd][filter].token;
	watches[fd][filter].there = 0;
	return 1;
}

int kevent(int set, const struct event *changes, number change_count, struct event *events, number event_count,
	   const void *timeout)
{
	number given = 0;

	CHECK_EQUAL(set, SET);
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		return refuse(EINTR_);
	}
	if (change_count > 0) {
		CHECK(change_count == event_count && timeout != NULL);
		for (; given < change_count; given++) {
			events[given] = changes[given];
			events[given].flags = EV_ERROR_;
			events[given].data = change_one(&changes[given]);
		}
		return (int)given;
	}
	process.collected++;
	if (wait_error != 0)
		return refuse(wait_error);
	for (size_t fd = 0; fd < MOST_WATCHED; fd++)
		for (size_t filter = 0; filter < FILTERS && given < event_count; filter++)
			given += (number)give(&events[given], fd, filter);
	return (int)given;
}

#define POLLIN_ 1

struct polled {
	int fd;
	short events, revents;
};

int poll(struct polled *asked, unsigned long count, int timeout);
int darwin_poll(struct polled *asked, unsigned int count, int timeout) __asm__("_poll");

int poll(struct polled *asked, unsigned long count, int timeout)
{
	/* Of the count the upper half may be anything: some have it narrower. */
	CHECK_EQUAL((unsigned int)count, 1);
	CHECK_EQUAL(asked->fd, SET);
	CHECK_EQUAL(asked->events, POLLIN_);
	CHECK_EQUAL(timeout, 0);
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		return refuse(EINTR_);
	}
	if (process.poll_error != 0)
		return refuse(process.poll_error);
	asked->revents = (short)(process.poll_events | (process.ended ? POLLIN_ : 0));
	return asked->revents != 0;
}

int darwin_poll(struct polled *asked, unsigned int count, int timeout)
{
	return poll(asked, count, timeout);
}

int __kevent100(int set, const struct event *changes, number change_count, struct event *events, number event_count,
		const void *timeout)
{
	return kevent(set, changes, change_count, events, event_count, timeout);
}

#else

struct event {
	int events;
	unsigned short source, pad;
	uintptr_t object;
	void *user;
};

#define SOURCE_FD_ 4
#define POLLIN_ 1
#define POLLOUT_ 4
#define POLLHUP_ 0x10

int port_create(void);
int port_associate(int port, int source, uintptr_t object, int events, void *user);
int port_dissociate(int port, int source, uintptr_t object);
int port_getn(int port, struct event *events, unsigned int most, unsigned int *given, void *timeout);
int port_send(int port, int events, void *user);

int port_create(void)
{
	if (kernel.error != 0)
		return refuse(kernel.error);
	descriptors_open++;
	return SET;
}

int port_associate(int port, int source, uintptr_t object, int events, void *user)
{
	const size_t fd = object == SET ? MOST_WATCHED - 1 : object;

	CHECK_EQUAL(port, SET);
	CHECK_EQUAL(source, SOURCE_FD_);
	if (fd >= MOST_WATCHED)
		return refuse(EBADF_);
	watches[fd][READ_].there = (events & POLLIN_) != 0;
	watches[fd][WRITE_].there = (events & POLLOUT_) != 0;
	watches[fd][READ_].token = watches[fd][WRITE_].token = user;
	watches[fd][READ_].events = events;
	return 0;
}

int port_dissociate(int port, int source, uintptr_t object)
{
	CHECK_EQUAL(port, SET);
	CHECK_EQUAL(source, SOURCE_FD_);
	if (object >= MOST_WATCHED || watched((int)object) == 0)
		return refuse(object >= MOST_WATCHED ? EBADF_ : ENOENT_);
	watches[object][READ_].there = watches[object][WRITE_].there = 0;
	return 0;
}

static int happened(size_t fd)
{
	const struct happening *happens = &happenings[fd];

	if (watched((int)fd) == 0)
		return 0;
	return (watches[fd][READ_].there && happens->readable ? POLLIN_ : 0) |
	       (watches[fd][WRITE_].there && happens->writable ? POLLOUT_ : 0) | (happens->error ? POLLHUP_ : 0);
}

int port_getn(int port, struct event *events, unsigned int most, unsigned int *given, void *timeout)
{
	unsigned int count = 0;

	CHECK_EQUAL(port, SET);
	CHECK_EQUAL(*given, 1);
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		return refuse(EINTR_);
	}
	if (wait_error != 0 && wait_error != EINTR_)
		return refuse(wait_error);
	for (size_t fd = 0; fd < MOST_WATCHED && count < most; fd++) {
		const int events_now = happened(fd);

		if (events_now == 0)
			continue;
		events[count].events = events_now;
		events[count].source = SOURCE_FD_;
		events[count].object = fd;
		events[count++].user = watches[fd][READ_].token;
		watches[fd][READ_].there = watches[fd][WRITE_].there = 0;
	}
	if (count == 0) {
		CHECK(timeout != NULL);
		return refuse(ETIME_);
	}
	*given = count;
	/* It may have events and an error. */
	return wait_error != 0 ? refuse(wait_error) : 0;
}

int port_send(int port, int events, void *user)
{
	(void)events;
	(void)user;
	CHECK_EQUAL(port, SET);
	woken++;
	return 0;
}

#endif
