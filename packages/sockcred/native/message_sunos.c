/*
 * illumos and Solaris 10 or newer: SO_RECVUCRED, by which the kernel puts an
 * opaque credential beside each datagram, with real and effective ids and all
 * groups. On other sockets nothing travels but descriptors. Nobody chooses
 * ids. See ucred_get(3C), recvmsg(3XNET).
 */
#include "message_socket.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <ucred.h>

static void take_groups(const ucred_t *cred, struct message *out)
{
	const gid_t *groups = NULL;
	const int all = ucred_getgroups(cred, &groups);

	out->group_count = 0;
	if (all < 0) {
		out->groups_status = SYS_NO_DATA;
	} else if (all > MESSAGE_MOST_GROUPS) {
		out->groups_status = ERANGE;
	} else {
		out->groups_status = 0;
		out->group_count = (uint32_t)all;
		if (all > 0)
			memcpy(out->groups, groups, (size_t)all * sizeof(*out->groups));
	}
}

static int decode(int type, const uint8_t *bytes, size_t size, struct message *out)
{
	/* Where it lies it is aligned for less than what is in it. */
	union {
		uint64_t aligned;
		uint8_t bytes[MESSAGE_CONTROL];
	} copy;
	const ucred_t *cred = (const void *)&copy;
	pid_t pid;

	(void)type;
	if (size == 0 || size > ucred_size() || size > sizeof(copy))
		return SYS_BAD_LENGTH;
	memset(&copy, 0, sizeof(copy));
	memcpy(copy.bytes, bytes, size);
	/* "Not available" is -1, which is SYS_NO_ID; of a pid it is 0 here. */
	out->uid = (uint32_t)ucred_getruid(cred);
	out->gid = (uint32_t)ucred_getrgid(cred);
	out->effective_uid = (uint32_t)ucred_geteuid(cred);
	out->effective_gid = (uint32_t)ucred_getegid(cred);
	pid = ucred_getpid(cred);
	out->pid = pid > 0 ? (uint32_t)pid : 0;
	take_groups(cred, out);
	return 0;
}

const struct message_kernel message_kernel = {
	.rights = SCM_RIGHTS,
	.label = MESSAGE_NO_TYPE,
	.pidfd = MESSAGE_NO_TYPE,
	.credentials = SCM_UCRED,
	.attached = MESSAGE_NO_TYPE,
	.decode = decode,
	.record_end = MSG_EOR,
	.option_level = SOL_SOCKET,
	.option = SO_RECVUCRED,
	.option_for_datagrams = 1,
};
