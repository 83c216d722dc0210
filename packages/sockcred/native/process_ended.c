/* A pidfd, and the queue of process_kqueue.c, can be read once the process has ended: poll(2), which takes nothing out. */
#include "sys.h"

#include <errno.h>
#include <poll.h>

int sys_process_ended(int process, int *out)
{
	struct pollfd asked = { .fd = process, .events = POLLIN };
	int result;

	do
		result = poll(&asked, 1, 0);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return errno;
	if (asked.revents & POLLNVAL)
		return EBADF;
	*out = (asked.revents & (POLLIN | POLLHUP)) != 0;
	return 0;
}
