/* Which sockets are asked about at all, how they are made and named, and what the self-test makes of this kernel. */
#define _GNU_SOURCE
#include "../sys.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

static int questions_asked;

static int count_questions(int fd, int level, int option, void *value, socklen_t *length)
{
	questions_asked++;
	return kernel_getsockopt(fd, level, option, value, length);
}

static void other_families_are_refused_before_any_question(void)
{
	const int sockets[] = {
		socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_DGRAM, 0),
		socket(AF_INET6, SOCK_STREAM, 0), socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	};
	struct sys_socket found;
	uint32_t value = POISON;
	socklen_t length = sizeof(value);

	/* Level 0 is IPPROTO_IP: the numbers of LOCAL_PEERCRED and its like mean something else here. */
	CHECK(kernel_getsockopt(sockets[0], 0, IP_TOS, &value, &length) == 0);
	CHECK(value != POISON);

	hooks.getsockopt = count_questions;
	for (size_t index = 0; index < sizeof(sockets) / sizeof(*sockets); index++) {
		if (sockets[index] < 0) /* a kernel without this family */
			continue;
		sys_examine(sockets[index], &found);
		CHECK_EQUAL(found.kind, SYS_NOT_UNIX);
		close(sockets[index]);
	}
	CHECK_EQUAL(questions_asked, 0);
}

static void what_is_no_socket_is_told_apart(void)
{
	struct sys_socket found;
	int ends[2];
	const int file = open("/dev/null", O_RDONLY);

	CHECK(pipe(ends) == 0);
	sys_examine(file, &found);
	CHECK_EQUAL(found.kind, SYS_NOT_SOCKET);
	sys_examine(ends[0], &found);
	CHECK_EQUAL(found.kind, SYS_NOT_SOCKET);
	close(file);
	sys_examine(file, &found);
	CHECK_EQUAL(found.kind, SYS_CLOSED);
	sys_examine(-1, &found);
	CHECK_EQUAL(found.kind, SYS_CLOSED);
	CHECK_EQUAL(found.error, 0);
}

static void both_ends_know_which_names_there_are(void)
{
	struct connection ours = connection_to_ourselves();
	struct sys_socket found;
	int ends[2];

	sys_examine(ours.accepted, &found);
	CHECK_EQUAL(found.kind, SYS_CONNECTED);
	CHECK(found.local_named && !found.remote_named);
	sys_examine(ours.connected, &found);
	CHECK_EQUAL(found.kind, SYS_CONNECTED);
	CHECK(!found.local_named && found.remote_named);
	close_connection(ours);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	sys_examine(ends[0], &found);
	CHECK_EQUAL(found.kind, SYS_CONNECTED);
	CHECK(!found.local_named && !found.remote_named);
}

static void names_are_exactly_the_bytes_given(void)
{
	char longest[109];
	const uint8_t abstract[] = { 0, 's', 'c', 0, '-', 0 };
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	uint8_t full[109] = { 0 };
	int fd, directory;

	CHECK(sys_stream_socket(&fd) == 0);
	CHECK_EQUAL(sys_bind_listen(fd, full, 0, 1), EINVAL);
	CHECK_EQUAL(sys_connect(fd, full, 0), EINVAL);
	memset(longest, 'p', sizeof(longest));
	CHECK_EQUAL(sys_bind_listen(fd, (uint8_t *)longest, 108, 1), ENAMETOOLONG);
	CHECK_EQUAL(sys_connect(fd, (uint8_t *)longest, 108), ENAMETOOLONG);
	CHECK_EQUAL(sys_connect(fd, (uint8_t *)longest, 107), ENOENT);
	CHECK_EQUAL(sys_bind_listen(fd, full, 109, 1), ENAMETOOLONG);

	CHECK_EQUAL(sys_bind_listen(fd, abstract, sizeof(abstract), 1), 0);
	CHECK(kernel_getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	CHECK_EQUAL(length, offsetof(struct sockaddr_un, sun_path) + sizeof(abstract));
	CHECK(memcmp(address.sun_path, abstract, sizeof(abstract)) == 0);
	close(fd);

	/* An abstract name may fill the address to its last byte, and a path all but one. */
	memcpy(full + 1, "sockcred", 8);
	full[107] = (uint8_t)getpid();
	CHECK(sys_stream_socket(&fd) == 0);
	CHECK_EQUAL(sys_bind_listen(fd, full, 108, 1), 0);
	close(fd);
	directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	CHECK(directory >= 0 && fchdir(directory) == 0);
	close(directory);
	snprintf(longest, sizeof(longest), "sockcred-%d-", getpid());
	longest[strlen(longest)] = 'p';
	CHECK(sys_stream_socket(&fd) == 0);
	CHECK_EQUAL(sys_bind_listen(fd, (uint8_t *)longest, 107, 1), 0);
	longest[107] = 0;
	CHECK(unlink(longest) == 0);
	close(fd);
}

static void new_sockets_are_close_on_exec_and_never_block(void)
{
	int (*const make[])(int *) = { sys_stream_socket, sys_seqpacket_socket };
	const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };

	for (size_t index = 0; index < 2; index++) {
		int fd = -1, type = -1;

		CHECK_EQUAL(make[index](&fd), 0);
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
		CHECK_EQUAL(sys_socket_type(fd, &type), 0);
		CHECK_EQUAL(type, types[index]);
		CHECK(!sys_is_datagram(type));
		close(fd);
	}
	CHECK(sys_is_datagram(SOCK_DGRAM));
}

static void the_self_test_trusts_this_kernel(void)
{
	enum sys_self_test_verdict verdict = SYS_SOCKETPAIR_NOT_SELF;

	CHECK_EQUAL(sys_self_test(&verdict), 0);
	CHECK_EQUAL(verdict, SYS_TRUSTWORTHY);
}

static void without_descriptors_the_self_test_gives_no_verdict(void)
{
	enum sys_self_test_verdict verdict = SYS_UNCONNECTED_SHOWS_SOMEBODY;
	struct rlimit limit;
	const int before = open_descriptors();
	int fd = -1;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 4;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_EQUAL(sys_self_test(&verdict), EMFILE);
	CHECK_EQUAL(verdict, SYS_UNCONNECTED_SHOWS_SOMEBODY);
	limit.rlim_cur = 3;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_EQUAL(sys_stream_socket(&fd), EMFILE);
	CHECK_EQUAL(fd, -1);
	limit.rlim_cur = limit.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_EQUAL(open_descriptors(), before);
}

const struct test_case socket_cases[] = {
	{ "other-families", other_families_are_refused_before_any_question },
	{ "no-socket", what_is_no_socket_is_told_apart },
	{ "names-of-ends", both_ends_know_which_names_there_are },
	{ "name-bytes", names_are_exactly_the_bytes_given },
	{ "new-sockets", new_sockets_are_close_on_exec_and_never_block },
	{ "self-test", the_self_test_trusts_this_kernel },
	{ "no-descriptors", without_descriptors_the_self_test_gives_no_verdict },
	{ NULL, NULL },
};
