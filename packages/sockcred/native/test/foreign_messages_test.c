/*
 * What travels with messages on a kernel that does not run here: its control
 * messages, byte by byte as it writes them, through the files that read them
 * there. Facts of its layouts are on the command line: C_SIZE (0: it ends with
 * the last group), C_VERSION, C_PID, ... C_GROUPS, C_COUNT_WIDTH, C_MOST
 * (groups; 0: any number), with -1 for what there is not.
 */
#include "foreign_messages.h"

#include <string.h>

static struct message messages[4];
static uint8_t data[4 * 64], control[4 * MESSAGE_CONTROL];

static struct message_request request(enum message_kind kind, size_t room)
{
	const struct message_request made = {
		.kind = kind, .most_fds = 2, .data = data, .room = room, .control = control,
		.control_room = MESSAGE_CONTROL,
	};

	kernel.type = kind == MESSAGE_STREAM ? STREAM_ : kind == MESSAGE_SEQPACKET ? SEQPACKET_ : DATAGRAM_;
	memset(messages, 0xab, sizeof(messages));
	memset(closed, 0, sizeof(closed));
	memset(close_on_exec, 0, sizeof(close_on_exec));
	return made;
}

static size_t receive(const struct message_request *how, size_t count)
{
	size_t received = 99;

	CHECK_EQUAL(message_receive(7, how, messages, count, &received), 0);
	return received;
}

static void nobody_is_told(const struct message *message, uint32_t status)
{
	CHECK_EQUAL(message->cred_status, status);
	CHECK_EQUAL(message->uid, SYS_NO_ID);
	CHECK_EQUAL(message->gid, SYS_NO_ID);
	CHECK_EQUAL(message->effective_uid, SYS_NO_ID);
	CHECK_EQUAL(message->effective_gid, SYS_NO_ID);
	CHECK_EQUAL(message->pid, 0);
	CHECK_EQUAL(message->groups_status, status);
	CHECK_EQUAL(message->group_count, 0);
}

/* uid 70000, effective 70001; gid 80000, effective 80001; pid 4242; groups 80001, 1001, 1002, ... */
static size_t sender(uint8_t *bytes, uint32_t uid, int count)
{
	const uint32_t ids[] = { 4242, uid, 70001, 80000, 80001 };
	const int places[] = { C_PID, C_UID, C_EUID, C_GID, C_EGID };

	memset(bytes, 0, 256);
	for (size_t index = 0; index < 5; index++)
		if (places[index] >= 0)
			memcpy(bytes + places[index], &ids[index], 4);
	if (C_COUNT < 0) {
		/* An opaque one: the stand-in's own words, and a list of its own. */
		ucred_group_count = count;
		return 32;
	}
	memcpy(bytes + C_COUNT, &count, C_COUNT_WIDTH);
	for (int index = 0; index < count; index++) {
		const uint32_t group = index == 0 ? 80001 : 1000 + (uint32_t)index;

		memcpy(bytes + C_GROUPS + 4 * index, &group, 4);
	}
	return C_SIZE != 0 ? C_SIZE : C_GROUPS + 4 * (size_t)count;
}

static void has_sender(struct arrival *arrival, uint32_t uid, int count)
{
	uint8_t bytes[256];
	const size_t size = sender(bytes, uid, count);

	beside(arrival, SOL_SOCKET_, CREDENTIALS, bytes, size);
}

static void the_sender_is_told(const struct message *message)
{
	CHECK_EQUAL(message->cred_status, 0);
	CHECK_EQUAL(message->uid, 70000);
	CHECK_EQUAL(message->effective_uid, 70001);
	CHECK_EQUAL(message->gid, 80000);
	CHECK_EQUAL(message->effective_gid, 80001);
	CHECK_EQUAL(message->pid, 4242);
}

static void senders_of_datagrams(void)
{
	const struct message_request how = request(MESSAGE_DATAGRAM, 64);

	has_sender(arrives(10), 70000, 3);
	arrivals[0].name = "/s";
	kernel.interruptions = 2;
	CHECK_EQUAL(receive(&how, 4), 1);
	the_sender_is_told(messages);
	CHECK_EQUAL(messages->length, 10);
	CHECK_EQUAL(messages->full_length, 10);
	CHECK_EQUAL(messages->flags, 0);
	CHECK_EQUAL(messages->unknown, 0);
	CHECK_EQUAL(messages->groups_status, 0);
	CHECK_EQUAL(messages->group_count, 3);
	CHECK_EQUAL(messages->groups[0], C_COUNT < 0 ? 1000 : 80001);
	CHECK_EQUAL(messages->groups[2], 1002);
	CHECK_EQUAL(messages->label_status, SYS_NO_DATA);
	CHECK_EQUAL(messages->pidfd_status, SYS_NO_DATA);
	CHECK_EQUAL(messages->name_length, 2);
	CHECK(memcmp(messages->name, "/s", 2) == 0);
	/* No name, nothing beside it. */
	arrives(0);
	CHECK_EQUAL(receive(&how, 4), 1);
	nobody_is_told(messages, SYS_NO_DATA);
	CHECK_EQUAL(messages->name_length, 0);
	CHECK_EQUAL(messages->flags, 0);
}

static void lists_of_groups(void)
{
	const struct message_request how = request(MESSAGE_DATAGRAM, 64);

	if (C_MOST != 0) {
		has_sender(arrives(1), 70000, C_MOST - 1);
		CHECK_EQUAL(receive(&how, 1), 1);
		CHECK_EQUAL(messages->group_count, C_MOST - 1);
		has_sender(arrives(1), 70000, C_MOST);
		CHECK_EQUAL(receive(&how, 1), 1);
		CHECK_EQUAL(messages->cred_status, 0);
		CHECK_EQUAL(messages->groups_status, SYS_MAYBE_INCOMPLETE);
		CHECK_EQUAL(messages->group_count, 0);
		return;
	}
	has_sender(arrives(1), 70000, 32);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->groups_status, 0);
	CHECK_EQUAL(messages->group_count, 32);
	has_sender(arrives(1), 70000, 33);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->cred_status, 0);
	CHECK(messages->groups_status > 0 && messages->groups_status < SYS_BAD_LENGTH);
	CHECK_EQUAL(messages->group_count, 0);
	if (C_COUNT >= 0)
		return;
	has_sender(arrives(1), 70000, -1);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->cred_status, 0);
	CHECK_EQUAL(messages->groups_status, SYS_NO_DATA);
	has_sender(arrives(1), 70000, 0);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->groups_status, 0);
}

static void other_forms_are_no_sender(void)
{
	const struct message_request how = request(MESSAGE_DATAGRAM, 64);
	uint8_t bytes[256];
	const size_t right = sender(bytes, 70000, 3);

	for (size_t size = 0; size < 200; size++) {
		/* Of an opaque one, any length up to the largest is. */
		if (size == right || (C_COUNT < 0 && size > 0 && size <= sizeof(kernel.bytes)))
			continue;
		beside(arrives(1), SOL_SOCKET_, CREDENTIALS, bytes, size);
		CHECK_EQUAL(receive(&how, 1), 1);
		nobody_is_told(messages, SYS_BAD_LENGTH);
	}
	/* Under every other number, and on another level, it is nothing that is known. */
	for (int type = 0; type < 0x1100; type++) {
		if (type == CREDENTIALS || type == RIGHTS || type == ATTACHED)
			continue;
		beside(arrives(1), SOL_SOCKET_, type, bytes, right);
		CHECK_EQUAL(receive(&how, 1), 1);
		nobody_is_told(messages, SYS_NO_DATA);
		CHECK_EQUAL(messages->unknown, 1);
		CHECK_EQUAL(messages->label_status, SYS_NO_DATA);
		CHECK_EQUAL(messages->pidfd_status, SYS_NO_DATA);
	}
	beside(arrives(1), 41, CREDENTIALS, bytes, right);
	CHECK_EQUAL(receive(&how, 1), 1);
	nobody_is_told(messages, SYS_NO_DATA);
	/* Two that differ. */
	has_sender(arrives(1), 70000, 3);
	has_sender(arrivals, 0, 3);
	CHECK_EQUAL(receive(&how, 1), 1);
	nobody_is_told(messages, SYS_BAD_LENGTH);
}

/* Two sends of ten bytes each. */
static void two_arrive(void)
{
	arrives(10);
	arrivals[1] = arrivals[0];
	arrival_count = 2;
}

static void runs_of_streams(void)
{
	struct message_request how = request(MESSAGE_STREAM, 64);

	/* More than the first byte may be somebody else's. */
	two_arrive();
	has_sender(&arrivals[0], 70000, 3);
	has_sender(&arrivals[1], 70000, 3);
	arrivals[1].length = 1;
	if (FOR_DATAGRAMS && ATTACHED < 0) {
		/* It never comes; and if it did, it would not be believed. */
		CHECK_EQUAL(receive(&how, 1), 1);
		nobody_is_told(messages, SYS_NO_DATA);
		CHECK_EQUAL(messages[0].length, 10);
	} else {
		CHECK_EQUAL(receive(&how, 4), 3);
		CHECK_EQUAL(messages[0].length, 1);
		the_sender_is_told(&messages[0]);
		CHECK_EQUAL(messages[1].length, 9);
		nobody_is_told(&messages[1], SYS_NO_DATA);
		the_sender_is_told(&messages[2]);
		two_arrive();
		has_sender(&arrivals[0], 70000, 3);
		how.peek = 1;
		CHECK_EQUAL(receive(&how, 4), 1);
		CHECK_EQUAL(messages[0].length, 1);
		the_sender_is_told(&messages[0]);
		/* Nothing has a sender: as much as there is. */
		two_arrive();
		how.peek = 0;
		CHECK_EQUAL(receive(&how, 1), 1);
		CHECK_EQUAL(messages[0].length, 10);
	}
	/* A byte by itself has its sender everywhere. */
	how = request(MESSAGE_STREAM, 1);
	has_sender(arrives(1), 70000, 3);
	CHECK_EQUAL(receive(&how, 1), 1);
	the_sender_is_told(messages);
}

static void ends_and_empty_messages(void)
{
	struct message_request how = request(MESSAGE_STREAM, 64);
	const enum message_kind kinds[] = { MESSAGE_STREAM, MESSAGE_SEQPACKET };
	size_t received = 99;

	for (size_t index = 0; index < 2; index++) {
		how = request(kinds[index], 64);
		two_arrive();
		arrivals[0].length = 0;
		has_sender(&arrivals[0], 70000, 3);
		arrivals[1].length = 0;
		/* Nothing comes after the end; and nothing of that is taken. */
		arrivals[2] = arrivals[1];
		arrival_count = 3;
		CHECK_EQUAL(receive(&how, 4), 2);
		CHECK_EQUAL(messages[0].flags, 0);
		the_sender_is_told(&messages[0]);
		CHECK_EQUAL(messages[1].flags, MESSAGE_END);
		nobody_is_told(&messages[1], SYS_NO_DATA);
	}
	arrival_count = 0;
	CHECK_EQUAL(message_receive(7, &how, messages, 4, &received), EAGAIN_);
	CHECK_EQUAL(received, 99);
	CHECK_EQUAL(message_receive(7, &how, messages, 0, &received), EINVAL_);
	CHECK_EQUAL(message_receive(7, &how, messages, MESSAGE_MOST_BATCH + 1, &received), EINVAL_);
	/* What came before an error comes first. */
	two_arrive();
	arrivals[1].error = EACCES_;
	how = request(MESSAGE_DATAGRAM, 64);
	CHECK_EQUAL(receive(&how, 4), 1);
	CHECK_EQUAL(message_receive(7, &how, messages, 4, &received), EACCES_);
}

static void cut_data(void)
{
	struct message_request how = request(MESSAGE_DATAGRAM, 4);

	arrives(10);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->flags, MESSAGE_CUT);
	CHECK_EQUAL(messages->length, 4);
	CHECK_EQUAL(messages->full_length, 4);
	/* A record that goes on has no end, where the kernel leaves the rest for the next time. */
	how = request(MESSAGE_SEQPACKET, 10);
	arrives(10);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->flags, RECORD_PIECES ? MESSAGE_CUT : 0);
	arrives(10)->flags = MSG_EOR_;
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->flags, 0);
	arrives(9);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->flags, 0);
}

static void descriptors_are_kept_or_closed(void)
{
	const int fds[] = { 301, 302, 303 };
	struct message_request how = request(MESSAGE_STREAM, 1);

	beside(arrives(1), SOL_SOCKET_, RIGHTS, fds, sizeof(fds));
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->flags, MESSAGE_FDS_REFUSED);
	CHECK_EQUAL(messages->fd_count, 2);
	CHECK_EQUAL(messages->fds[1], 302);
	CHECK(closed[301] == 0 && closed[302] == 0 && closed[303] == 1);
	CHECK(close_on_exec[301] == 1 && close_on_exec[302] == 1 && close_on_exec[303] == 0);
	/* Of those that come with a peek, BSDs give no numbers of descriptors. */
	how = request(MESSAGE_STREAM, 1);
	how.peek = 1;
	beside(arrives(1), SOL_SOCKET_, RIGHTS, fds, sizeof(fds));
	has_sender(arrivals, 70000, 3);
	CHECK_EQUAL(receive(&how, 4), 1);
	the_sender_is_told(messages);
	CHECK_EQUAL(messages->fd_count, FAMILY == BSD ? 0 : 2);
	CHECK_EQUAL(messages->flags, FAMILY == BSD ? 0 : MESSAGE_FDS_REFUSED);
	CHECK_EQUAL(closed[303], FAMILY == BSD ? 0 : 1);
	CHECK_EQUAL(close_on_exec[301], FAMILY == BSD ? 0 : 1);
	/* Cut: nothing is told or kept. */
	how = request(MESSAGE_DATAGRAM, 1);
	how.most_fds = 3;
	arrives(1)->flags = MSG_CTRUNC_;
	beside(arrivals, SOL_SOCKET_, RIGHTS, fds, sizeof(fds));
	has_sender(arrivals, 70000, 3);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->flags, MESSAGE_CONTROL_CUT);
	nobody_is_told(messages, SYS_BAD_LENGTH);
	CHECK_EQUAL(messages->fd_count, 0);
	CHECK(closed[301] == 1 && closed[302] == 1 && closed[303] == 1);
	/* No room for any of it. */
	how = request(MESSAGE_DATAGRAM, 1);
	how.control_room = 0;
	arrives(1);
	has_sender(arrivals, 70000, 3);
	CHECK_EQUAL(receive(&how, 1), 1);
	nobody_is_told(messages, SYS_BAD_LENGTH);
}

/* FreeBSD: three forms, two of them under one number. */
static void two_forms_under_one_number(void)
{
	struct message_request how = request(MESSAGE_STREAM, 64);
	uint32_t cmsgcred[21] = { 4242, 70000, 70001, 80000, 2, 80001, 1001 };
	uint32_t sockcred[21] = { 70000, 70001, 80000, 80001, 2, 1001, 1002 };

	/* A sender attached it: of a run, only the first byte is certainly its own. */
	beside(arrives(10), SOL_SOCKET_, ATTACHED, cmsgcred, 84);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->length, 1);
	the_sender_is_told(messages);
	CHECK_EQUAL(messages->group_count, 2);
	CHECK_EQUAL(messages->flags, MESSAGE_ATTACHED);
	/* Both, in agreement and not. */
	how = request(MESSAGE_DATAGRAM, 64);
	has_sender(arrives(10), 70000, 3);
	beside(arrivals, SOL_SOCKET_, ATTACHED, cmsgcred, 84);
	CHECK_EQUAL(receive(&how, 1), 1);
	the_sender_is_told(messages);
	has_sender(arrives(10), 70002, 3);
	beside(arrivals, SOL_SOCKET_, ATTACHED, cmsgcred, 84);
	CHECK_EQUAL(receive(&how, 1), 1);
	nobody_is_told(messages, SYS_BAD_LENGTH);
	/* Somebody set LOCAL_CREDS, on a listening socket perhaps. */
	beside(arrives(10), SOL_SOCKET_, ATTACHED, sockcred, 28);
	CHECK_EQUAL(receive(&how, 1), 1);
	CHECK_EQUAL(messages->cred_status, 0);
	CHECK_EQUAL(messages->uid, 70000);
	CHECK_EQUAL(messages->effective_uid, 70001);
	CHECK_EQUAL(messages->gid, 80000);
	CHECK_EQUAL(messages->effective_gid, 80001);
	CHECK_EQUAL(messages->pid, 0);
	/* With 16 groups, nothing tells one from the other. */
	sockcred[4] = cmsgcred[4] = 16;
	beside(arrives(10), SOL_SOCKET_, ATTACHED, sockcred, 84);
	CHECK_EQUAL(receive(&how, 1), 1);
	nobody_is_told(messages, SYS_BAD_LENGTH);
	beside(arrives(10), SOL_SOCKET_, ATTACHED, cmsgcred, 84);
	CHECK_EQUAL(receive(&how, 1), 1);
	nobody_is_told(messages, SYS_BAD_LENGTH);
}

void messages_are_told(void)
{
	memset(&kernel, 0, sizeof(kernel));
	senders_of_datagrams();
	lists_of_groups();
	other_forms_are_no_sender();
	runs_of_streams();
	ends_and_empty_messages();
	cut_data();
	descriptors_are_kept_or_closed();
	if (ATTACHED >= 0 && ATTACHED != CREDENTIALS)
		two_forms_under_one_number();
}
