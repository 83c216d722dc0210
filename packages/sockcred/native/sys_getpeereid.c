/*
 * Systems of which nothing is known but that they have getpeereid(3), AIX
 * among them: effective ids, and nothing else. When they were captured is for
 * the system's manual to say.
 */
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <unistd.h>

const char sys_name[] = "getpeereid";

const struct unix_kernel unix_kernel = {
	.socket_flags = 0,
	.seqpacket_type = NO_SOCKET_TYPE,
	.pid_may_be_missing = 1,
};

int sys_peer_cred(int fd, struct sys_cred *out)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (getpeereid(fd, &uid, &gid) != 0)
		return errno == ENOTCONN ? SYS_NO_DATA : errno;
	out->uid = uid;
	out->gid = gid;
	out->pid = 0;
	return 0;
}
