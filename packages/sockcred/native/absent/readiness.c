/* For systems on which this library waits for nothing. */
#include "../readiness.h"
#include "../sys.h"

int readiness_open(int *set)
{
	(void)set;
	return SYS_UNSUPPORTED;
}

int readiness_watch(int set, int fd, uint32_t interest, uint32_t token)
{
	(void)set;
	(void)fd;
	(void)interest;
	(void)token;
	return SYS_UNSUPPORTED;
}

int readiness_unwatch(int set, int fd)
{
	(void)set;
	(void)fd;
	return SYS_UNSUPPORTED;
}

int readiness_collect(int set, int wait, struct readiness_report *out, size_t capacity, size_t *count)
{
	(void)set;
	(void)wait;
	(void)out;
	(void)capacity;
	(void)count;
	return SYS_UNSUPPORTED;
}

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

void readiness_close(int fd)
{
	(void)fd;
}
