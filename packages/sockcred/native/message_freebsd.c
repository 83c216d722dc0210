/*
 * FreeBSD: LOCAL_CREDS_PERSISTENT (13.0), by which the kernel puts a struct
 * sockcred2 beside every send; and SCM_CREDS, a struct cmsgcred that the
 * sender attaches and the kernel fills. DragonFly: SO_PASSCRED, a struct
 * cmsgcred with each datagram, and the same that is attached to anything.
 * Nobody chooses ids. See unix(4), recvmsg(2).
 */
#include "message_socket.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/param.h>
#include <sys/un.h>
#include <unistd.h>

#include "layouts.h"

_Static_assert(sizeof(struct cmsgcred) == CMSGCRED_SIZE, "struct cmsgcred");
_Static_assert(offsetof(struct cmsgcred, cmcred_pid) == CMSGCRED_PID, "cmsgcred.cmcred_pid");
_Static_assert(offsetof(struct cmsgcred, cmcred_uid) == CMSGCRED_UID, "cmsgcred.cmcred_uid");
_Static_assert(offsetof(struct cmsgcred, cmcred_euid) == CMSGCRED_EUID, "cmsgcred.cmcred_euid");
_Static_assert(offsetof(struct cmsgcred, cmcred_gid) == CMSGCRED_GID, "cmsgcred.cmcred_gid");
_Static_assert(offsetof(struct cmsgcred, cmcred_ngroups) == CMSGCRED_NGROUPS, "cmsgcred.cmcred_ngroups");
_Static_assert(offsetof(struct cmsgcred, cmcred_groups) == CMSGCRED_GROUPS, "cmsgcred.cmcred_groups");
_Static_assert(sizeof(((struct cmsgcred *)0)->cmcred_ngroups) == sizeof(int16_t), "cmsgcred.cmcred_ngroups");
_Static_assert(CMGROUP_MAX == CMSG_MOST_GROUPS, "CMGROUP_MAX");

/* The kernel says who sends; a claim is to be what it will say. */
static int attach(const uint32_t *claim, uint8_t out[MESSAGE_MOST_ATTACHED], size_t *size)
{
	if (claim[0] != (uint32_t)getpid() || (claim[1] != getuid() && claim[1] != geteuid()) ||
	    (claim[2] != getgid() && claim[2] != getegid()))
		return EPERM;
	memset(out, 0, CMSGCRED_SIZE);
	*size = CMSGCRED_SIZE;
	return 0;
}

#ifdef __DragonFly__

/* DragonFly's number, in <sys/socket.h> where that is young enough. */
#define DRAGONFLY_SO_PASSCRED 0x4000
#ifdef SO_PASSCRED
_Static_assert(SO_PASSCRED == DRAGONFLY_SO_PASSCRED, "SO_PASSCRED");
#endif

static int decode(int type, const uint8_t *bytes, size_t size, struct message *out)
{
	(void)type;
	return decode_sender(&bsd_cmsgcred, bytes, size, out);
}

const struct message_kernel message_kernel = {
	.rights = SCM_RIGHTS,
	.label = MESSAGE_NO_TYPE,
	.pidfd = MESSAGE_NO_TYPE,
	.credentials = SCM_CREDS,
	.attached = SCM_CREDS,
	.decode = decode,
	.attach = attach,
	.none_in_peek = 1,
	.record_end = MSG_EOR,
	.option_level = SOL_SOCKET,
	.option = DRAGONFLY_SO_PASSCRED,
	.option_for_datagrams = 1,
};

#else

_Static_assert(offsetof(struct sockcred, sc_uid) == FREEBSD_SOCKCRED_UID, "sockcred.sc_uid");
_Static_assert(offsetof(struct sockcred, sc_euid) == FREEBSD_SOCKCRED_EUID, "sockcred.sc_euid");
_Static_assert(offsetof(struct sockcred, sc_gid) == FREEBSD_SOCKCRED_GID, "sockcred.sc_gid");
_Static_assert(offsetof(struct sockcred, sc_egid) == FREEBSD_SOCKCRED_EGID, "sockcred.sc_egid");
_Static_assert(offsetof(struct sockcred, sc_ngroups) == FREEBSD_SOCKCRED_NGROUPS, "sockcred.sc_ngroups");
_Static_assert(offsetof(struct sockcred, sc_groups) == FREEBSD_SOCKCRED_GROUPS, "sockcred.sc_groups");
_Static_assert(offsetof(struct sockcred2, sc_version) == FREEBSD_SOCKCRED2_VERSION, "sockcred2.sc_version");
_Static_assert(offsetof(struct sockcred2, sc_pid) == FREEBSD_SOCKCRED2_PID, "sockcred2.sc_pid");
_Static_assert(offsetof(struct sockcred2, sc_uid) == FREEBSD_SOCKCRED2_UID, "sockcred2.sc_uid");
_Static_assert(offsetof(struct sockcred2, sc_euid) == FREEBSD_SOCKCRED2_EUID, "sockcred2.sc_euid");
_Static_assert(offsetof(struct sockcred2, sc_gid) == FREEBSD_SOCKCRED2_GID, "sockcred2.sc_gid");
_Static_assert(offsetof(struct sockcred2, sc_egid) == FREEBSD_SOCKCRED2_EGID, "sockcred2.sc_egid");
_Static_assert(offsetof(struct sockcred2, sc_ngroups) == FREEBSD_SOCKCRED2_NGROUPS, "sockcred2.sc_ngroups");
_Static_assert(offsetof(struct sockcred2, sc_groups) == FREEBSD_SOCKCRED2_GROUPS, "sockcred2.sc_groups");

static int decode(int type, const uint8_t *bytes, size_t size, struct message *out)
{
	int status;

	if (type == SCM_CREDS2)
		return decode_sender(&freebsd_sockcred2, bytes, size, out);
	/*
	 * Two forms under one number: the other one comes where somebody else has
	 * set LOCAL_CREDS. Only with 16 groups are both of one length, and then
	 * nothing tells them apart.
	 */
	if (size != CMSGCRED_SIZE)
		return decode_sender(&freebsd_sockcred, bytes, size, out);
	status = decode_sender(&bsd_cmsgcred, bytes, size, out);
	return status == 0 && out->groups_status != 0 ? SYS_BAD_LENGTH : status;
}

const struct message_kernel message_kernel = {
	.rights = SCM_RIGHTS,
	.label = MESSAGE_NO_TYPE,
	.pidfd = MESSAGE_NO_TYPE,
	.credentials = SCM_CREDS2,
	.attached = SCM_CREDS,
	.decode = decode,
	.attach = attach,
	.none_in_peek = 1,
	/* Since 15.0 both, as POSIX has it. */
	.record_end = MSG_EOR,
	.record_pieces = 1,
	.option_level = LOCAL_LEVEL,
	.option = LOCAL_CREDS_PERSISTENT,
};

#endif
