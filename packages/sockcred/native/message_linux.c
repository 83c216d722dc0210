/*
 * Linux: SCM_CREDENTIALS (SO_PASSCRED), SCM_SECURITY (SO_PASSSEC: datagrams
 * 2.6.18, streams 4.2), SCM_PIDFD (SO_PASSPIDFD, 6.5), SCM_RIGHTS
 * (SO_PASSRIGHTS, 6.16, can forbid it). With SO_PASSCRED on, a stream is never
 * received beyond a change of sender. See unix(7), recvmmsg(2), cmsg(3).
 */
#include "message_socket.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "layouts.h"
#include "linux_options.h"

/* <linux/socket.h>, which no libc passes on: SCM_SECURITY and SCM_PIDFD, on every architecture. */
enum { LINUX_SCM_SECURITY = 3, LINUX_SCM_PIDFD = 4 };

_Static_assert(sizeof(struct ucred) == LINUX_UCRED_SIZE, "struct ucred");
_Static_assert(CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(MESSAGE_MOST_LABEL) +
			       CMSG_SPACE(MESSAGE_MOST_FDS * sizeof(int)) + CMSG_SPACE(sizeof(int)) <=
		       MESSAGE_CONTROL,
	       "room for everything that Linux passes");

static int decode(int type, const uint8_t *bytes, size_t size, struct message *out)
{
	struct sys_cred cred;
	const int status = decode_ids(&linux_ucred, bytes, size, &cred);

	(void)type;
	if (status != 0)
		return status;
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->pid = cred.pid;
	out->groups_status = SYS_UNSUPPORTED;
	return 0;
}

/* Whether this process may say so is the kernel's to judge. */
static int attach(const uint32_t *claim, uint8_t out[MESSAGE_MOST_ATTACHED], size_t *size)
{
	struct ucred cred;

	memset(&cred, 0, sizeof(cred));
	cred.pid = (pid_t)claim[0];
	cred.uid = claim[1];
	cred.gid = claim[2];
	memcpy(out, &cred, sizeof(cred));
	*size = sizeof(cred);
	return 0;
}

const struct message_kernel message_kernel = {
	.rights = SCM_RIGHTS,
	.label = LINUX_SCM_SECURITY,
	.pidfd = LINUX_SCM_PIDFD,
	.credentials = SCM_CREDENTIALS,
	.attached = SCM_CREDENTIALS,
	.decode = decode,
	.attach = attach,
};

#ifdef __GLIBC__
typedef int batch_flags;
#else
typedef unsigned int batch_flags;
#endif

static void prepare(struct mmsghdr *one, struct iovec *part, struct sockaddr_un *name,
		    const struct message_request *request, size_t index)
{
	part->iov_base = request->data + index * request->room;
	part->iov_len = request->room;
	memset(one, 0, sizeof(*one));
	one->msg_hdr.msg_iov = part;
	one->msg_hdr.msg_iovlen = 1;
	one->msg_hdr.msg_control = request->control_room > 0 ? request->control + index * request->control_room : NULL;
	one->msg_hdr.msg_controllen = (control_length)request->control_room;
	if (request->kind == MESSAGE_DATAGRAM) {
		one->msg_hdr.msg_name = name;
		one->msg_hdr.msg_namelen = sizeof(*name);
	}
}

static void read_one(const struct mmsghdr *one, const struct sockaddr_un *name,
		     const struct message_request *request, struct message *out)
{
	const struct msghdr *header = &one->msg_hdr;

	out->full_length = one->msg_len;
	out->length = one->msg_len < request->room ? one->msg_len : (uint32_t)request->room;
	out->flags = (header->msg_flags & MSG_TRUNC) != 0 ? MESSAGE_CUT : 0;
	message_take_name(header, name, out);
	message_walk(header->msg_control, header->msg_control == NULL ? 0 : header->msg_controllen,
		     (header->msg_flags & MSG_CTRUNC) != 0, request->most_fds, out, message_discard);
}

/* A seqpacket that was sent has its sender beside it, however short it is; the end has nothing. */
static int is_end(const struct mmsghdr *one, const struct message_request *request)
{
	if (one->msg_len != 0 || request->room == 0)
		return 0;
	switch (request->kind) {
	case MESSAGE_STREAM:
		return 1;
	case MESSAGE_SEQPACKET:
		return one->msg_hdr.msg_controllen == 0 && (one->msg_hdr.msg_flags & MSG_CTRUNC) == 0;
	default:
		return 0;
	}
}

int message_receive(int fd, const struct message_request *request, struct message *messages, size_t count,
		    size_t *received)
{
	struct mmsghdr headers[MESSAGE_MOST_BATCH];
	struct iovec parts[MESSAGE_MOST_BATCH];
	struct sockaddr_un names[MESSAGE_MOST_BATCH];
	int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
	int given;

	if (count == 0 || count > MESSAGE_MOST_BATCH)
		return EINVAL;
	if (request->peek)
		flags |= MSG_PEEK;
	/* What a datagram's length was before it was cut; on streams the flag would throw data away. */
	if (request->kind != MESSAGE_STREAM)
		flags |= MSG_TRUNC;
	for (size_t index = 0; index < count; index++)
		prepare(&headers[index], &parts[index], &names[index], request, index);
	do
		given = recvmmsg(fd, headers, (unsigned int)count, (batch_flags)flags, NULL);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	*received = (size_t)given;
	for (size_t index = 0; index < (size_t)given; index++) {
		read_one(&headers[index], &names[index], request, &messages[index]);
		if (is_end(&headers[index], request)) {
			messages[index].flags |= MESSAGE_END;
			*received = index + 1;
			break;
		}
	}
	return 0;
}

int message_send_batch(int fd, const uint8_t *data, const uint32_t *lengths, size_t count, const uint8_t *name,
		       size_t name_length, size_t *sent)
{
	struct mmsghdr headers[MESSAGE_MOST_BATCH];
	struct iovec parts[MESSAGE_MOST_BATCH];
	struct sockaddr_un address;
	int given;

	if (count == 0 || count > MESSAGE_MOST_BATCH)
		return EINVAL;
	memset(headers, 0, sizeof(headers));
	for (size_t index = 0; index < count; index++) {
		const int status = message_address(name, name_length, &address, &headers[index].msg_hdr);

		if (status != 0)
			return status;
		parts[index].iov_base = (void *)(uintptr_t)data;
		parts[index].iov_len = lengths[index];
		headers[index].msg_hdr.msg_iov = &parts[index];
		headers[index].msg_hdr.msg_iovlen = 1;
		data += lengths[index];
	}
	do
		given = sendmmsg(fd, headers, (unsigned int)count, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	*sent = (size_t)given;
	return 0;
}

static int number_of(enum message_option option)
{
	switch (option) {
	case MESSAGE_PASS_CREDENTIALS:
		return SO_PASSCRED;
	case MESSAGE_PASS_LABELS:
		return KERNEL_SO_PASSSEC;
	case MESSAGE_PASS_PIDFDS:
		return KERNEL_SO_PASSPIDFD;
	case MESSAGE_PASS_FDS:
		return KERNEL_SO_PASSRIGHTS;
	}
	return -1;
}

int message_set_option(int fd, enum message_option option, int on)
{
	const int number = number_of(option);

	if (number < 0)
		return EINVAL;
	return setsockopt(fd, SOL_SOCKET, number, &on, sizeof(on)) < 0 ? errno : 0;
}

int message_get_option(int fd, enum message_option option, int *on)
{
	const int number = number_of(option);

	return number < 0 ? EINVAL : unix_ask_exactly(fd, SOL_SOCKET, number, on, sizeof(*on));
}
