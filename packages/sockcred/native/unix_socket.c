/*
 * What Unix sockets are, on every kernel that has them: is this one, is it
 * connected, which names are there, and how new ones are made, named and
 * connected. getsockname() and getpeername() tell most of it, and they are
 * asked first: at the level of LOCAL_PEERCRED and its like, other families
 * have options of their own under the same numbers.
 */
#define _GNU_SOURCE
#ifndef __EXTENSIONS__
#define __EXTENSIONS__ 1
#endif
#include "unix_socket.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(sizeof(uid_t) == sizeof(uint32_t), "uid_t is 32 bits wide");
_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gid_t is 32 bits wide");
_Static_assert(sizeof(pid_t) == sizeof(uint32_t), "pid_t is 32 bits wide");
_Static_assert(sizeof(int) == sizeof(uint32_t), "options are 32 bits wide");

/* A shorter address than this has no family: on a BSD, its length comes first. */
#define FAMILY_ENDS (offsetof(struct sockaddr, sa_family) + sizeof(((struct sockaddr *)0)->sa_family))

int unix_ask(int fd, int level, int option, void *value, socklen_t *length)
{
	const socklen_t given = *length;

	while (getsockopt(fd, level, option, value, length) < 0) {
		if (errno != EINTR)
			return errno;
		*length = given;
	}
	return 0;
}

int unix_ask_exactly(int fd, int level, int option, void *value, socklen_t size)
{
	socklen_t length = size;
	const int status = unix_ask(fd, level, option, value, &length);

	if (status != 0)
		return status;
	return length == size ? 0 : SYS_BAD_LENGTH;
}

/* A nameless socket's address ends before its path, or, on a BSD, has an empty one. */
static int has_name(const struct sockaddr_un *name, socklen_t length)
{
	return length > (socklen_t)offsetof(struct sockaddr_un, sun_path) &&
	       (unix_kernel.abstract_names || name->sun_path[0] != 0);
}

static enum sys_socket_kind kind_of_error(int error)
{
	switch (error) {
	case EBADF:
		return SYS_CLOSED;
	case ENOTSOCK:
		return SYS_NOT_SOCKET;
	default:
		return SYS_FAILED;
	}
}

static void fail(struct sys_socket *out, int error)
{
	out->kind = kind_of_error(error);
	out->error = out->kind == SYS_FAILED ? error : 0;
}

void sys_examine(int fd, struct sys_socket *out)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} name;
	socklen_t length = sizeof(name);
	int listening = 0;
	int status;

	memset(out, 0, sizeof(*out));
	/* Set by hand: an address of zero bytes leaves the family untouched. */
	name.any.sa_family = AF_UNSPEC;
	if (getsockname(fd, &name.any, &length) < 0) {
		fail(out, errno);
		return;
	}
	if (length < (socklen_t)FAMILY_ENDS || name.any.sa_family != AF_UNIX) {
		out->kind = SYS_NOT_UNIX;
		return;
	}
	out->local_named = has_name(&name.un, length);

	length = sizeof(name);
	if (getpeername(fd, &name.any, &length) == 0) {
		out->kind = SYS_CONNECTED;
		out->remote_named = has_name(&name.un, length);
		return;
	}
	if (errno != ENOTCONN) {
		fail(out, errno);
		return;
	}
	status = unix_ask_exactly(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, sizeof(listening));
	if (status != 0)
		fail(out, status);
	else
		out->kind = listening ? SYS_LISTENING : SYS_NOT_CONNECTED;
}

int sys_socket_type(int fd, int *out)
{
	return unix_ask_exactly(fd, SOL_SOCKET, SO_TYPE, out, sizeof(*out));
}

int sys_is_datagram(int type)
{
	return type == SOCK_DGRAM;
}

/* For sockets of others, and for kernels whose socket() takes no flags; another thread may fork in between. */
static int set_flags(int fd)
{
	const int status = fcntl(fd, F_GETFL);

	if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return errno;
	return 0;
}

static int unix_socket(int type, int *out)
{
	const int fd = socket(AF_UNIX, type | unix_kernel.socket_flags, 0);
	int status;

	if (fd < 0)
		return errno;
	status = unix_kernel.socket_flags == 0 ? set_flags(fd) : 0;
	if (status != 0)
		close(fd);
	else
		*out = fd;
	return status;
}

int sys_adopt_stream(int fd)
{
	int type = 0;
	const int status = sys_socket_type(fd, &type);

	if (status != 0)
		return status;
	return type == SOCK_STREAM ? set_flags(fd) : EPROTOTYPE;
}

int sys_stream_socket(int *out)
{
	return unix_socket(SOCK_STREAM, out);
}

int sys_seqpacket_socket(int *out)
{
	if (unix_kernel.seqpacket_type == NO_SOCKET_TYPE)
		return SYS_UNSUPPORTED;
	return unix_socket(unix_kernel.seqpacket_type, out);
}

int sys_datagram_socket(int *out)
{
	return unix_socket(SOCK_DGRAM, out);
}

/* After EINTR the descriptor is gone on Linux, and on the others it is better lost than closed twice. */
int sys_close(int fd)
{
	return close(fd) < 0 && errno != EINTR ? errno : 0;
}

/* The BSDs' sun_len is left at 0: their kernels put the length that they were given there. */
int unix_address(const uint8_t *name, size_t length, struct sockaddr_un *out, socklen_t *size)
{
	size_t final_nul;

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	if (length == 0)
		return EINVAL;
	if (name[0] == 0 && !unix_kernel.abstract_names)
		return SYS_UNSUPPORTED;
	/* A path keeps its final NUL; an abstract name is all of its bytes. */
	final_nul = name[0] != 0 ? 1 : 0;
	if (length > sizeof(out->sun_path) - final_nul)
		return ENAMETOOLONG;
	memcpy(out->sun_path, name, length);
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + final_nul);
	return 0;
}

int sys_bind(int fd, const uint8_t *name, size_t length)
{
	struct sockaddr_un address;
	socklen_t size;
	const int status = unix_address(name, length, &address, &size);

	if (status != 0)
		return status;
	return bind(fd, (struct sockaddr *)&address, size) < 0 ? errno : 0;
}

int sys_bind_listen(int fd, const uint8_t *name, size_t length, int backlog)
{
	const int status = sys_bind(fd, name, length);

	if (status != 0)
		return status;
	return listen(fd, backlog) < 0 ? errno : 0;
}

int sys_connect(int fd, const uint8_t *name, size_t length)
{
	struct sockaddr_un address;
	socklen_t size;
	const int status = unix_address(name, length, &address, &size);

	if (status != 0)
		return status;
	if (connect(fd, (struct sockaddr *)&address, size) < 0)
		return errno;
	return 0;
}
