/* The set to wait in, of a system that does not run here. */
#include "../readiness.h"
#include "foreign_readiness.h"

#include <string.h>

static struct readiness_report reports[8];
static size_t count;

static size_t collect(int wait)
{
	memset(reports, 0xab, sizeof(reports));
	count = 99;
	CHECK_EQUAL(readiness_collect(SET, wait, reports, 8, &count), 0);
	return count;
}

static void happens(int fd, struct happening what)
{
	memset(happenings, 0, sizeof(happenings));
	happenings[fd] = what;
}

static const struct happening readable = { 1, 0, 0, 0 }, writable = { 0, 1, 0, 0 }, both = { 1, 1, 0, 0 };

static void each_watch_reports_once(void)
{
	happens(3, readable);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ, 0xfffffff0), 0);
	CHECK_EQUAL(watched(3), 1);
	CHECK_EQUAL(collect(1), 1);
	CHECK_EQUAL(reports[0].token, 0xfffffff0);
	CHECK_EQUAL(reports[0].what, READINESS_READ);
	CHECK_EQUAL(collect(0), 0);
	/* Watched for both, one is enough. */
	happens(3, writable);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ | READINESS_WRITE, 8), 0);
	CHECK_EQUAL(watched(3), 2);
	CHECK_EQUAL(collect(0), 1);
	CHECK_EQUAL(reports[0].what, READINESS_WRITE);
	CHECK_EQUAL(watched(3), 0);
	happens(3, both);
	CHECK_EQUAL(collect(0), 0);
	happens(3, readable);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ | READINESS_WRITE, 8), 0);
	CHECK_EQUAL(collect(0), 1);
	CHECK_EQUAL(reports[0].what, READINESS_READ);
	CHECK_EQUAL(watched(3), 0);
	happens(3, both);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ | READINESS_WRITE, 9), 0);
	CHECK_EQUAL(readiness_watch(SET, 4, READINESS_WRITE, 10), 0);
	happenings[4] = writable;
	CHECK_EQUAL(collect(0), 2);
	CHECK_EQUAL(reports[0].token, 9);
	CHECK_EQUAL(reports[0].what, READINESS_READ | READINESS_WRITE);
	CHECK_EQUAL(reports[1].token, 10);
	CHECK_EQUAL(reports[1].what, READINESS_WRITE);
}

static void a_new_watch_replaces_the_old_one(void)
{
	happens(3, both);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ | READINESS_WRITE, 11), 0);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_WRITE, 12), 0);
	CHECK_EQUAL(watched(3), 1);
	CHECK_EQUAL(collect(0), 1);
	CHECK_EQUAL(reports[0].token, 12);
	CHECK_EQUAL(reports[0].what, READINESS_WRITE);
	/* Nothing, once it is taken back; and that it was not there is told. */
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ, 13), 0);
	CHECK_EQUAL(readiness_unwatch(SET, 3), 0);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_WRITE, 13), 0);
	CHECK_EQUAL(readiness_unwatch(SET, 3), 0);
	CHECK_EQUAL(collect(0), 0);
	CHECK_EQUAL(readiness_unwatch(SET, 3), ENOENT_);
	CHECK_EQUAL(readiness_watch(SET, 99, READINESS_READ, 14), EBADF_);
	CHECK_EQUAL(readiness_unwatch(SET, 99), EBADF_);
}

static void ends_are_reported(void)
{
	const struct happening gone = { 1, 0, 1, 1 }, finished = { 1, 0, 1, 0 }, unwritable = { 0, 1, 1, 0 };

	happens(3, gone);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ, 15), 0);
	CHECK_EQUAL(collect(0), 1);
	CHECK_EQUAL(reports[0].what, READINESS_READ | READINESS_HANGUP);
	happens(3, finished);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ, 16), 0);
	CHECK_EQUAL(collect(0), 1);
	CHECK_EQUAL(reports[0].what, READINESS_READ);
	if (KEVENT == PORTS)
		return;
	happens(3, unwritable);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_WRITE, 17), 0);
	CHECK_EQUAL(collect(0), 1);
	CHECK_EQUAL(reports[0].what, READINESS_WRITE | READINESS_HANGUP);
}

static void waits_that_fail(void)
{
	happens(3, readable);
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ, 18), 0);
	kernel.interruptions = 2;
	CHECK_EQUAL(collect(1), 1);
	wait_error = EBADF_;
	count = 99;
	CHECK_EQUAL(readiness_collect(SET, 0, reports, 8, &count), EBADF_);
	CHECK_EQUAL(count, 99);
	wait_error = 0;
	if (KEVENT != PORTS)
		return;
	/* An interruption that brings an event. */
	CHECK_EQUAL(readiness_watch(SET, 3, READINESS_READ, 19), 0);
	wait_error = EINTR_;
	CHECK_EQUAL(collect(1), 1);
	CHECK_EQUAL(reports[0].token, 19);
	wait_error = 0;
}

static void a_wait_is_ended_from_elsewhere(void)
{
	int waker = -1;

	CHECK_EQUAL(readiness_waker(SET, 20, &waker), 0);
	CHECK_EQUAL(waker, SET);
	CHECK_EQUAL(watched(MOST_WATCHED - 1), 1);
	CHECK_EQUAL(woken, 0);
	CHECK_EQUAL(readiness_wake(waker), 0);
	CHECK_EQUAL(woken, 1);
	happens(MOST_WATCHED - 1, readable);
	CHECK_EQUAL(collect(1), 1);
	CHECK_EQUAL(reports[0].token, 20);
	readiness_close(waker);
}

void readiness_is_told(void)
{
	int set = -1;

	memset(&kernel, 0, sizeof(kernel));
	memset(close_on_exec, 0, sizeof(close_on_exec));
	kernel.error = EACCES_;
	CHECK_EQUAL(readiness_open(&set), EACCES_);
	kernel.error = 0;
	CHECK_EQUAL(readiness_open(&set), 0);
	CHECK_EQUAL(set, SET);
	CHECK_EQUAL(close_on_exec[SET], 1);
	each_watch_reports_once();
	a_new_watch_replaces_the_old_one();
	ends_are_reported();
	waits_that_fail();
	a_wait_is_ended_from_elsewhere();
	readiness_close(set);
	CHECK_EQUAL(descriptors_open, 0);
}
