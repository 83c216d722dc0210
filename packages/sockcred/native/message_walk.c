/*
 * The walk through the control messages beside one message. What stands there
 * was put there by our kernel, but a sender decides how much of it there is
 * and in which order it comes, so nothing is taken for granted: every length
 * is checked against what is left, and every descriptor is kept or discarded.
 */
#include "message_socket.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

static void nothing_came(struct message *out)
{
	out->cred_status = SYS_NO_DATA;
	out->uid = out->gid = SYS_NO_ID;
	out->effective_uid = out->effective_gid = SYS_NO_ID;
	out->pid = 0;
	out->groups_status = SYS_NO_DATA;
	out->group_count = 0;
	out->label_status = SYS_NO_DATA;
	out->label_length = 0;
	out->pidfd_status = SYS_NO_DATA;
	out->pidfd = -1;
	out->fd_count = 0;
	out->unknown = 0;
	out->reserved[0] = out->reserved[1] = 0;
}

void message_forget_sender(struct message *out, uint32_t status)
{
	out->cred_status = status;
	out->uid = out->gid = SYS_NO_ID;
	out->effective_uid = out->effective_gid = SYS_NO_ID;
	out->pid = 0;
	out->groups_status = status;
	out->group_count = 0;
}

/* A message has one sender: of two credentials that differ, neither is believed. */
static void take_credentials(int type, const uint8_t *bytes, size_t size, struct message *out)
{
	const uint32_t before = out->cred_status;
	const uint32_t ids[] = { out->uid, out->gid, out->effective_uid, out->effective_gid, out->pid };
	int status;

	if (before != SYS_NO_DATA && before != 0)
		return;
	status = message_kernel.decode(type, bytes, size, out);
	out->cred_status = (uint32_t)status;
	if (status != 0) {
		message_forget_sender(out, (uint32_t)status);
		return;
	}
	if (type != message_kernel.credentials)
		out->flags |= MESSAGE_ATTACHED;
	if (before == 0 && (ids[0] != out->uid || ids[1] != out->gid || ids[2] != out->effective_uid ||
			    ids[3] != out->effective_gid || ids[4] != out->pid))
		message_forget_sender(out, SYS_BAD_LENGTH);
}

static void take_label(const uint8_t *bytes, size_t size, struct message *out)
{
	if (out->label_status != SYS_NO_DATA || size > MESSAGE_MOST_LABEL) {
		out->label_status = out->label_status == SYS_NO_DATA ? ERANGE : SYS_BAD_LENGTH;
		out->label_length = 0;
		return;
	}
	memcpy(out->label, bytes, size);
	out->label_status = 0;
	out->label_length = (uint32_t)size;
}

static void take_fds(const uint8_t *bytes, size_t size, size_t most, struct message *out, void (*discard)(int fd))
{
	for (; size >= sizeof(int); bytes += sizeof(int), size -= sizeof(int)) {
		int fd;

		memcpy(&fd, bytes, sizeof(fd));
		if (fd < 0)
			continue;
		if (out->fd_count < most && out->fd_count < MESSAGE_MOST_FDS) {
			out->fds[out->fd_count++] = fd;
		} else {
			out->flags |= MESSAGE_FDS_REFUSED;
			discard(fd);
		}
	}
}

/* Linux before 6.17 puts minus an errno where the descriptor of a reaped sender would be. */
static void take_pidfd(const uint8_t *bytes, size_t size, struct message *out, void (*discard)(int fd))
{
	int fd;

	if (size < sizeof(fd)) {
		if (out->pidfd_status == SYS_NO_DATA)
			out->pidfd_status = SYS_BAD_LENGTH;
		return;
	}
	memcpy(&fd, bytes, sizeof(fd));
	if (out->pidfd_status != SYS_NO_DATA) {
		if (fd >= 0)
			discard(fd);
		return;
	}
	out->pidfd = fd >= 0 ? fd : -1;
	out->pidfd_status = fd >= 0 ? 0 : 0 - (uint32_t)fd;
}

static void take(const struct cmsghdr *header, const uint8_t *bytes, size_t size, size_t most, struct message *out,
		 void (*discard)(int fd))
{
	const int type = header->cmsg_type;

	if (header->cmsg_level != SOL_SOCKET || type == MESSAGE_NO_TYPE)
		out->unknown++;
	else if (type == message_kernel.credentials || type == message_kernel.attached)
		take_credentials(type, bytes, size, out);
	else if (type == message_kernel.rights)
		take_fds(bytes, size, most, out, discard);
	else if (type == message_kernel.label)
		take_label(bytes, size, out);
	else if (type == message_kernel.pidfd)
		take_pidfd(bytes, size, out, discard);
	else
		out->unknown++;
}

/* Whatever was cut may lack what would contradict the rest: nothing of it is told. */
static void refuse_all(struct message *out, void (*discard)(int fd))
{
	out->flags |= MESSAGE_CONTROL_CUT;
	message_forget_sender(out, SYS_BAD_LENGTH);
	out->label_status = SYS_BAD_LENGTH;
	out->label_length = 0;
	if (out->pidfd >= 0)
		discard(out->pidfd);
	out->pidfd = -1;
	out->pidfd_status = SYS_BAD_LENGTH;
	for (uint32_t index = 0; index < out->fd_count; index++)
		discard(out->fds[index]);
	out->fd_count = 0;
}

void message_walk(const uint8_t *control, size_t length, int cut, size_t most_fds, struct message *out,
		  void (*discard)(int fd))
{
	const size_t begins = CMSG_LEN(0);
	size_t at = 0;

	nothing_came(out);
	while (length - at >= begins) {
		struct cmsghdr header;
		size_t size, step;

		memcpy(&header, control + at, sizeof(header));
		if ((size_t)header.cmsg_len < begins || (size_t)header.cmsg_len > length - at) {
			cut = 1;
			break;
		}
		size = (size_t)header.cmsg_len - begins;
		take(&header, control + at + begins, size, most_fds, out, discard);
		/* The last one need not be padded. */
		step = CMSG_SPACE(size);
		if (step >= length - at)
			break;
		at += step;
	}
	if (cut)
		refuse_all(out, discard);
}
