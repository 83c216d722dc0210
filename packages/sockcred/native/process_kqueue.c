/*
 * macOS and the BSDs: a process is held by a queue of its own that waits for
 * nothing but its end (EVFILT_PROC, NOTE_EXIT). The kernel ties that to the
 * process and not to its number, and keeps the event in the queue until it is
 * taken out, which nobody does: the end is told however late and however
 * often it is asked for. See kqueue(2).
 *
 * ESRCH: no such process, or one that has ended; on FreeBSD also one that may
 * not be seen. OpenBSD and NetBSD let only root and its own user wait for a
 * process, EACCES.
 */
#include "queue.h"
#include "sys.h"

#include <unistd.h>

int sys_process_open(uint32_t pid, int *out)
{
	struct kevent end = queue_change(pid, EVFILT_PROC, EV_ADD, 0);
	struct kevent result;
	int fd;
	int status = queue_open(&fd);

	if (status != 0)
		return status;
	end.fflags = NOTE_EXIT;
	status = queue_make(fd, &end, &result, 1);
	if (status == 0)
		status = (int)result.data;
	if (status != 0)
		close(fd);
	else
		*out = fd;
	return status;
}
