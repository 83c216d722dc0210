/*
 * Is this kernel worth asking? An emulation may answer every question about a
 * peer with the caller's own ids, and so make everybody look like ourselves.
 * Two sockets tell: one whose peer we are, and one that has none.
 */
#define _GNU_SOURCE
#ifndef __EXTENSIONS__
#define __EXTENSIONS__ 1
#endif
#include "unix_socket.h"
#include "sys.h"

#include <errno.h>
#include <unistd.h>

static int is_us(const struct sys_cred *cred)
{
	if (cred->pid == 0 && unix_kernel.pid_may_be_missing)
		return cred->uid == geteuid() && cred->gid == getegid();
	return cred->pid == (uint32_t)getpid() && cred->uid == geteuid() && cred->gid == getegid();
}

static int test_socketpair(enum sys_self_test_verdict *verdict)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	struct sys_cred cred;
	int ends[2];
	int status;

	if (socketpair(AF_UNIX, SOCK_STREAM | unix_kernel.socket_flags, 0, ends) < 0)
		return errno;
	status = sys_peer_cred(ends[0], &cred);
	close(ends[0]);
	close(ends[1]);
	if (status != 0)
		return status == SYS_NO_DATA && !unix_kernel.pair_names_creator ? 0 : status;
	/* Another thread changed our ids meanwhile: nothing learned, run again. */
	if (uid != geteuid() || gid != getegid())
		return EAGAIN;
	if (!is_us(&cred))
		*verdict = SYS_SOCKETPAIR_NOT_SELF;
	return 0;
}

static int test_unconnected(enum sys_self_test_verdict *verdict)
{
	struct sys_cred cred;
	int fd = -1;
	int status;

	status = sys_stream_socket(&fd);
	if (status != 0)
		return status;
	status = sys_peer_cred(fd, &cred);
	close(fd);
	/* A refusal shows nobody either. */
	if (status != 0)
		return 0;
	if (cred.pid != 0 || cred.uid != SYS_NO_ID || cred.gid != SYS_NO_ID)
		*verdict = SYS_UNCONNECTED_SHOWS_SOMEBODY;
	return 0;
}

int sys_self_test(enum sys_self_test_verdict *verdict)
{
	enum sys_self_test_verdict found = SYS_TRUSTWORTHY;
	int status = test_socketpair(&found);

	if (status == 0 && found == SYS_TRUSTWORTHY)
		status = test_unconnected(&found);
	if (status == 0)
		*verdict = found;
	return status;
}
