/* sys_linux.c against answers that this kernel does not give, but another one, or an emulation, may. */
#define _GNU_SOURCE
#include "../sys.h"
#include "testing.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* The numbers that sys_linux.c asks by on every architecture that these tests run on. */
#define ASKED_GROUPS 59
#define ASKED_PIDFD 77
#define ASKED_LABEL 31

/* What the hooked kernel says to every question. */
static struct {
	int option; /* the one question that it is about; 0: all */
	int error;
	int times; /* how often it fails before the kernel answers; 0: always */
	socklen_t length;
	uint8_t bytes[64];
	int asked;
} script;

static int scripted(int fd, int level, int option, void *value, socklen_t *length)
{
	if (script.option != 0 && option != script.option)
		return kernel_getsockopt(fd, level, option, value, length);
	script.asked++;
	if (script.times != 0 && script.asked % (script.times + 1) == 0)
		return kernel_getsockopt(fd, level, option, value, length);
	if (script.error == 0) {
		const size_t room = *length < sizeof(script.bytes) ? *length : sizeof(script.bytes);

		memcpy(value, script.bytes, room);
	}
	*length = script.length;
	errno = script.error;
	return script.error == 0 ? 0 : -1;
}

static void say(int option, int error, socklen_t length)
{
	script.option = option;
	script.error = error;
	script.length = length;
	script.times = 0;
	script.asked = 0;
	hooks.getsockopt = scripted;
}

static void another_length_is_an_error(void)
{
	struct connection ours = connection_to_ourselves();
	struct sys_cred cred = { POISON, POISON, POISON };
	uint32_t groups[8];
	uint8_t label[8];
	size_t size = 99;
	int number = 99;
	struct sys_socket found;

	/* What the number of SO_PEERCRED means elsewhere: four bytes, SO_SNDLOWAT = 1. */
	memcpy(script.bytes, &(uint32_t){ 1 }, sizeof(uint32_t));
	for (socklen_t length = 0; length < 64; length++) {
		if (length == sizeof(struct ucred))
			continue;
		say(SO_PEERCRED, 0, length);
		CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), SYS_BAD_LENGTH);
		CHECK_EQUAL(cred.uid, POISON);
		CHECK_EQUAL(cred.gid, POISON);
		CHECK_EQUAL(cred.pid, POISON);
	}
	for (socklen_t length = 0; length < 64; length++) {
		const int whole = length % sizeof(uint32_t) == 0 && length <= sizeof(groups);

		say(ASKED_GROUPS, 0, length);
		size = 99;
		CHECK_EQUAL(sys_peer_groups(ours.accepted, groups, 8, &size), whole ? 0 : SYS_BAD_LENGTH);
		CHECK_EQUAL(size, whole ? length / sizeof(uint32_t) : 99);
		say(ASKED_LABEL, 0, length);
		size = 99;
		CHECK_EQUAL(sys_peer_label(ours.accepted, label, sizeof(label), &size),
			    length <= sizeof(label) ? 0 : SYS_BAD_LENGTH);
		CHECK_EQUAL(size, length <= sizeof(label) ? length : 99);
		if (length == sizeof(int))
			continue;
		say(SO_TYPE, 0, length);
		CHECK_EQUAL(sys_socket_type(ours.accepted, &number), SYS_BAD_LENGTH);
		say(ASKED_PIDFD, 0, length);
		CHECK_EQUAL(sys_peer_pidfd(ours.accepted, &number), SYS_BAD_LENGTH);
		say(SO_ACCEPTCONN, 0, length);
		sys_examine(ours.listening, &found);
		CHECK_EQUAL(found.kind, SYS_FAILED);
		CHECK_EQUAL(found.error, SYS_BAD_LENGTH);
	}
	close_connection(ours);
}

static void the_bytes_of_ucred_are_pid_uid_gid(void)
{
	struct connection ours = connection_to_ourselves();
	const uint32_t words[3] = { 10, 20, UINT32_C(0xfffffffe) };
	struct sys_cred cred;

	memcpy(script.bytes, words, sizeof(words));
	say(SO_PEERCRED, 0, sizeof(words));
	CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), 0);
	CHECK_EQUAL(cred.pid, 10);
	CHECK_EQUAL(cred.uid, 20);
	CHECK_EQUAL(cred.gid, UINT32_C(0xfffffffe));
	close_connection(ours);
}

static void interrupted_calls_are_asked_again(void)
{
	struct connection ours = connection_to_ourselves();
	struct sys_cred cred;
	struct sys_socket found;
	uint32_t groups[65536];
	uint8_t label[4096];
	size_t size;
	int number, status;

	/* A length of 0 that stayed would cut the second answer to nothing. */
	say(0, EINTR, 0);
	script.times = 3;
	CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), 0);
	CHECK_EQUAL(script.asked, 4);
	CHECK_EQUAL(cred.pid, getpid());
	CHECK_EQUAL(sys_socket_type(ours.accepted, &number), 0);
	CHECK_EQUAL(number, SOCK_STREAM);
	sys_examine(ours.listening, &found);
	CHECK_EQUAL(found.kind, SYS_LISTENING);
	status = sys_peer_groups(ours.accepted, groups, 65536, &size);
	CHECK(status == ENOPROTOOPT || (status == 0 && size == (size_t)getgroups(0, NULL)));
	status = sys_peer_label(ours.accepted, label, sizeof(label), &size);
	CHECK(status == ENOPROTOOPT || (status == 0 && size > 0));
	status = sys_peer_pidfd(ours.accepted, &number);
	CHECK(status == ENOPROTOOPT || (status == 0 && close(number) == 0));
	CHECK_EQUAL(script.asked % 4, 0);
	close_connection(ours);
}

static void a_question_that_is_refused_leaves_the_others_alone(void)
{
	const int errors[] = { ENOPROTOOPT, ENODATA, EACCES, EINVAL, ESRCH, ENOMEM };
	struct connection ours = connection_to_ourselves();

	for (size_t index = 0; index < sizeof(errors) / sizeof(*errors); index++) {
		struct sys_cred cred = { 0, 0, 0 };
		uint32_t groups[4];
		size_t size = 99;
		int pidfd = -1;

		say(ASKED_GROUPS, errors[index], 4);
		CHECK_EQUAL(sys_peer_groups(ours.accepted, groups, 4, &size), errors[index]);
		CHECK_EQUAL(size, 99);
		CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), 0);
		CHECK_EQUAL(cred.uid, geteuid());
		CHECK_EQUAL(cred.pid, getpid());
		say(ASKED_PIDFD, errors[index], 4);
		CHECK_EQUAL(sys_peer_pidfd(ours.accepted, &pidfd), errors[index]);
		CHECK_EQUAL(pidfd, -1);
		say(SO_PEERCRED, errors[index], 12);
		cred.uid = cred.gid = cred.pid = POISON;
		CHECK_EQUAL(sys_peer_cred(ours.accepted, &cred), errors[index]);
		CHECK(cred.uid == POISON && cred.gid == POISON && cred.pid == POISON);
	}
	close_connection(ours);
}

static void too_little_room_says_how_much_is_needed(void)
{
	struct connection ours = connection_to_ourselves();
	uint32_t groups[4];
	uint8_t label[4];
	size_t size = 0;

	say(ASKED_GROUPS, ERANGE, 4000);
	CHECK_EQUAL(sys_peer_groups(ours.accepted, groups, 4, &size), ERANGE);
	CHECK_EQUAL(size, 1000);
	say(ASKED_GROUPS, ERANGE, 4001);
	CHECK_EQUAL(sys_peer_groups(ours.accepted, groups, 4, &size), SYS_BAD_LENGTH);
	say(ASKED_LABEL, ERANGE, 4001);
	CHECK_EQUAL(sys_peer_label(ours.accepted, label, 4, &size), ERANGE);
	CHECK_EQUAL(size, 4001);
	close_connection(ours);
}

static int address_error;
static socklen_t address_length;

static int odd_address(int fd, struct sockaddr *address, socklen_t *length)
{
	(void)fd;
	(void)address;
	*length = address_length;
	errno = address_error;
	return address_error == 0 ? 0 : -1;
}

static void an_odd_address_is_no_connection(void)
{
	struct connection ours = connection_to_ourselves();
	struct sys_socket found;

	hooks.getsockname = odd_address;
	address_error = 0;
	for (address_length = 0; address_length <= sizeof(sa_family_t); address_length++) {
		sys_examine(ours.accepted, &found);
		CHECK_EQUAL(found.kind, SYS_NOT_UNIX);
	}
	address_error = ENOBUFS;
	sys_examine(ours.accepted, &found);
	CHECK_EQUAL(found.kind, SYS_FAILED);
	CHECK_EQUAL(found.error, ENOBUFS);
	hooks.getsockname = NULL;
	hooks.getpeername = odd_address;
	address_error = EINVAL;
	sys_examine(ours.accepted, &found);
	CHECK_EQUAL(found.kind, SYS_FAILED);
	CHECK_EQUAL(found.error, EINVAL);
	/* A socket that was not asked further says so even where SO_ACCEPTCONN is refused. */
	address_error = ENOTCONN;
	say(SO_ACCEPTCONN, ENOPROTOOPT, 4);
	sys_examine(ours.accepted, &found);
	CHECK_EQUAL(found.kind, SYS_FAILED);
	CHECK_EQUAL(found.error, ENOPROTOOPT);
	close_connection(ours);
}

static enum sys_self_test_verdict verdict_on(uint32_t pid, uint32_t uid, uint32_t gid)
{
	const uint32_t words[3] = { pid, uid, gid };
	enum sys_self_test_verdict verdict = SYS_TRUSTWORTHY;
	const int before = open_descriptors();

	memcpy(script.bytes, words, sizeof(words));
	say(SO_PEERCRED, 0, sizeof(words));
	CHECK_EQUAL(sys_self_test(&verdict), 0);
	CHECK_EQUAL(open_descriptors(), before);
	return verdict;
}

static void an_emulation_that_shows_the_caller_is_found_out(void)
{
	const uint32_t pid = (uint32_t)getpid();

	/* Old gVisor: whatever the socket, whoever asks is the answer. */
	CHECK_EQUAL(verdict_on(pid, geteuid(), getegid()), SYS_UNCONNECTED_SHOWS_SOMEBODY);
	CHECK_EQUAL(verdict_on(pid + 1, geteuid(), getegid()), SYS_SOCKETPAIR_NOT_SELF);
	CHECK_EQUAL(verdict_on(pid, geteuid() + 1, getegid()), SYS_SOCKETPAIR_NOT_SELF);
	CHECK_EQUAL(verdict_on(pid, geteuid(), getegid() + 1), SYS_SOCKETPAIR_NOT_SELF);
	CHECK_EQUAL(verdict_on(0, UINT32_MAX, UINT32_MAX), SYS_SOCKETPAIR_NOT_SELF);
	CHECK_EQUAL(verdict_on(0, 0, 0), SYS_SOCKETPAIR_NOT_SELF);
}

static int refuse_unconnected(int fd, int level, int option, void *value, socklen_t *length)
{
	struct sockaddr_un peer;
	socklen_t size = sizeof(peer);

	if (kernel_getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
		return kernel_getsockopt(fd, level, option, value, length);
	errno = ENOTCONN;
	return -1;
}

static void a_self_test_that_is_refused_is_no_verdict(void)
{
	enum sys_self_test_verdict verdict = SYS_UNCONNECTED_SHOWS_SOMEBODY;

	say(SO_PEERCRED, EPERM, 12);
	CHECK_EQUAL(sys_self_test(&verdict), EPERM);
	CHECK_EQUAL(verdict, SYS_UNCONNECTED_SHOWS_SOMEBODY);
	/* Refusing to name the peer of a socket that has none is as good as naming nobody. */
	hooks.getsockopt = refuse_unconnected;
	CHECK_EQUAL(sys_self_test(&verdict), 0);
	CHECK_EQUAL(verdict, SYS_TRUSTWORTHY);
}

const struct test_case answer_cases[] = {
	{ "other-lengths", another_length_is_an_error },
	{ "ucred-bytes", the_bytes_of_ucred_are_pid_uid_gid },
	{ "interrupted", interrupted_calls_are_asked_again },
	{ "refused", a_question_that_is_refused_leaves_the_others_alone },
	{ "too-little-room", too_little_room_says_how_much_is_needed },
	{ "odd-addresses", an_odd_address_is_no_connection },
	{ "emulation", an_emulation_that_shows_the_caller_is_found_out },
	{ "self-test-refused", a_self_test_that_is_refused_is_no_verdict },
	{ NULL, NULL },
};
