/*
 * NetBSD: LOCAL_CREDS, by which the kernel puts a struct sockcred beside each
 * datagram, and beside the first message on a stream or seqpacket socket,
 * which switches it off. Accepted sockets have it from the one that listens.
 * Nobody can attach credentials, or choose them. See unix(4). Before NetBSD 8
 * the option and the type had other numbers, and the pid was missing.
 */
#include "message_socket.h"
#include "sys.h"
#include "unix_socket.h"

#include <sys/un.h>

#include "layouts.h"

_Static_assert(offsetof(struct sockcred, sc_pid) == NETBSD_SOCKCRED_PID, "sockcred.sc_pid");
_Static_assert(offsetof(struct sockcred, sc_uid) == NETBSD_SOCKCRED_UID, "sockcred.sc_uid");
_Static_assert(offsetof(struct sockcred, sc_euid) == NETBSD_SOCKCRED_EUID, "sockcred.sc_euid");
_Static_assert(offsetof(struct sockcred, sc_gid) == NETBSD_SOCKCRED_GID, "sockcred.sc_gid");
_Static_assert(offsetof(struct sockcred, sc_egid) == NETBSD_SOCKCRED_EGID, "sockcred.sc_egid");
_Static_assert(offsetof(struct sockcred, sc_ngroups) == NETBSD_SOCKCRED_NGROUPS, "sockcred.sc_ngroups");
_Static_assert(offsetof(struct sockcred, sc_groups) == NETBSD_SOCKCRED_GROUPS, "sockcred.sc_groups");

static int decode(int type, const uint8_t *bytes, size_t size, struct message *out)
{
	(void)type;
	return decode_sender(&netbsd_sockcred, bytes, size, out);
}

const struct message_kernel message_kernel = {
	.rights = SCM_RIGHTS,
	.label = MESSAGE_NO_TYPE,
	.pidfd = MESSAGE_NO_TYPE,
	.credentials = SCM_CREDS,
	.attached = MESSAGE_NO_TYPE,
	.decode = decode,
	.none_in_peek = 1,
	.record_end = MSG_EOR,
	.option_level = LOCAL_LEVEL,
	.option = LOCAL_CREDS,
};
