/*
 * illumos and Solaris 10 or newer: getpeerucred(3C), an opaque credential with
 * all ids, all groups and the zone. On the accepting side it is captured in
 * the peer's connect(), on the connecting side when the peer's end was made.
 * Each part may be unavailable by itself: ucred_get(3C).
 */
#ifndef __EXTENSIONS__
#define __EXTENSIONS__ 1
#endif
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <ucred.h>

const char sys_name[] = "sunos";

const struct unix_kernel unix_kernel = {
	.socket_flags = SOCK_CLOEXEC | SOCK_NONBLOCK,
	.seqpacket_type = SOCK_SEQPACKET,
};

/* The caller frees it with ucred_free(). */
static int peer_ucred(int fd, ucred_t **out)
{
	/* Not NULL, it would be overwritten in place. */
	*out = NULL;
	while (getpeerucred(fd, out) != 0) {
		/* EINVAL: connected, and the peer is not known. */
		if (errno == ENOTCONN || errno == EINVAL)
			return SYS_NO_DATA;
		if (errno != EINTR)
			return errno;
	}
	return *out != NULL ? 0 : SYS_NO_DATA;
}

int sys_peer_cred(int fd, struct sys_cred *out)
{
	ucred_t *cred;
	const int status = peer_ucred(fd, &cred);
	pid_t pid;

	if (status != 0)
		return status;
	/* "Not available" is -1, which is SYS_NO_ID; of a pid it is 0 here. */
	out->uid = (uint32_t)ucred_geteuid(cred);
	out->gid = (uint32_t)ucred_getegid(cred);
	pid = ucred_getpid(cred);
	out->pid = pid > 0 ? (uint32_t)pid : 0;
	ucred_free(cred);
	return 0;
}

int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count)
{
	const gid_t *groups = NULL;
	ucred_t *cred;
	int status = peer_ucred(fd, &cred);
	int all;

	if (status != 0)
		return status;
	all = ucred_getgroups(cred, &groups);
	if (all < 0) {
		status = SYS_NO_DATA;
	} else {
		*count = (size_t)all;
		if ((size_t)all > capacity)
			status = ERANGE;
		else if (all > 0)
			memcpy(out, groups, (size_t)all * sizeof(*out));
	}
	ucred_free(cred);
	return status;
}

int sys_peer_more_ids(int fd, struct sys_more_ids *out)
{
	ucred_t *cred;
	const int status = peer_ucred(fd, &cred);

	if (status != 0)
		return status;
	out->real_uid = (uint32_t)ucred_getruid(cred);
	out->saved_uid = (uint32_t)ucred_getsuid(cred);
	out->real_gid = (uint32_t)ucred_getrgid(cred);
	out->saved_gid = (uint32_t)ucred_getsgid(cred);
	out->zone = (int32_t)ucred_getzoneid(cred);
	ucred_free(cred);
	return 0;
}
