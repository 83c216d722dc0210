/*
 * OpenBSD: SO_PEERCRED, a struct sockpeercred with effective ids and the pid,
 * in another order than Linux has them. Captured in the peer's connect() or,
 * unlike everywhere else, in its bind(); also in socketpair(). No groups. See
 * getsockopt(2).
 */
#include "layouts.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <stddef.h>

_Static_assert(sizeof(struct sockpeercred) == OPENBSD_SOCKPEERCRED_SIZE, "struct sockpeercred");
_Static_assert(offsetof(struct sockpeercred, uid) == OPENBSD_SOCKPEERCRED_UID, "sockpeercred.uid");
_Static_assert(offsetof(struct sockpeercred, gid) == OPENBSD_SOCKPEERCRED_GID, "sockpeercred.gid");
_Static_assert(offsetof(struct sockpeercred, pid) == OPENBSD_SOCKPEERCRED_PID, "sockpeercred.pid");

const char sys_name[] = "openbsd";

const struct unix_kernel unix_kernel = {
	.socket_flags = SOCK_CLOEXEC | SOCK_NONBLOCK,
	.seqpacket_type = SOCK_SEQPACKET,
	.pair_names_creator = 1,
};

int sys_peer_cred(int fd, struct sys_cred *out)
{
	struct sockpeercred cred;
	socklen_t length = sizeof(cred);
	const int status = unix_ask(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length);

	if (status == ENOTCONN)
		return SYS_NO_DATA;
	return status != 0 ? status : decode_ids(&openbsd_sockpeercred, &cred, length, out);
}
