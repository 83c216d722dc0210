/*
 * Linux: SO_PEERCRED (always), SO_PEERGROUPS (4.13), SO_PEERSEC (2.6.2, only
 * where a security module labels sockets), SO_PEERPIDFD (6.5). The kernel
 * captures ids and groups in the peer's connect() or listen() or in
 * socketpair(), and the label in the peer's socket(). See socket(7), unix(7).
 */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * SO_PEERCRED and SO_PASSCRED differ between architectures (powerpc has 21
 * and 20) and are as old as the headers, so they only ever come from there.
 * The younger options may be missing from a libc; their numbers are those of
 * the kernel's asm-generic/socket.h, with parisc and sparc going their own
 * way. Where the headers know better, both must agree.
 */
#if !defined(SO_PEERCRED) || !defined(SO_PASSCRED)
#error "these headers define no SO_PEERCRED: not a Linux toolchain"
#endif

#if defined(__sparc__)
#define KERNEL_SO_PEERSEC 0x001e
#define KERNEL_SO_PEERGROUPS 0x003d
#define KERNEL_SO_PEERPIDFD 0x0056
#elif defined(__hppa__)
#define KERNEL_SO_PEERSEC 0x401d
#define KERNEL_SO_PEERGROUPS 0x4034
#define KERNEL_SO_PEERPIDFD 0x404b
#else
#if defined(__mips__) || defined(__alpha__)
#define KERNEL_SO_PEERSEC 30
#else
#define KERNEL_SO_PEERSEC 31
#endif
#define KERNEL_SO_PEERGROUPS 59
#define KERNEL_SO_PEERPIDFD 77
#endif

#ifdef SO_PEERSEC
_Static_assert(SO_PEERSEC == KERNEL_SO_PEERSEC, "SO_PEERSEC");
#endif
#ifdef SO_PEERGROUPS
_Static_assert(SO_PEERGROUPS == KERNEL_SO_PEERGROUPS, "SO_PEERGROUPS");
#endif
#ifdef SO_PEERPIDFD
_Static_assert(SO_PEERPIDFD == KERNEL_SO_PEERPIDFD, "SO_PEERPIDFD");
#endif

_Static_assert(sizeof(struct ucred) == 12, "struct ucred has three 32-bit ids");
_Static_assert(offsetof(struct ucred, pid) == 0, "ucred.pid");
_Static_assert(offsetof(struct ucred, uid) == 4, "ucred.uid");
_Static_assert(offsetof(struct ucred, gid) == 8, "ucred.gid");
_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gid_t is 32 bits wide");

#define NO_ID UINT32_C(0xffffffff)

const char sys_name[] = "linux";

/* getsockopt() at SOL_SOCKET; `*length` is in and out, also on failure. */
static int ask(int fd, int option, void *value, socklen_t *length)
{
	const socklen_t given = *length;

	while (getsockopt(fd, SOL_SOCKET, option, value, length) < 0) {
		if (errno != EINTR)
			return errno;
		*length = given;
	}
	return 0;
}

/* The same for options of one fixed size. */
static int ask_exactly(int fd, int option, void *value, socklen_t size)
{
	socklen_t length = size;
	const int status = ask(fd, option, value, &length);

	if (status != 0)
		return status;
	return length == size ? 0 : SYS_BAD_LENGTH;
}

static int has_name(socklen_t length)
{
	return length > (socklen_t)offsetof(struct sockaddr_un, sun_path);
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
	if (length < (socklen_t)sizeof(name.any.sa_family) || name.any.sa_family != AF_UNIX) {
		out->kind = SYS_NOT_UNIX;
		return;
	}
	out->local_named = has_name(length);

	length = sizeof(name);
	if (getpeername(fd, &name.any, &length) == 0) {
		out->kind = SYS_CONNECTED;
		out->remote_named = has_name(length);
		return;
	}
	if (errno != ENOTCONN) {
		fail(out, errno);
		return;
	}
	status = ask_exactly(fd, SO_ACCEPTCONN, &listening, sizeof(listening));
	if (status != 0)
		fail(out, status);
	else
		out->kind = listening ? SYS_LISTENING : SYS_NOT_CONNECTED;
}

int sys_peer_cred(int fd, struct sys_cred *out)
{
	struct ucred cred;
	const int status = ask_exactly(fd, SO_PEERCRED, &cred, sizeof(cred));

	if (status != 0)
		return status;
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->pid = (uint32_t)cred.pid;
	return 0;
}

int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count)
{
	socklen_t length = (socklen_t)(capacity * sizeof(*out));
	const int status = ask(fd, KERNEL_SO_PEERGROUPS, out, &length);

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
	const int status = ask(fd, KERNEL_SO_PEERSEC, out, &given);

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
	return ask_exactly(fd, KERNEL_SO_PEERPIDFD, out, sizeof(*out));
}

int sys_socket_type(int fd, int *out)
{
	return ask_exactly(fd, SO_TYPE, out, sizeof(*out));
}

int sys_is_datagram(int type)
{
	return type == SOCK_DGRAM;
}

static int test_socketpair(enum sys_self_test_verdict *verdict)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	struct sys_cred cred;
	int ends[2];
	int status;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return errno;
	status = sys_peer_cred(ends[0], &cred);
	close(ends[0]);
	close(ends[1]);
	if (status != 0)
		return status;
	/* Another thread changed our ids meanwhile: nothing learned, run again. */
	if (uid != geteuid() || gid != getegid())
		return EAGAIN;
	if (cred.pid != (uint32_t)getpid() || cred.uid != uid || cred.gid != gid)
		*verdict = SYS_SOCKETPAIR_NOT_SELF;
	return 0;
}

static int test_unconnected(enum sys_self_test_verdict *verdict)
{
	struct sys_cred cred;
	int fd = -1;
	int status;

	status = sys_stream_socket(&fd);
	if (status != 0)
		return status;
	status = sys_peer_cred(fd, &cred);
	close(fd);
	/* A refusal shows nobody either. */
	if (status != 0)
		return 0;
	if (cred.pid != 0 || cred.uid != NO_ID || cred.gid != NO_ID)
		*verdict = SYS_UNCONNECTED_SHOWS_SOMEBODY;
	return 0;
}

int sys_self_test(enum sys_self_test_verdict *verdict)
{
	enum sys_self_test_verdict found = SYS_TRUSTWORTHY;
	int status = test_socketpair(&found);

	if (status == 0 && found == SYS_TRUSTWORTHY)
		status = test_unconnected(&found);
	if (status == 0)
		*verdict = found;
	return status;
}

static int unix_socket(int type, int *out)
{
	const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	*out = fd;
	return 0;
}

int sys_stream_socket(int *out)
{
	return unix_socket(SOCK_STREAM, out);
}

int sys_seqpacket_socket(int *out)
{
	return unix_socket(SOCK_SEQPACKET, out);
}

static int unix_address(const uint8_t *name, size_t length, struct sockaddr_un *out, socklen_t *size)
{
	size_t final_nul;

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	if (length == 0)
		return EINVAL;
	/* A path keeps its final NUL; an abstract name is all of its bytes. */
	final_nul = name[0] != 0 ? 1 : 0;
	if (length > sizeof(out->sun_path) - final_nul)
		return ENAMETOOLONG;
	memcpy(out->sun_path, name, length);
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + final_nul);
	return 0;
}

int sys_bind_listen(int fd, const uint8_t *name, size_t length, int backlog)
{
	struct sockaddr_un address;
	socklen_t size;
	const int status = unix_address(name, length, &address, &size);

	if (status != 0)
		return status;
	if (bind(fd, (struct sockaddr *)&address, size) < 0)
		return errno;
	if (listen(fd, backlog) < 0)
		return errno;
	return 0;
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
