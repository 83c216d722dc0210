/*
 * FreeBSD and DragonFly: LOCAL_PEERCRED, a struct xucred with effective ids
 * and at most 16 groups. Captured in the peer's connect() or listen(); on
 * FreeBSD since 13.0 with the pid, and in socketpair() (sources disagree).
 * See unix(4).
 */
#include "layouts.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <stddef.h>
#include <sys/param.h>
#include <sys/ucred.h>
#include <sys/un.h>

#ifdef SOL_LOCAL
_Static_assert(LOCAL_LEVEL == SOL_LOCAL, "SOL_LOCAL");
#endif

#if defined(__DragonFly__)
#define KERNEL_NAME "dragonfly"
#define LAYOUT dragonfly_xucred
_Static_assert(sizeof(struct xucred) == DRAGONFLY_XUCRED_SIZE, "struct xucred");
#elif defined(__LP64__)
#define KERNEL_NAME "freebsd"
#define LAYOUT freebsd_xucred_lp64
_Static_assert(sizeof(struct xucred) == FREEBSD_XUCRED_SIZE_LP64, "struct xucred");
_Static_assert(offsetof(struct xucred, cr_pid) == FREEBSD_XUCRED_PID_LP64, "xucred.cr_pid");
#else
#define KERNEL_NAME "freebsd"
#define LAYOUT freebsd_xucred_ilp32
_Static_assert(sizeof(struct xucred) == FREEBSD_XUCRED_SIZE_ILP32, "struct xucred");
_Static_assert(offsetof(struct xucred, cr_pid) == FREEBSD_XUCRED_PID_ILP32, "xucred.cr_pid");
#endif

_Static_assert(XUCRED_VERSION == XUCRED_KNOWN_VERSION, "XUCRED_VERSION");
_Static_assert(offsetof(struct xucred, cr_version) == XUCRED_AT_VERSION, "xucred.cr_version");
_Static_assert(offsetof(struct xucred, cr_uid) == XUCRED_AT_UID, "xucred.cr_uid");
_Static_assert(offsetof(struct xucred, cr_ngroups) == XUCRED_AT_NGROUPS, "xucred.cr_ngroups");
_Static_assert(offsetof(struct xucred, cr_groups) == XUCRED_AT_GROUPS, "xucred.cr_groups");
_Static_assert(sizeof(((struct xucred *)0)->cr_ngroups) == sizeof(int16_t), "xucred.cr_ngroups");
_Static_assert(sizeof(((struct xucred *)0)->cr_groups) == XUCRED_MOST_GROUPS * sizeof(uint32_t), "xucred.cr_groups");

const char sys_name[] = KERNEL_NAME;

const struct unix_kernel unix_kernel = {
	.socket_flags = SOCK_CLOEXEC | SOCK_NONBLOCK,
	.seqpacket_type = SOCK_SEQPACKET,
	.pid_may_be_missing = 1,
};

static int peer_xucred(int fd, struct xucred *out, socklen_t *length)
{
	int status;

	*length = sizeof(*out);
	status = unix_ask(fd, LOCAL_LEVEL, LOCAL_PEERCRED, out, length);
	/* Without a record the kernel says the one of stream sockets, the other of all else. */
	return status == ENOTCONN || status == EINVAL ? SYS_NO_DATA : status;
}

int sys_peer_cred(int fd, struct sys_cred *out)
{
	struct xucred cred;
	socklen_t length;
	const int status = peer_xucred(fd, &cred, &length);

	return status != 0 ? status : decode_xucred(&LAYOUT, &cred, length, out);
}

int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count)
{
	struct xucred cred;
	socklen_t length;
	const int status = peer_xucred(fd, &cred, &length);

	return status != 0 ? status : decode_xucred_groups(&LAYOUT, &cred, length, out, capacity, count);
}
