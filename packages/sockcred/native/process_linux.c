/*
 * Linux: the process behind a pidfd, by PIDFD_GET_INFO (6.13),
 * pidfd_open() (5.3) and pidfd_getfd() (5.6); the network namespace of a
 * socket, by SO_NETNS_COOKIE (5.14); all Unix sockets, by sock_diag (3.3).
 * See pidfd_open(2), pidfd_getfd(2), sock_diag(7). The ioctl's numbers and
 * layout are those of <linux/pidfd.h>, which no libc of today brings along.
 */
#define _GNU_SOURCE
#include "sys.h"
#include "unix_socket.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_options.h"

/* Younger system calls have one number everywhere, above the base of each ABI. */
#if defined(__mips__)
#define CALL_BASE __NR_Linux
#elif defined(__x86_64__) && defined(__ILP32__)
#define CALL_BASE 0x40000000
#else
#define CALL_BASE 0
#endif
#define CALL_PIDFD_OPEN (CALL_BASE + 434)
#define CALL_PIDFD_GETFD (CALL_BASE + 438)
#ifdef SYS_pidfd_open
_Static_assert(SYS_pidfd_open == CALL_PIDFD_OPEN, "pidfd_open");
#endif
#ifdef SYS_pidfd_getfd
_Static_assert(SYS_pidfd_getfd == CALL_PIDFD_GETFD, "pidfd_getfd");
#endif

/* struct pidfd_info, first version: what every kernel with the question fills. */
struct kernel_pidfd_info {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
_Static_assert(sizeof(struct kernel_pidfd_info) == 64, "struct pidfd_info");
_Static_assert(offsetof(struct kernel_pidfd_info, euid) == 36, "pidfd_info.euid");
_Static_assert(offsetof(struct kernel_pidfd_info, exit_code) == 60, "pidfd_info.exit_code");

#define KERNEL_PIDFD_GET_INFO _IOWR(0xFF, 11, struct kernel_pidfd_info)
#define INFO_PID UINT64_C(1)
#define INFO_CREDS UINT64_C(2)
#define INFO_CGROUPID UINT64_C(4)
#define INFO_EXIT UINT64_C(8)

/* A call that installs a descriptor, or why there is none. */
static int descriptor(long result, int *out)
{
	if (result < 0)
		return errno == ENOSYS ? SYS_UNSUPPORTED : errno;
	*out = (int)result;
	return 0;
}

int sys_netns_cookie(int fd, uint64_t *out)
{
	return unix_ask_exactly(fd, SOL_SOCKET, KERNEL_SO_NETNS_COOKIE, out, sizeof(*out));
}

int sys_process_info(int pidfd, struct sys_process_info *out)
{
	struct kernel_pidfd_info info = { .mask = INFO_PID | INFO_CREDS | INFO_CGROUPID | INFO_EXIT };
	long result;

	/* Not ioctl(): libcs disagree about the type of its second argument. */
	do
		result = syscall(SYS_ioctl, pidfd, (unsigned long)KERNEL_PIDFD_GET_INFO, &info);
	while (result < 0 && errno == EINTR);
	if (result < 0) {
		/* Linux 6.11 and 6.12 have other ioctls of pidfds, which take no argument: EINVAL is "not this one". */
		if (errno == ENOTTY || errno == EINVAL)
			return SYS_UNSUPPORTED;
		return errno == EREMOTE ? SYS_HIDDEN : errno;
	}
	memset(out, 0, sizeof(*out));
	if ((info.mask & INFO_PID) && (info.mask & INFO_CREDS) && info.tgid != 0)
		out->known |= SYS_PROCESS_IDS;
	if (info.mask & INFO_CGROUPID)
		out->known |= SYS_PROCESS_CGROUP;
	if (info.mask & INFO_EXIT)
		out->known |= SYS_PROCESS_EXIT;
	out->pid = info.tgid;
	out->parent = info.ppid;
	out->real_uid = info.ruid;
	out->effective_uid = info.euid;
	out->saved_uid = info.suid;
	out->filesystem_uid = info.fsuid;
	out->real_gid = info.rgid;
	out->effective_gid = info.egid;
	out->saved_gid = info.sgid;
	out->filesystem_gid = info.fsgid;
	out->cgroup = info.cgroupid;
	out->wait_status = (uint32_t)info.exit_code;
	return 0;
}

int sys_process_open(uint32_t pid, int *out)
{
	return descriptor(syscall(CALL_PIDFD_OPEN, pid, 0), out);
}

int sys_process_descriptor(int pidfd, int fd, int *out)
{
	return descriptor(syscall(CALL_PIDFD_GETFD, pidfd, fd, 0), out);
}

/* UDIAG_SHOW_UID (5.3), which older headers lack; older kernels do not mind it. */
#define KERNEL_UDIAG_SHOW_UID 0x40
#ifdef UDIAG_SHOW_UID
_Static_assert(UDIAG_SHOW_UID == KERNEL_UDIAG_SHOW_UID, "UDIAG_SHOW_UID");
#endif

/* The request of sock_diag(7) for every Unix socket and all that is told of one. */
struct unix_request {
	struct nlmsghdr header;
	struct unix_diag_req body;
};

static int send_request(int netlink)
{
	struct unix_request request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.body = {
			.sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS |
				      UDIAG_SHOW_RQLEN | KERNEL_UDIAG_SHOW_UID,
		},
	};
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do
		sent = sendto(netlink, &request, sizeof(request), 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(request) ? 0 : errno;
}

/* One datagram of the answer into `out`; `*length` 0 when somebody else sent it. */
static int receive(int netlink, uint8_t *out, size_t room, size_t *length)
{
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t got;

	do
		got = recvfrom(netlink, out, room, MSG_TRUNC, (struct sockaddr *)&from, &size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno;
	if ((size_t)got > room)
		return ERANGE;
	*length = size == sizeof(from) && from.nl_pid == 0 ? (size_t)got : 0;
	return 0;
}

/* Is this the last datagram of a dump? `*status` is the kernel's own verdict then. */
static int is_last(const uint8_t *datagram, size_t length, int *status)
{
	struct nlmsghdr header;
	int32_t error;

	for (size_t at = 0; at < length && length - at >= sizeof(header); at += NLMSG_ALIGN(header.nlmsg_len)) {
		memcpy(&header, datagram + at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length - at)
			break;
		if (header.nlmsg_type != NLMSG_DONE && header.nlmsg_type != NLMSG_ERROR)
			continue;
		error = 0;
		if (header.nlmsg_len >= sizeof(header) + sizeof(error))
			memcpy(&error, datagram + at + sizeof(header), sizeof(error));
		*status = error < 0 ? -error : 0;
		return 1;
	}
	return 0;
}

static int dump(int netlink, uint8_t *out, size_t capacity, size_t *length)
{
	size_t used = 0, got = 0;
	int status = send_request(netlink);

	while (status == 0) {
		status = receive(netlink, out + used, capacity - used, &got);
		if (status != 0)
			break;
		if (got > 0 && is_last(out + used, got, &status)) {
			*length = used + got;
			break;
		}
		used += got;
	}
	return status == ENOENT ? SYS_UNSUPPORTED : status;
}

int sys_unix_sockets(uint8_t *out, size_t capacity, size_t *length)
{
	const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int status;

	if (netlink < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? SYS_UNSUPPORTED : errno;
	status = dump(netlink, out, capacity, length);
	close(netlink);
	return status;
}
