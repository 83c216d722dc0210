/*
 * The files of a kernel that does not run here, compiled against that
 * system's own headers for this processor, and linked with the stand-in of
 * foreign.h. Where a system has what only some have, the command line says
 * so: HAS_PID, GROUPS (how many supplementary ones a list of three tells; -1:
 * the question is unsupported; -2: never complete), PAIR (MUST name us, or
 * MAY refuse), and NONE_ERRORS, the errors that mean that nothing was
 * recorded.
 */
#include "foreign.h"

#include <stdio.h>
#include <string.h>

static void say_nothing(void)
{
	memset(&kernel, 0, sizeof(kernel));
}

/* One peer, in this kernel's layout: bytes written by their documented offsets. */
static void say_ids(uint32_t uid, uint32_t gid, uint32_t pid)
{
	const uint32_t groups[3] = { gid, 70001, 70002 };
	const int16_t count = 3;

	say_nothing();
	kernel.length = ROOM;
	memcpy(kernel.bytes + AT_UID, &uid, 4);
	if (AT_GROUPS != 0) {
		/* Behind the groups there is a pid, or something that must not be taken for one. */
		memset(kernel.bytes + AT_GROUPS + 64, 0x55, ROOM - AT_GROUPS - 64);
		memcpy(kernel.bytes + 8, &count, 2);
		memcpy(kernel.bytes + AT_GROUPS, groups, 12);
	} else {
		memcpy(kernel.bytes + AT_GID, &gid, 4);
	}
	if (HAS_PID)
		memcpy(kernel.bytes + AT_PID, &pid, 4);
}

static void ids_are_each_in_their_place(void)
{
	struct sys_cred cred;

	say_ids(70000, 80000, 4242);
	CHECK_EQUAL(sys_peer_cred(7, &cred), 0);
	CHECK_EQUAL(cred.uid, 70000);
	CHECK_EQUAL(cred.gid, 80000);
	CHECK_EQUAL(cred.pid, HAS_PID ? 4242 : 0);
	say_ids(UINT32_MAX, UINT32_MAX, 0);
	CHECK_EQUAL(sys_peer_cred(7, &cred), 0);
	CHECK_EQUAL(cred.uid, UINT32_MAX);
	CHECK_EQUAL(cred.gid, UINT32_MAX);
	CHECK_EQUAL(cred.pid, 0);
	say_ids(70000, 80000, 4242);
	kernel.interruptions = 3;
	CHECK_EQUAL(sys_peer_cred(7, &cred), 0);
	CHECK_EQUAL(kernel.asked, 4);
	CHECK_EQUAL(cred.uid, 70000);
	CHECK_EQUAL(ucreds, 0);
}

static void other_lengths_are_no_answer(void)
{
	struct sys_cred cred = { 1, 2, 3 };

	if (QUESTION < 0)
		return;
	for (uint32_t length = 0; length < 128; length++) {
		if (length == ROOM)
			continue;
		say_ids(70000, 80000, 4242);
		kernel.length = length;
		CHECK_EQUAL(sys_peer_cred(7, &cred), SYS_BAD_LENGTH);
		CHECK(cred.uid == 1 && cred.gid == 2 && cred.pid == 3);
	}
}

static void only_the_errors_that_mean_nobody_mean_nobody(void)
{
	const int none[] = { NONE_ERRORS, 0 };

	for (int error = 5; error < 140; error++) {
		struct sys_cred cred = { 1, 2, 3 };
		int means_none = 0;

		for (size_t index = 0; none[index] != 0; index++)
			means_none |= none[index] == error;
		say_nothing();
		kernel.error = error;
		CHECK_EQUAL(sys_peer_cred(7, &cred), means_none ? SYS_NO_DATA : error);
		CHECK(cred.uid == 1 && cred.gid == 2 && cred.pid == 3);
	}
}

static void groups_are_complete_or_absent(void)
{
	uint32_t groups[64] = { 0 };
	size_t count = 99;
	int status;

	say_ids(70000, 80000, 4242);
	ucred_group_count = 3;
	status = sys_peer_groups(7, groups, 64, &count);
	CHECK_EQUAL(status, GROUPS >= 0 ? 0 : GROUPS == -1 ? SYS_UNSUPPORTED : SYS_MAYBE_INCOMPLETE);
	CHECK_EQUAL(count, GROUPS >= 0 ? GROUPS : 99);
	CHECK_EQUAL(groups[0], GROUPS == 2 ? 70001 : GROUPS == 3 ? 1000 : 0);
	if (GROUPS < 0)
		return;
	groups[0] = 5;
	CHECK(sys_peer_groups(7, groups, 1, &count) != 0);
	CHECK_EQUAL(count, GROUPS);
	CHECK_EQUAL(groups[0], 5);
	kernel.error = ENOTCONN_;
	CHECK_EQUAL(sys_peer_groups(7, groups, 64, &count), SYS_NO_DATA);
	if (GROUPS != 3)
		return;
	kernel.error = 0;
	ucred_group_count = -1;
	CHECK_EQUAL(sys_peer_groups(7, groups, 64, &count), SYS_NO_DATA);
	ucred_group_count = 0;
	CHECK_EQUAL(sys_peer_groups(7, groups, 64, &count), 0);
	CHECK_EQUAL(count, 0);
	CHECK_EQUAL(ucreds, 0);
}

static void what_only_one_system_knows_is_unsupported_elsewhere(void)
{
	struct sys_more_ids more = { 0 };
	const uint32_t words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t label[8];
	size_t length;
	int fd;

	CHECK_EQUAL(sys_peer_label(7, label, 8, &length), SYS_UNSUPPORTED);
	CHECK_EQUAL(sys_peer_pidfd(7, &fd), SYS_UNSUPPORTED);
	if (QUESTION >= 0) {
		CHECK_EQUAL(sys_peer_more_ids(7, &more), SYS_UNSUPPORTED);
		return;
	}
	say_nothing();
	memcpy(kernel.bytes, words, sizeof(words));
	CHECK_EQUAL(sys_peer_more_ids(7, &more), 0);
	CHECK_EQUAL(more.real_uid, 4);
	CHECK_EQUAL(more.saved_uid, 5);
	CHECK_EQUAL(more.real_gid, 6);
	CHECK_EQUAL(more.saved_gid, 7);
	CHECK_EQUAL(more.zone, 8);
	CHECK_EQUAL(ucreds, 0);
}

/* macOS alone: who used the socket last, and which start of the machine this is. */
static void the_last_user_of_a_socket_is_told(void)
{
	const uint32_t none[8] = { 0 }, words[8] = { UINT32_MAX, 70000, 80000, 70001, 80001, 4242, 100003, 512 };
	uint32_t token[8] = { 0 };
	uint8_t boot[40] = { 0 };
	size_t length = 99;

	say_nothing();
	if (TOKEN < 0) {
		CHECK_EQUAL(sys_peer_token(7, token), SYS_UNSUPPORTED);
		CHECK_EQUAL(sys_boot_id(boot, sizeof(boot), &length), SYS_UNSUPPORTED);
		return;
	}
	memcpy(kernel.token, words, sizeof(words));
	for (uint32_t given = 0; given < 64; given++) {
		kernel.token_length = given;
		CHECK_EQUAL(sys_peer_token(7, token), given == 32 ? 0 : SYS_BAD_LENGTH);
		CHECK(memcmp(token, given == 32 ? words : none, sizeof(token)) == 0);
		memset(token, 0, sizeof(token));
	}
	/* Nobody by that number any more, not connected any more, no such question: as they are. */
	for (int error = 5; error < 140; error++) {
		kernel.token_error = error;
		CHECK_EQUAL(sys_peer_token(7, token), error);
	}
	CHECK_EQUAL(kernel.asked, 0);
	CHECK_EQUAL(sys_boot_id(boot, sizeof(boot), &length), SYS_UNSUPPORTED);
	kernel.boot = "7A2B";
	CHECK_EQUAL(sys_boot_id(boot, 4, &length), ENOMEM_);
	CHECK_EQUAL(length, 99);
	CHECK_EQUAL(sys_boot_id(boot, sizeof(boot), &length), 0);
	CHECK_EQUAL(length, 4);
	CHECK(memcmp(boot, "7A2B", 4) == 0);
}

static int verdict_of(int *status)
{
	enum sys_self_test_verdict verdict = (enum sys_self_test_verdict)99;

	*status = sys_self_test(&verdict);
	CHECK_EQUAL(descriptors_open, 0);
	return (int)verdict;
}

static void the_self_test_asks_only_what_this_system_can_answer(void)
{
	const int none[] = { NONE_ERRORS };
	int status;

	/* Both ends name their creator, and an unconnected socket nobody. */
	say_ids(geteuid(), getegid(), (uint32_t)getpid());
	kernel.nobody_errors = 1;
	CHECK_EQUAL(verdict_of(&status), SYS_TRUSTWORTHY);
	CHECK_EQUAL(status, 0);
	/* A socketpair without credentials is against no kernel of which that is told. */
	kernel.pair_error = none[0];
	CHECK_EQUAL(verdict_of(&status), PAIR == MUST ? 99 : SYS_TRUSTWORTHY);
	CHECK_EQUAL(status, PAIR == MUST ? SYS_NO_DATA : 0);
	kernel.pair_error = EACCES_;
	CHECK_EQUAL(verdict_of(&status), 99);
	CHECK_EQUAL(status, EACCES_);
	/* Whoever asks is the answer, whatever the socket. */
	say_ids(geteuid(), getegid(), (uint32_t)getpid());
	CHECK_EQUAL(verdict_of(&status), SYS_UNCONNECTED_SHOWS_SOMEBODY);
	say_ids(geteuid() + 1, getegid(), (uint32_t)getpid());
	kernel.nobody_errors = 1;
	CHECK_EQUAL(verdict_of(&status), SYS_SOCKETPAIR_NOT_SELF);
	say_ids(geteuid(), getegid() + 1, (uint32_t)getpid());
	kernel.nobody_errors = 1;
	CHECK_EQUAL(verdict_of(&status), SYS_SOCKETPAIR_NOT_SELF);
	say_ids(geteuid(), getegid(), (uint32_t)getpid() + 1);
	kernel.nobody_errors = 1;
	CHECK_EQUAL(verdict_of(&status), HAS_PID ? SYS_SOCKETPAIR_NOT_SELF : SYS_TRUSTWORTHY);
	say_ids(geteuid(), getegid(), 0);
	kernel.nobody_errors = 1;
	CHECK_EQUAL(verdict_of(&status), PID_MAY_BE_MISSING ? SYS_TRUSTWORTHY : SYS_SOCKETPAIR_NOT_SELF);
}

static void sockets_are_told_apart_before_any_question(void)
{
	struct sys_socket found;

	say_nothing();
	names.family = AF_UNIX_;
	names.local = "/run/s";
	names.remote = "";
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_CONNECTED);
	CHECK(found.local_named && !found.remote_named);
	names.local = "";
	names.remote = "/run/s";
	sys_examine(7, &found);
	CHECK(!found.local_named && found.remote_named);
	names.remote_error = ENOTCONN_;
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_NOT_CONNECTED);
	kernel.accepting = 1;
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_LISTENING);
	names.remote_error = EINVAL_;
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_FAILED);
	CHECK_EQUAL(found.error, EINVAL_);
	names.remote_error = 0;
	names.family = AF_INET_;
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_NOT_UNIX);
	names.local_error = EBADF_;
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_CLOSED);
	names.local_error = ENOTSOCK_;
	sys_examine(7, &found);
	CHECK_EQUAL(found.kind, SYS_NOT_SOCKET);
	CHECK_EQUAL(kernel.asked, 0);
}

static void there_are_no_abstract_names(void)
{
	const uint8_t path[] = { '/', 's' };
	const uint8_t abstract[] = { 0, 's' };
	int fd = -1;

	CHECK_EQUAL(sys_connect(7, abstract, 2), SYS_UNSUPPORTED);
	CHECK_EQUAL(sys_bind_listen(7, abstract, 2, 1), SYS_UNSUPPORTED);
	CHECK_EQUAL(sys_connect(7, path, 2), 0);
	CHECK_EQUAL(connected_length, 5);
	CHECK_EQUAL(connected_to[FAMILY == BSD ? 1 : 0], AF_UNIX_);
	CHECK(memcmp(connected_to + 2, "/s", 3) == 0);
	CHECK_EQUAL(sys_stream_socket(&fd), 0);
	CHECK_EQUAL(fd, FRESH);
}

int main(void)
{
	CHECK(strcmp(sys_name, SYSTEM) == 0);
	ids_are_each_in_their_place();
	other_lengths_are_no_answer();
	only_the_errors_that_mean_nobody_mean_nobody();
	groups_are_complete_or_absent();
	what_only_one_system_knows_is_unsupported_elsewhere();
	the_last_user_of_a_socket_is_told();
	the_self_test_asks_only_what_this_system_can_answer();
	sockets_are_told_apart_before_any_question();
	there_are_no_abstract_names();
#if MESSAGES
	descriptors_open = 0;
	messages_are_told();
	messages_are_sent();
#endif
	descriptors_open = 0;
	readiness_is_told();
	processes_are_held();
	puts("9");
	return 0;
}
