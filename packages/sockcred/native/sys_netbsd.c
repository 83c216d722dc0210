/*
 * NetBSD (5.0): LOCAL_PEEREID, a struct unpcbid with pid and effective ids.
 * Captured in the peer's connect(), and in its bind() (since about 8 in its
 * listen()); one kernel of 2014 names the asking process itself on the
 * connecting side. No groups. See unix(4).
 */
#define _NETBSD_SOURCE
#include "layouts.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <stddef.h>
#include <sys/un.h>

#ifdef SOL_LOCAL
_Static_assert(LOCAL_LEVEL == SOL_LOCAL, "SOL_LOCAL");
#endif

_Static_assert(sizeof(struct unpcbid) == NETBSD_UNPCBID_SIZE, "struct unpcbid");
_Static_assert(offsetof(struct unpcbid, unp_pid) == NETBSD_UNPCBID_PID, "unpcbid.unp_pid");
_Static_assert(offsetof(struct unpcbid, unp_euid) == NETBSD_UNPCBID_UID, "unpcbid.unp_euid");
_Static_assert(offsetof(struct unpcbid, unp_egid) == NETBSD_UNPCBID_GID, "unpcbid.unp_egid");

const char sys_name[] = "netbsd";

const struct unix_kernel unix_kernel = {
	.socket_flags = SOCK_CLOEXEC | SOCK_NONBLOCK,
	.seqpacket_type = SOCK_SEQPACKET,
};

int sys_peer_cred(int fd, struct sys_cred *out)
{
	struct unpcbid cred;
	socklen_t length = sizeof(cred);
	const int status = unix_ask(fd, LOCAL_LEVEL, LOCAL_PEEREID, &cred, &length);

	/* What other kernels call ENOTCONN. */
	if (status == EINVAL)
		return SYS_NO_DATA;
	return status != 0 ? status : decode_ids(&netbsd_unpcbid, &cred, length, out);
}
