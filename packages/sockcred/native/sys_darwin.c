/*
 * macOS: LOCAL_PEERCRED, a struct xucred with effective ids and an advisory
 * list of groups, captured in the peer's connect() or listen() or in
 * socketpair(), of stream sockets only; LOCAL_PEERTOKEN (11.0), the audit
 * token of whoever used the peer's socket last, as of now. LOCAL_PEERPID is
 * of that process too, and so is not asked: it would not be the pid of the
 * process whose ids these are. See <sys/un.h>. Which start of the machine it is
 * says sysctl(3), kern.bootsessionuuid.
 */
#define _DARWIN_C_SOURCE
#include "layouts.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <mach/message.h>
#include <stddef.h>
#include <sys/param.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>
#include <sys/un.h>

_Static_assert(sizeof(struct xucred) == DARWIN_XUCRED_SIZE, "struct xucred");
_Static_assert(XUCRED_VERSION == XUCRED_KNOWN_VERSION, "XUCRED_VERSION");
_Static_assert(offsetof(struct xucred, cr_version) == XUCRED_AT_VERSION, "xucred.cr_version");
_Static_assert(offsetof(struct xucred, cr_uid) == XUCRED_AT_UID, "xucred.cr_uid");
_Static_assert(offsetof(struct xucred, cr_ngroups) == XUCRED_AT_NGROUPS, "xucred.cr_ngroups");
_Static_assert(offsetof(struct xucred, cr_groups) == XUCRED_AT_GROUPS, "xucred.cr_groups");
_Static_assert(sizeof(((struct xucred *)0)->cr_ngroups) == sizeof(int16_t), "xucred.cr_ngroups");
_Static_assert(sizeof(((struct xucred *)0)->cr_groups) == XUCRED_MOST_GROUPS * sizeof(uint32_t), "xucred.cr_groups");
_Static_assert(sizeof(audit_token_t) == DARWIN_AUDIT_TOKEN_SIZE, "audit_token_t");
_Static_assert(sizeof(((audit_token_t *)0)->val) == DARWIN_AUDIT_TOKEN_SIZE, "audit_token_t.val");

const char sys_name[] = "darwin";

const struct unix_kernel unix_kernel = {
	.socket_flags = 0,
	.seqpacket_type = NO_SOCKET_TYPE,
	.pair_names_creator = 1,
	.pid_may_be_missing = 1,
};

static int peer_xucred(int fd, struct xucred *out, socklen_t *length)
{
	int status;

	*length = sizeof(*out);
	status = unix_ask(fd, SOL_LOCAL, LOCAL_PEERCRED, out, length);
	/* Without a record the kernel says the one of stream sockets, the other of datagram sockets. */
	return status == ENOTCONN || status == EINVAL ? SYS_NO_DATA : status;
}

int sys_peer_cred(int fd, struct sys_cred *out)
{
	struct xucred cred;
	socklen_t length;
	const int status = peer_xucred(fd, &cred, &length);

	return status != 0 ? status : decode_xucred(&darwin_xucred, &cred, length, out);
}

int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count)
{
	struct xucred cred;
	socklen_t length;
	const int status = peer_xucred(fd, &cred, &length);

	return status != 0 ? status : decode_xucred_groups(&darwin_xucred, &cred, length, out, capacity, count);
}

int sys_peer_token(int fd, uint32_t out[8])
{
	audit_token_t token;
	socklen_t length = sizeof(token);
	const int status = unix_ask(fd, SOL_LOCAL, LOCAL_PEERTOKEN, &token, &length);

	return status != 0 ? status : decode_audit_token(&token, length, out);
}

int sys_boot_id(uint8_t *out, size_t capacity, size_t *length)
{
	size_t size = capacity;

	if (sysctlbyname("kern.bootsessionuuid", out, &size, NULL, 0) != 0)
		return errno == ENOENT ? SYS_UNSUPPORTED : errno;
	/* With the NUL at its end. */
	if (size == 0 || size > capacity || out[size - 1] != 0)
		return SYS_BAD_LENGTH;
	*length = size - 1;
	return 0;
}
