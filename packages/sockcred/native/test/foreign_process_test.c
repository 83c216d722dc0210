/* Processes that are held by a queue each, on systems that do not run here. */
#include "../readiness.h"
#include "foreign_readiness.h"

#include <string.h>

#define POLLHUP_ 0x10
#define POLLNVAL_ 0x20

static int ended(int process_held)
{
	int answer = 99;

	CHECK_EQUAL(sys_process_ended(process_held, &answer), 0);
	return answer;
}

static void what_cannot_be_held_leaves_nothing_open(void)
{
	const int errors[] = { ESRCH_, EACCES_, EPERM_, ENOMEM_ };
	int held = -1;

	kernel.error = EACCES_;
	CHECK_EQUAL(sys_process_open(4242, &held), EACCES_);
	kernel.error = 0;
	for (size_t index = 0; index < sizeof(errors) / sizeof(*errors); index++) {
		process.error = errors[index];
		CHECK_EQUAL(sys_process_open(4242, &held), errors[index]);
		CHECK_EQUAL(descriptors_open, 0);
	}
	process.error = 0;
	CHECK_EQUAL(held, -1);
	CHECK_EQUAL(process.watched, 0);
}

static void an_end_is_told_however_late_and_often(void)
{
	int held = -1;

	memset(close_on_exec, 0, sizeof(close_on_exec));
	kernel.interruptions = 2;
	CHECK_EQUAL(sys_process_open(4242, &held), 0);
	CHECK_EQUAL(process.watched, 4242);
	CHECK_EQUAL(close_on_exec[held], 1);
	kernel.interruptions = 2;
	CHECK_EQUAL(ended(held), 0);
	process.ended = 1;
	for (int times = 0; times < 3; times++)
		CHECK_EQUAL(ended(held), 1);
	CHECK_EQUAL(process.collected, 0);
	CHECK_EQUAL(sys_close(held), 0);
	CHECK_EQUAL(descriptors_open, 0);
	process.ended = 0;
}

static void a_descriptor_that_is_not_open_tells_nothing(void)
{
	int answer = 99;

	process.poll_events = POLLNVAL_;
	CHECK_EQUAL(sys_process_ended(SET, &answer), EBADF_);
	process.poll_events = POLLHUP_;
	CHECK_EQUAL(ended(SET), 1);
	process.poll_events = 0;
	process.poll_error = ENOMEM_;
	CHECK_EQUAL(sys_process_ended(SET, &answer), ENOMEM_);
	process.poll_error = 0;
	CHECK_EQUAL(answer, 99);
}

/* The queue of a process can be read like any other descriptor. */
static void a_process_is_waited_for_in_the_set(void)
{
	struct readiness_report report = { 0, 0 };
	size_t count = 0;
	int held = -1;

	CHECK_EQUAL(sys_process_open(4242, &held), 0);
	CHECK_EQUAL(readiness_watch(SET, held, READINESS_READ, 21), 0);
	memset(happenings, 0, sizeof(happenings));
	happenings[MOST_WATCHED - 1].readable = 1;
	CHECK_EQUAL(readiness_collect(SET, 0, &report, 1, &count), 0);
	CHECK_EQUAL(count, 1);
	CHECK_EQUAL(report.token, 21);
	CHECK_EQUAL(report.what, READINESS_READ);
	CHECK_EQUAL(readiness_unwatch(SET, held), ENOENT_);
	CHECK_EQUAL(sys_close(held), 0);
	CHECK_EQUAL(descriptors_open, 0);
}

static void nothing_else_is_told_of_a_process(void)
{
	struct sys_process_info info;
	int fd;

	CHECK_EQUAL(sys_process_info(SET, &info), SYS_UNSUPPORTED);
	CHECK_EQUAL(sys_process_descriptor(SET, 0, &fd), SYS_UNSUPPORTED);
}

void processes_are_held(void)
{
	int held = -1, answer = 99;

	memset(&kernel, 0, sizeof(kernel));
	memset(&process, 0, sizeof(process));
	nothing_else_is_told_of_a_process();
	if (KEVENT == PORTS) {
		CHECK_EQUAL(sys_process_open(4242, &held), SYS_UNSUPPORTED);
		CHECK_EQUAL(sys_process_ended(SET, &answer), SYS_UNSUPPORTED);
		return;
	}
	what_cannot_be_held_leaves_nothing_open();
	an_end_is_told_however_late_and_often();
	a_descriptor_that_is_not_open_tells_nothing();
	a_process_is_waited_for_in_the_set();
}
