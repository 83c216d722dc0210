/*
 * Receiving and sending one message per call, and the one option that there is
 * outside Linux. On a stream, what one process sent without credentials joins
 * what another one sent with some: the sender is known of the first byte, and
 * of no other. NetBSD and DragonFly have them with one send or with some; with
 * every send FreeBSD (13.0), but for those when it was short of memory. Who
 * sends credentials without a byte lends them to the next one there is.
 */
#include "message_socket.h"
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>

/* Younger than some of these systems; close_on_exec() does it in any case. */
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

/* FreeBSD before 2021 took the flag and forgot it. */
static void close_on_exec(const struct message *message)
{
	for (uint32_t index = 0; index < message->fd_count; index++)
		(void)fcntl(message->fds[index], F_SETFD, FD_CLOEXEC);
}

/*
 * A peek of a BSD has the kernel's own pointers where the descriptors will be.
 * They are wider, and must not be cut: what a kernel closes then, it would
 * take their halves for.
 */
#define PEEK_CONTROL (4 * MESSAGE_CONTROL)

static void leave(int fd)
{
	(void)fd;
}

static int is_end(const struct msghdr *header, size_t given, const struct message_request *request)
{
	return given == 0 && request->room > 0 && request->kind != MESSAGE_DATAGRAM && header->msg_controllen == 0 &&
	       (header->msg_flags & MSG_CTRUNC) == 0;
}

static uint32_t flags_of(const struct msghdr *header, size_t given, size_t room, const struct message_request *request)
{
	uint32_t flags = (header->msg_flags & MSG_TRUNC) != 0 ? MESSAGE_CUT : 0;

	if (message_kernel.record_pieces && request->kind == MESSAGE_SEQPACKET && given == room &&
	    (header->msg_flags & MSG_EOR) == 0)
		flags |= MESSAGE_CUT;
	if (is_end(header, given, request))
		flags |= MESSAGE_END;
	return flags;
}

static void read_beside(const struct msghdr *header, int peek, const struct message_request *request,
			struct message *out)
{
	const size_t length = header->msg_control == NULL ? 0 : header->msg_controllen;
	const int cut = (header->msg_flags & MSG_CTRUNC) != 0;

	if (peek && message_kernel.none_in_peek) {
		message_walk(header->msg_control, length, cut, 0, out, leave);
		out->flags &= ~(uint32_t)MESSAGE_FDS_REFUSED;
	} else {
		message_walk(header->msg_control, length, cut, request->most_fds, out, message_discard);
		close_on_exec(out);
	}
	if (request->kind == MESSAGE_STREAM && out->cred_status == 0 && out->length > 1)
		message_forget_sender(out, SYS_NO_DATA);
}

static int take(int fd, const struct message_request *request, size_t index, size_t room, int peek,
		struct message *out)
{
	union {
		struct cmsghdr aligned;
		uint8_t bytes[PEEK_CONTROL];
	} beside;
	struct sockaddr_un name;
	struct msghdr header;
	struct iovec part;
	ssize_t given;

	memset(&name, 0, sizeof(name));
	do {
		memset(&header, 0, sizeof(header));
		part.iov_base = request->data + index * request->room;
		part.iov_len = room;
		header.msg_iov = &part;
		header.msg_iovlen = 1;
		if (peek && message_kernel.none_in_peek) {
			header.msg_control = beside.bytes;
			header.msg_controllen = sizeof(beside.bytes);
		} else if (request->control_room > 0) {
			header.msg_control = request->control + index * request->control_room;
			header.msg_controllen = (control_length)request->control_room;
		}
		if (request->kind == MESSAGE_DATAGRAM) {
			header.msg_name = &name;
			header.msg_namelen = sizeof(name);
		}
		given = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | (peek ? MSG_PEEK : 0));
	} while (given < 0 && errno == EINTR);
	if (given < 0)
		return errno;
	out->length = out->full_length = (uint32_t)given;
	out->flags = flags_of(&header, (size_t)given, room, request);
	message_take_name(&header, &name, out);
	read_beside(&header, peek, request, out);
	return 0;
}

static int receive_one(int fd, const struct message_request *request, size_t index, struct message *out)
{
	size_t room = request->room;

	/* What has a sender is taken by the byte; to see that, the front is looked at. */
	if (request->kind == MESSAGE_STREAM && message_kernel.none_in_peek && room > 1) {
		const int status = take(fd, request, index, 1, 1, out);

		if (status != 0)
			return status;
		if (out->cred_status != SYS_NO_DATA)
			room = 1;
	}
	return take(fd, request, index, room, request->peek, out);
}

int message_receive(int fd, const struct message_request *request, struct message *messages, size_t count,
		    size_t *received)
{
	size_t index = 0;

	if (count == 0 || count > MESSAGE_MOST_BATCH)
		return EINVAL;
	do {
		const int status = receive_one(fd, request, index, &messages[index]);

		if (status != 0) {
			/* What was received counts; the next call meets what stood in the way. */
			if (index == 0)
				return status;
			break;
		}
		index++;
	} while (index < count && !request->peek && (messages[index - 1].flags & MESSAGE_END) == 0);
	*received = index;
	return 0;
}

int message_send_batch(int fd, const uint8_t *data, const uint32_t *lengths, size_t count, const uint8_t *name,
		       size_t name_length, size_t *sent)
{
	size_t index = 0;

	if (count == 0 || count > MESSAGE_MOST_BATCH)
		return EINVAL;
	for (; index < count; index++) {
		const struct message_outgoing message = {
			.data = data, .length = lengths[index], .name = name, .name_length = name_length,
		};
		size_t taken = 0;
		const int status = message_send(fd, &message, &taken);

		if (status != 0 && index == 0)
			return status;
		if (status != 0)
			break;
		data += lengths[index];
	}
	*sent = index;
	return 0;
}

static int has_option(int fd, enum message_option option)
{
	struct sys_socket found;
	int type = 0;
	int status;

	if (option != MESSAGE_PASS_CREDENTIALS)
		return SYS_UNSUPPORTED;
	/* At the level of a BSD's Unix sockets, IP has options of its own under the same numbers. */
	sys_examine(fd, &found);
	if (found.kind == SYS_NOT_UNIX)
		return EAFNOSUPPORT;
	if (!message_kernel.option_for_datagrams)
		return 0;
	status = sys_socket_type(fd, &type);
	if (status != 0)
		return status;
	/* On other sockets the kernel takes the option, and never does anything about it. */
	return sys_is_datagram(type) ? 0 : SYS_UNSUPPORTED;
}

int message_set_option(int fd, enum message_option option, int on)
{
	const int status = has_option(fd, option);

	if (status != 0)
		return status;
	return setsockopt(fd, message_kernel.option_level, message_kernel.option, &on, sizeof(on)) < 0 ? errno : 0;
}

int message_get_option(int fd, enum message_option option, int *on)
{
	const int status = has_option(fd, option);

	if (status != 0)
		return status;
	return unix_ask_exactly(fd, message_kernel.option_level, message_kernel.option, on, sizeof(*on));
}
