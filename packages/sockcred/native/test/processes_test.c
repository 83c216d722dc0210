/* process_linux.c against the kernel that runs. */
#define _GNU_SOURCE
#include "../sys.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static int pidfd_of(pid_t pid)
{
	int pidfd = -1;
	const int status = sys_process_open((uint32_t)pid, &pidfd);

	if (status == SYS_UNSUPPORTED)
		skip("needs pidfd_open(): Linux 5.3");
	CHECK_EQUAL(status, 0);
	CHECK(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	return pidfd;
}

static pid_t waiting_child(int *release)
{
	int ends[2];
	char byte;
	pid_t child;

	CHECK(pipe(ends) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(ends[1]);
		if (read(ends[0], &byte, 1) < 0)
			_exit(1);
		_exit(7);
	}
	close(ends[0]);
	*release = ends[1];
	return child;
}

static void a_zombie_has_ended_and_a_reaped_process_too(void)
{
	struct sys_process_info info;
	siginfo_t state;
	int release, ended = -1, status;
	const pid_t child = waiting_child(&release);
	const int pidfd = pidfd_of(child);

	CHECK_EQUAL(sys_process_ended(pidfd, &ended), 0);
	CHECK_EQUAL(ended, 0);
	close(release);
	CHECK(waitid(P_PID, (id_t)child, &state, WEXITED | WNOWAIT) == 0);
	CHECK_EQUAL(sys_process_ended(pidfd, &ended), 0);
	CHECK_EQUAL(ended, 1);
	CHECK(kill(child, 0) == 0);
	CHECK(waitpid(child, &status, 0) == child);
	ended = -1;
	CHECK_EQUAL(sys_process_ended(pidfd, &ended), 0);
	CHECK_EQUAL(ended, 1);
	status = sys_process_info(pidfd, &info);
	if (status == 0) {
		CHECK_EQUAL(info.known & SYS_PROCESS_IDS, 0);
		CHECK(info.known & SYS_PROCESS_EXIT);
		CHECK(WIFEXITED(info.wait_status) && WEXITSTATUS(info.wait_status) == 7);
	} else {
		CHECK(status == ESRCH || status == SYS_UNSUPPORTED);
	}
	close(pidfd);
	CHECK_EQUAL(sys_process_ended(pidfd, &ended), EBADF);
}

/* The kernel that runs: uname(2) gives "6.12.5-something". */
static int kernel_is_older(int major, int minor)
{
	struct utsname name;
	int has_major = 0, has_minor = 0;

	CHECK(uname(&name) == 0);
	CHECK(sscanf(name.release, "%d.%d", &has_major, &has_minor) == 2);
	return has_major < major || (has_major == major && has_minor < minor);
}

static void check_ids(const struct sys_process_info *info, pid_t child)
{
	CHECK_EQUAL(info->known & (SYS_PROCESS_IDS | SYS_PROCESS_EXIT), SYS_PROCESS_IDS);
	CHECK_EQUAL(info->pid, child);
	CHECK_EQUAL(info->parent, getpid());
	CHECK_EQUAL(info->real_uid, 11);
	CHECK_EQUAL(info->effective_uid, 12);
	CHECK_EQUAL(info->saved_uid, 13);
	CHECK_EQUAL(info->filesystem_uid, 12);
	CHECK_EQUAL(info->real_gid, 21);
	CHECK_EQUAL(info->effective_gid, 22);
	CHECK_EQUAL(info->saved_gid, 23);
	CHECK_EQUAL(info->filesystem_gid, 22);
}

static void each_id_of_a_process_is_in_its_own_place(void)
{
	struct sys_process_info info;
	int ready[2], release[2], pidfd, status;
	char byte;
	pid_t child;

	if (geteuid() != 0)
		skip("needs root");
	CHECK(pipe(ready) == 0 && pipe(release) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(release[1]);
		if (setresgid(21, 22, 23) != 0 || setresuid(11, 12, 13) != 0 || write(ready[1], "x", 1) != 1 ||
		    read(release[0], &byte, 1) != 0)
			_exit(1);
		_exit(0);
	}
	close(release[0]);
	CHECK(read(ready[0], &byte, 1) == 1);
	pidfd = pidfd_of(child);
	status = sys_process_info(pidfd, &info);
	CHECK_EQUAL(status, kernel_is_older(6, 13) ? SYS_UNSUPPORTED : 0);
	if (status == 0)
		check_ids(&info, child);
	CHECK_EQUAL(sys_process_info(ready[0], &info), SYS_UNSUPPORTED);
	close(release[1]);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void a_process_that_is_not_there_has_no_descriptor(void)
{
	int release, status, pidfd = -1;
	const pid_t child = waiting_child(&release);

	close(pidfd_of(child));
	close(release);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQUAL(sys_process_open((uint32_t)child, &pidfd), ESRCH);
	CHECK_EQUAL(pidfd, -1);
}

static void a_descriptor_of_another_process_is_duplicated(void)
{
	int release, status, duplicate = -1, pidfd;
	const struct connection ours = connection_to_ourselves();
	struct stat here, there;
	pid_t child;

	child = waiting_child(&release);
	pidfd = pidfd_of(child);
	status = sys_process_descriptor(pidfd, ours.accepted, &duplicate);
	if (status == SYS_UNSUPPORTED || status == EPERM)
		skip("needs pidfd_getfd() and the permission to use it: Linux 5.6");
	CHECK_EQUAL(status, 0);
	CHECK(fcntl(duplicate, F_GETFD) & FD_CLOEXEC);
	CHECK(fstat(ours.accepted, &here) == 0 && fstat(duplicate, &there) == 0);
	CHECK(here.st_ino == there.st_ino);
	close(duplicate);
	CHECK_EQUAL(sys_process_descriptor(pidfd, 9999, &duplicate), EBADF);
	close(release);
	CHECK(waitpid(child, &status, 0) == child);
	close(pidfd);
	close_connection(ours);
}

static void both_ends_of_one_namespace_have_one_cookie(void)
{
	const struct connection ours = connection_to_ourselves();
	uint64_t here = 0, there = 0;
	const int status = sys_netns_cookie(ours.accepted, &here);

	CHECK_EQUAL(status, kernel_is_older(5, 14) ? ENOPROTOOPT : 0);
	if (status == 0) {
		CHECK_EQUAL(sys_netns_cookie(ours.connected, &there), 0);
		CHECK(here != 0);
		CHECK_EQUAL(here, there);
	}
	close_connection(ours);
}

static void our_own_sockets_are_among_all(void)
{
	const struct connection ours = connection_to_ourselves();
	const size_t capacity = 16 << 20;
	uint8_t *bytes = malloc(capacity);
	struct stat own;
	size_t length = 0, at = 0;
	int found = 0, status;

	CHECK(bytes != NULL && fstat(ours.listening, &own) == 0);
	status = sys_unix_sockets(bytes, capacity, &length);
	if (status == SYS_UNSUPPORTED)
		skip("needs CONFIG_UNIX_DIAG");
	CHECK_EQUAL(status, 0);
	CHECK_EQUAL(sys_unix_sockets(bytes + (capacity / 2), 64, &at), ERANGE);
	while (at + sizeof(struct nlmsghdr) <= length) {
		struct nlmsghdr header;
		struct unix_diag_msg socket;

		memcpy(&header, bytes + at, sizeof(header));
		CHECK(header.nlmsg_len >= sizeof(header) && header.nlmsg_len <= length - at);
		memcpy(&socket, bytes + at + sizeof(header), sizeof(socket));
		if (header.nlmsg_type != NLMSG_DONE && socket.udiag_ino == own.st_ino)
			found = socket.udiag_state == 10;
		at += NLMSG_ALIGN(header.nlmsg_len);
	}
	CHECK(found);
	free(bytes);
	close_connection(ours);
}

const struct test_case process_cases[] = {
	{ "process-ended", a_zombie_has_ended_and_a_reaped_process_too },
	{ "process-ids", each_id_of_a_process_is_in_its_own_place },
	{ "process-absent", a_process_that_is_not_there_has_no_descriptor },
	{ "process-descriptor", a_descriptor_of_another_process_is_duplicated },
	{ "netns-cookie", both_ends_of_one_namespace_have_one_cookie },
	{ "unix-sockets", our_own_sockets_are_among_all },
	{ NULL, NULL },
};
