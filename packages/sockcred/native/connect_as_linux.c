/*
 * Linux: a thread that lives for one connect(2). Ids belong to threads there;
 * the C library's setuid() and its like change those of every thread, so the
 * system calls are made directly. Only the effective ids change, which is what
 * SO_PEERCRED tells: with the real and saved ids of the program, the thread
 * can neither be signalled nor traced by the user that it connects as, see
 * kill(2) and ptrace(2). It ends with its ids; nothing is given back to it.
 */
#define _GNU_SOURCE
#include "connect_as.h"
#include "sys.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On 32-bit processors the plain names are those of 16-bit ids. */
#ifdef SYS_setresuid32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETRESUID SYS_setresuid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETRESUID SYS_setresuid
#endif

#define UNCHANGED ((uid_t)-1)

struct task {
	const struct connect_identity *who;
	const uint8_t *name;
	size_t length;
	int status;
	int fd;
};

/* The group ids first: without the uid of before, they could not be changed any more. */
static int become(const struct connect_identity *who)
{
	if (syscall(CALL_SETGROUPS, who->group_count, who->groups) < 0 ||
	    syscall(CALL_SETRESGID, UNCHANGED, who->gid, UNCHANGED) < 0 ||
	    syscall(CALL_SETRESUID, UNCHANGED, who->uid, UNCHANGED) < 0)
		return errno;
	return 0;
}

static void *connect_and_end(void *data)
{
	struct task *task = data;

	task->status = become(task->who);
	if (task->status == 0)
		task->status = sys_stream_socket(&task->fd);
	if (task->status == 0)
		task->status = sys_connect(task->fd, task->name, task->length);
	if (task->status != 0 && task->fd >= 0) {
		close(task->fd);
		task->fd = -1;
	}
	return NULL;
}

int connect_as(const struct connect_identity *who, const uint8_t *name, size_t length, int *out)
{
	struct task task = { .who = who, .name = name, .length = length, .fd = -1 };
	sigset_t all, before;
	pthread_t thread;
	int status;

	/* -1 would leave an id as it is. */
	if (who->uid == UINT32_MAX || who->gid == UINT32_MAX)
		return EINVAL;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&thread, NULL, connect_and_end, &task);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0)
		return status;
	pthread_join(thread, NULL);
	if (task.status == 0)
		*out = task.fd;
	return task.status;
}
