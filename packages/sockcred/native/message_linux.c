/*
 * Linux: SCM_CREDENTIALS (SO_PASSCRED), SCM_SECURITY (SO_PASSSEC: datagrams
 * 2.6.18, streams 4.2), SCM_PIDFD (SO_PASSPIDFD, 6.5), SCM_RIGHTS
 * (SO_PASSRIGHTS, 6.16, can forbid it). With SO_PASSCRED on, a stream is never
 * received beyond a change of sender. See unix(7), recvmmsg(2), cmsg(3).
 */
#define _GNU_SOURCE
#include "message.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "layouts.h"
#include "linux_options.h"

/* <linux/socket.h>, which no libc passes on: SCM_SECURITY and SCM_PIDFD, on every architecture. */
enum { LINUX_SCM_SECURITY = 3, LINUX_SCM_PIDFD = 4 };

_Static_assert(sizeof(struct ucred) == LINUX_UCRED_SIZE, "struct ucred");
_Static_assert(sizeof(struct sockaddr_un) <= MESSAGE_MOST_NAME, "struct sockaddr_un");
_Static_assert(CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(MESSAGE_MOST_LABEL) +
			       CMSG_SPACE(MESSAGE_MOST_FDS * sizeof(int)) + CMSG_SPACE(sizeof(int)) <=
		       MESSAGE_CONTROL,
	       "room for everything that Linux passes");

static int decode(const uint8_t *bytes, size_t size, struct message *out)
{
	struct sys_cred cred;
	const int status = decode_ids(&linux_ucred, bytes, size, &cred);

	if (status != 0)
		return status;
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->pid = cred.pid;
	out->groups_status = SYS_UNSUPPORTED;
	return 0;
}

const struct message_kernel message_kernel = {
	.rights = SCM_RIGHTS,
	.credentials = SCM_CREDENTIALS,
	.label = LINUX_SCM_SECURITY,
	.pidfd = LINUX_SCM_PIDFD,
	.decode = decode,
};

/* The C libraries agree on what lies in memory, and not on what it is called. */
typedef __typeof__(((struct msghdr *)0)->msg_controllen) control_length;
typedef __typeof__(((struct cmsghdr *)0)->cmsg_len) header_length;
#ifdef __GLIBC__
typedef int batch_flags;
#else
typedef unsigned int batch_flags;
#endif

static void discard(int fd)
{
	close(fd);
}

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

/* The kernel gives a name's bytes, a path with its final NUL. */
static void take_name(const struct msghdr *header, const struct sockaddr_un *name, struct message *out)
{
	const size_t begins = offsetof(struct sockaddr_un, sun_path);
	size_t length;

	out->name_length = 0;
	if (header->msg_name == NULL || header->msg_namelen <= begins || name->sun_family != AF_UNIX)
		return;
	length = header->msg_namelen - begins;
	if (length > sizeof(name->sun_path))
		length = sizeof(name->sun_path);
	if (name->sun_path[0] != 0)
		length = strnlen(name->sun_path, length);
	memcpy(out->name, name->sun_path, length);
	out->name_length = (uint32_t)length;
}

static void read_one(const struct mmsghdr *one, const struct sockaddr_un *name,
		     const struct message_request *request, struct message *out)
{
	const struct msghdr *header = &one->msg_hdr;

	out->full_length = one->msg_len;
	out->length = one->msg_len < request->room ? one->msg_len : (uint32_t)request->room;
	out->flags = (header->msg_flags & MSG_TRUNC) != 0 ? MESSAGE_CUT : 0;
	take_name(header, name, out);
	message_walk(header->msg_control, header->msg_control == NULL ? 0 : header->msg_controllen,
		     (header->msg_flags & MSG_CTRUNC) != 0, request->most_fds, out, discard);
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

/* What goes beside a message, with room for the most that is allowed. */
union outgoing_control {
	struct cmsghdr aligned;
	uint8_t bytes[CMSG_SPACE(MESSAGE_MOST_FDS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static size_t put(uint8_t *at, int type, const void *bytes, size_t size)
{
	struct cmsghdr header;

	memset(&header, 0, sizeof(header));
	header.cmsg_len = (header_length)CMSG_LEN(size);
	header.cmsg_level = SOL_SOCKET;
	header.cmsg_type = type;
	memset(at, 0, CMSG_SPACE(size));
	memcpy(at, &header, sizeof(header));
	memcpy(at + CMSG_LEN(0), bytes, size);
	return CMSG_SPACE(size);
}

static size_t put_claim(uint8_t *at, const uint32_t *claim)
{
	struct ucred cred;

	memset(&cred, 0, sizeof(cred));
	cred.pid = (pid_t)claim[0];
	cred.uid = claim[1];
	cred.gid = claim[2];
	return put(at, SCM_CREDENTIALS, &cred, sizeof(cred));
}

static int address_of(const uint8_t *name, size_t length, struct sockaddr_un *address, struct msghdr *header)
{
	socklen_t size;
	int status;

	if (length == 0)
		return 0;
	status = unix_address(name, length, address, &size);
	if (status != 0)
		return status;
	header->msg_name = address;
	header->msg_namelen = size;
	return 0;
}

int message_send(int fd, const struct message_outgoing *message, size_t *sent)
{
	union outgoing_control control;
	struct sockaddr_un address;
	struct msghdr header;
	struct iovec part;
	size_t beside = 0;
	ssize_t given;
	int status;

	if (message->fd_count > MESSAGE_MOST_FDS)
		return EINVAL;
	memset(&header, 0, sizeof(header));
	status = address_of(message->name, message->name_length, &address, &header);
	if (status != 0)
		return status;
	if (message->claim != NULL)
		beside += put_claim(control.bytes, message->claim);
	if (message->fd_count > 0)
		beside += put(control.bytes + beside, SCM_RIGHTS, message->fds, message->fd_count * sizeof(int));
	if (beside > 0 && message->length == 0) {
		int type = 0;

		/* The kernel would take it, give 0, and deliver nothing. */
		status = sys_socket_type(fd, &type);
		if (status != 0)
			return status;
		if (type == SOCK_STREAM)
			return EINVAL;
	}
	/* The kernel only reads what it is sent. */
	part.iov_base = (void *)(uintptr_t)message->data;
	part.iov_len = message->length;
	header.msg_iov = &part;
	header.msg_iovlen = 1;
	header.msg_control = beside > 0 ? control.bytes : NULL;
	header.msg_controllen = (control_length)beside;
	do
		given = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	*sent = (size_t)given;
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
		const int status = address_of(name, name_length, &address, &headers[index].msg_hdr);

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

int message_pair(enum message_kind kind, int out[2])
{
	const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

	if ((unsigned int)kind >= sizeof(types) / sizeof(*types))
		return EINVAL;
	return socketpair(AF_UNIX, types[kind] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out) < 0 ? errno : 0;
}

int message_accept(int fd, int *out)
{
	int given;

	do
		given = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (given < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (given < 0)
		return errno;
	*out = given;
	return 0;
}

int message_duplicate(int fd, int *out)
{
	const int given = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (given < 0)
		return errno;
	*out = given;
	return 0;
}

int message_finish(int fd)
{
	return shutdown(fd, SHUT_WR) < 0 ? errno : 0;
}
