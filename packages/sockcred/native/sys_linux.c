/*
 * Linux: SO_PEERCRED (always), SO_PEERGROUPS (4.13), SO_PEERSEC (2.6.2, only
 * where a security module labels sockets), SO_PEERPIDFD (6.5). The kernel
 * captures ids and groups in the peer's connect() or listen() or in
 * socketpair(), and the label in the peer's socket(). See socket(7), unix(7).
 */
#define _GNU_SOURCE
#include "layouts.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <sys/stat.h>
#include <stddef.h>

#include "linux_options.h"

_Static_assert(sizeof(struct ucred) == LINUX_UCRED_SIZE, "struct ucred");
_Static_assert(offsetof(struct ucred, pid) == LINUX_UCRED_PID, "ucred.pid");
_Static_assert(offsetof(struct ucred, uid) == LINUX_UCRED_UID, "ucred.uid");
_Static_assert(offsetof(struct ucred, gid) == LINUX_UCRED_GID, "ucred.gid");

const char sys_name[] = "linux";

const struct unix_kernel unix_kernel = {
	.socket_flags = SOCK_CLOEXEC | SOCK_NONBLOCK,
	.seqpacket_type = SOCK_SEQPACKET,
	.abstract_names = 1,
	.pair_names_creator = 1,
};

int sys_peer_cred(int fd, struct sys_cred *out)
{
	struct ucred cred;
	socklen_t length = sizeof(cred);
	const int status = unix_ask(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length);

	return status != 0 ? status : decode_ids(&linux_ucred, &cred, length, out);
}

int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count)
{
	socklen_t length = (socklen_t)(capacity * sizeof(*out));
	const int status = unix_ask(fd, SOL_SOCKET, KERNEL_SO_PEERGROUPS, out, &length);

	if (status != 0 && status != ERANGE)
		return status;
	if (length % sizeof(*out) != 0)
		return SYS_BAD_LENGTH;
	if (status == 0 && length > capacity * sizeof(*out))
		return SYS_BAD_LENGTH;
	*count = length / sizeof(*out);
	return status;
}

int sys_peer_label(int fd, uint8_t *out, size_t capacity, size_t *length)
{
	socklen_t given = (socklen_t)capacity;
	const int status = unix_ask(fd, SOL_SOCKET, KERNEL_SO_PEERSEC, out, &given);

	if (status != 0 && status != ERANGE)
		return status;
	if (status == 0 && given > capacity)
		return SYS_BAD_LENGTH;
	*length = given;
	return status;
}

int sys_peer_pidfd(int fd, int *out)
{
	/* The kernel installs the descriptor whatever the length: always ask for
	 * all four bytes, or it leaks. */
	return unix_ask_exactly(fd, SOL_SOCKET, KERNEL_SO_PEERPIDFD, out, sizeof(*out));
}

int sys_set_mode(int fd, uint32_t mode)
{
	return fchmod(fd, (mode_t)mode) < 0 ? errno : 0;
}
