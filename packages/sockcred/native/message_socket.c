/*
 * What is the same on every kernel that passes anything beside a message: its
 * names, sending one, and new descriptors. See cmsg(3), sendmsg(2).
 */
#include "message_socket.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

typedef __typeof__(((struct cmsghdr *)0)->cmsg_len) header_length;

/* illumos before 2022: there, what is done about the signal is done by the runtimes, which ignore it. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

_Static_assert(sizeof(struct sockaddr_un) <= MESSAGE_MOST_NAME, "struct sockaddr_un");
_Static_assert(CMSG_SPACE(MESSAGE_MOST_FDS * sizeof(int)) + CMSG_SPACE(MESSAGE_MOST_ATTACHED) <= MESSAGE_CONTROL,
	       "room for everything that is sent");

void message_discard(int fd)
{
	close(fd);
}

/* The kernel gives a name's bytes, a path with its final NUL; the BSDs an empty path where there is none. */
void message_take_name(const struct msghdr *header, const struct sockaddr_un *name, struct message *out)
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
	else if (!unix_kernel.abstract_names)
		return;
	memcpy(out->name, name->sun_path, length);
	out->name_length = (uint32_t)length;
}

int message_address(const uint8_t *name, size_t length, struct sockaddr_un *address, struct msghdr *header)
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

/* What goes beside a message, with room for the most that is allowed. */
union outgoing_control {
	struct cmsghdr aligned;
	uint8_t bytes[MESSAGE_CONTROL];
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

static int put_claim(uint8_t *at, const uint32_t *claim, size_t *beside)
{
	uint8_t bytes[MESSAGE_MOST_ATTACHED];
	size_t size = 0;
	int status;

	if (message_kernel.attach == NULL)
		return SYS_UNSUPPORTED;
	status = message_kernel.attach(claim, bytes, &size);
	if (status == 0)
		*beside = put(at, message_kernel.attached, bytes, size);
	return status;
}

/* The flags for sendmsg(); `bare` is what goes beside no bytes at all. */
static int flags_for(int fd, int bare, int *flags)
{
	int type = 0;
	int status;

	*flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	if (!bare && message_kernel.record_end == 0)
		return 0;
	status = sys_socket_type(fd, &type);
	if (status != 0)
		return status;
	/* The kernel would take it, give 0, and deliver nothing, or what looks like the end. */
	if (bare && type == SOCK_STREAM)
		return EINVAL;
	if (type == SOCK_SEQPACKET)
		*flags |= message_kernel.record_end;
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
	int flags, status;

	if (message->fd_count > MESSAGE_MOST_FDS)
		return EINVAL;
	memset(&header, 0, sizeof(header));
	status = message_address(message->name, message->name_length, &address, &header);
	if (status == 0 && message->claim != NULL)
		status = put_claim(control.bytes, message->claim, &beside);
	if (status != 0)
		return status;
	if (message->fd_count > 0)
		beside += put(control.bytes + beside, message_kernel.rights, message->fds,
			      message->fd_count * sizeof(int));
	status = flags_for(fd, beside > 0 && message->length == 0, &flags);
	if (status != 0)
		return status;
	/* The kernel only reads what it is sent. */
	part.iov_base = (void *)(uintptr_t)message->data;
	part.iov_len = message->length;
	header.msg_iov = &part;
	header.msg_iovlen = 1;
	header.msg_control = beside > 0 ? control.bytes : NULL;
	header.msg_controllen = (control_length)beside;
	do
		given = sendmsg(fd, &header, flags);
	while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	*sent = (size_t)given;
	return 0;
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
