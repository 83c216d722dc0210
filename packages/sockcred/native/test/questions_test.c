/* sys_linux.c against the kernel that runs, and what that kernel does where sys_linux.c takes care. */
#define _GNU_SOURCE
#include "../sys.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_ID UINT32_C(0xffffffff)

static void need_root(void)
{
	if (geteuid() != 0)
		skip("needs root");
}

static int kernel_is_since(int major, int minor)
{
	struct utsname system;
	int running_major = 0, running_minor = 0;

	CHECK(uname(&system) == 0);
	CHECK(sscanf(system.release, "%d.%d", &running_major, &running_minor) == 2);
	return running_major > major || (running_major == major && running_minor >= minor);
}

/* One process connects to us as somebody else; returns our end, and its pid. */
static int accept_from_somebody_else(uid_t uid, gid_t gid, const gid_t *groups, size_t count, pid_t *child)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	int listening = socket(AF_UNIX, SOCK_STREAM, 0);
	int accepted;

	CHECK(bind(listening, (struct sockaddr *)&address, sizeof(address.sun_family)) == 0);
	CHECK(listen(listening, 1) == 0);
	CHECK(kernel_getsockname(listening, (struct sockaddr *)&address, &length) == 0);
	*child = fork();
	CHECK(*child >= 0);
	if (*child == 0) {
		int connected = socket(AF_UNIX, SOCK_STREAM, 0);

		if (setgroups(count, groups) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0 ||
		    connect(connected, (struct sockaddr *)&address, length) != 0)
			_exit(1);
		_exit(0);
	}
	accepted = accept(listening, NULL, NULL);
	CHECK(accepted >= 0);
	close(listening);
	return accepted;
}

static void option_numbers_are_the_kernels_own(void)
{
	struct connection ours = connection_to_ourselves();
	const struct sys_cred nobody = { 0, 0, 0 };
	struct sys_cred cred = nobody;
	uint32_t groups[65536];
	gid_t own[65536];
	size_t count = 0, length = 0;
	uint8_t label[4096];
	char path[64], link[256], line[256];
	FILE *info;
	int pidfd = -1, status, found = 0, own_count;

	CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), 0);
	CHECK_EQUAL(cred.uid, geteuid());
	CHECK_EQUAL(cred.gid, getegid());
	CHECK_EQUAL(cred.pid, getpid());

	status = sys_peer_groups(ours.accepted, groups, 65536, &count);
	CHECK_EQUAL(status, kernel_is_since(4, 13) ? 0 : ENOPROTOOPT);
	own_count = getgroups(65536, own);
	if (status == 0) {
		CHECK_EQUAL(count, own_count);
		for (size_t index = 0; index < count; index++) {
			int listed = 0;

			for (int other = 0; other < own_count; other++)
				listed |= own[other] == groups[index];
			CHECK(listed);
		}
	}

	status = sys_peer_label(ours.accepted, label, sizeof(label), &length);
	CHECK(status == ENOPROTOOPT || (status == 0 && length > 0 && length <= sizeof(label)));

	status = sys_peer_pidfd(ours.accepted, &pidfd);
	CHECK_EQUAL(status, kernel_is_since(6, 5) ? 0 : ENOPROTOOPT);
	if (status == 0) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
		info = fopen(path, "r");
		CHECK(info != NULL);
		while (fgets(line, sizeof(line), info) != NULL)
			if (strncmp(line, "Pid:", 4) == 0 && atoi(line + 4) == getpid())
				found = 1;
		fclose(info);
		CHECK(found);
		CHECK(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", pidfd);
		CHECK(readlink(path, link, sizeof(link)) > 0);
		CHECK(strstr(link, "pidfd") != NULL);
		close(pidfd);
	}
	close_connection(ours);
}

static void each_id_is_in_its_own_place(void)
{
	struct sys_cred cred;
	pid_t child;
	int accepted, status;

	need_root();
	accepted = accept_from_somebody_else(1111, 2222, NULL, 0, &child);
	CHECK_EQUAL(sys_peer_cred(accepted, &cred), 0);
	CHECK_EQUAL(cred.uid, 1111);
	CHECK_EQUAL(cred.gid, 2222);
	CHECK_EQUAL(cred.pid, child);
	close(accepted);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void a_long_list_is_read_in_full(void)
{
	enum { MOST = 65536 }; /* NGROUPS_MAX */
	static gid_t given[MOST];
	static uint32_t seen[MOST + 1];
	const size_t counts[] = { 0, 1, 16, 17, 255, 256, 257, 1000, MOST };
	pid_t child;
	size_t count;
	int accepted, status;

	need_root();
	for (size_t index = 0; index < MOST; index++)
		given[index] = (gid_t)(3 * index + 7);
	for (size_t each = 0; each < sizeof(counts) / sizeof(*counts); each++) {
		const size_t all = counts[each];

		accepted = accept_from_somebody_else(1111, 2222, given, all, &child);
		if (all > 0) {
			/* One too few: told how many are needed, and nothing written. */
			memset(seen, 0xab, sizeof(seen));
			count = 0;
			CHECK_EQUAL(sys_peer_groups(accepted, seen, all - 1, &count), ERANGE);
			CHECK_EQUAL(count, all);
			CHECK_EQUAL(seen[0], POISON);
			CHECK_EQUAL(seen[all - 1], POISON);
		}
		memset(seen, 0xab, sizeof(seen));
		CHECK_EQUAL(sys_peer_groups(accepted, seen, all, &count), 0);
		CHECK_EQUAL(count, all);
		for (size_t index = 0; index < all; index++)
			CHECK_EQUAL(seen[index], given[index]);
		CHECK_EQUAL(seen[all], POISON);
		close(accepted);
		CHECK(waitpid(child, &status, 0) == child && status == 0);
	}
}

static void a_listening_socket_answers_with_itself_and_is_refused(void)
{
	struct connection ours = connection_to_ourselves();
	struct sys_socket found;
	struct ucred raw;
	socklen_t length = sizeof(raw);

	CHECK(kernel_getsockopt(ours.listening, SOL_SOCKET, SO_PEERCRED, &raw, &length) == 0);
	CHECK_EQUAL(raw.pid, getpid());
	CHECK_EQUAL(raw.uid, geteuid());
	sys_examine(ours.listening, &found);
	CHECK_EQUAL(found.kind, SYS_LISTENING);
	close_connection(ours);
}

static void check_nobody(int fd, enum sys_socket_kind kind)
{
	struct sys_socket found;
	struct ucred raw = { 1, 1, 1 };
	socklen_t length = sizeof(raw);

	CHECK(kernel_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &raw, &length) == 0);
	CHECK_EQUAL(raw.pid, 0);
	CHECK_EQUAL(raw.uid, NO_ID);
	CHECK_EQUAL(raw.gid, NO_ID);
	sys_examine(fd, &found);
	CHECK_EQUAL(found.kind, kind);
	close(fd);
}

static void sockets_without_a_peer_answer_with_nobody_and_are_refused(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX };
	int bound = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(bind(bound, (const struct sockaddr *)&address, sizeof(address.sun_family)) == 0);
	check_nobody(bound, SYS_NOT_CONNECTED);
	check_nobody(socket(AF_UNIX, SOCK_STREAM, 0), SYS_NOT_CONNECTED);
	check_nobody(socket(AF_UNIX, SOCK_DGRAM, 0), SYS_NOT_CONNECTED);
	check_nobody(socket(AF_UNIX, SOCK_SEQPACKET, 0), SYS_NOT_CONNECTED);
	check_nobody(socket(AF_INET, SOCK_STREAM, 0), SYS_NOT_UNIX);
}

static void a_short_length_cuts_the_answer_without_an_error(void)
{
	struct connection ours = connection_to_ourselves();

	for (socklen_t given = 0; given < sizeof(struct ucred); given++) {
		struct ucred raw = { -1, 7, 7 };
		socklen_t length = given;

		CHECK(kernel_getsockopt(ours.accepted, SOL_SOCKET, SO_PEERCRED, &raw, &length) == 0);
		CHECK_EQUAL(length, given);
		CHECK(given > 8 || raw.gid == 7);
	}
	close_connection(ours);
}

static void nothing_leaks(void)
{
	struct connection ours = connection_to_ourselves();
	const int before = open_descriptors();

	for (int round = 0; round < 1000; round++) {
		enum sys_self_test_verdict verdict;
		struct sys_socket found;
		struct sys_cred cred;
		int pidfd;

		CHECK_EQUAL(sys_self_test(&verdict), 0);
		sys_examine(ours.accepted, &found);
		CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), 0);
		if (sys_peer_pidfd(ours.accepted, &pidfd) == 0)
			close(pidfd);
	}
	CHECK_EQUAL(open_descriptors(), before);
	close_connection(ours);
}

const struct test_case question_cases[] = {
	{ "option-numbers", option_numbers_are_the_kernels_own },
	{ "id-order", each_id_is_in_its_own_place },
	{ "long-lists", a_long_list_is_read_in_full },
	{ "listening", a_listening_socket_answers_with_itself_and_is_refused },
	{ "no-peer", sockets_without_a_peer_answer_with_nobody_and_are_refused },
	{ "short-length", a_short_length_cuts_the_answer_without_an_error },
	{ "leaks", nothing_leaks },
	{ NULL, NULL },
};
