/* Messages that are sent on a kernel that does not run here, its option, and its new descriptors. */
#include "foreign_messages.h"

#include <string.h>

static void sent_messages(void)
{
	const int32_t fds[] = { 301, 302 };
	struct message_outgoing message = { .data = (const uint8_t *)"hello", .length = 5, .fds = fds, .fd_count = 2 };
	const uint32_t length = CONTROL_BEGINS + 8;
	const int head[] = { (int)length, SOL_SOCKET_, RIGHTS };
	size_t sent = 99;

	memset(&sending, 0, sizeof(sending));
	kernel.type = STREAM_;
	kernel.interruptions = 1;
	CHECK_EQUAL(message_send(7, &message, &sent), 0);
	CHECK_EQUAL(sent, 5);
	CHECK_EQUAL(sending.flags, MSG_DONTWAIT_ | MSG_NOSIGNAL);
	CHECK_EQUAL(sending.control_length, (length + CONTROL_ALIGNED - 1) / CONTROL_ALIGNED * CONTROL_ALIGNED);
	CHECK(memcmp(sending.control, head, sizeof(head)) == 0);
	CHECK(memcmp(sending.control + CONTROL_BEGINS, fds, sizeof(fds)) == 0);
	CHECK_EQUAL(sending.name_length, 0);
	/* Nothing that is sent on a stream without a byte arrives. */
	message.length = 0;
	CHECK_EQUAL(message_send(7, &message, &sent), EINVAL_);
	kernel.type = DATAGRAM_;
	message.name = (const uint8_t *)"/s";
	message.name_length = 2;
	CHECK_EQUAL(message_send(7, &message, &sent), 0);
	CHECK_EQUAL(sending.flags, MSG_DONTWAIT_ | MSG_NOSIGNAL);
	CHECK_EQUAL(sending.name_length, 5);
	CHECK_EQUAL(sending.name[FAMILY == BSD ? 1 : 0], AF_UNIX_);
	/* A record has an end. */
	kernel.type = SEQPACKET_;
	message.fd_count = 0;
	CHECK_EQUAL(message_send(7, &message, &sent), 0);
	CHECK_EQUAL(sending.flags, MSG_DONTWAIT_ | MSG_NOSIGNAL | MSG_EOR_);
	CHECK_EQUAL(sending.control_length, 0);
	message.fd_count = MESSAGE_MOST_FDS + 1;
	CHECK_EQUAL(message_send(7, &message, &sent), EINVAL_);
}

static void claims(void)
{
	uint32_t claim[] = { (uint32_t)getpid(), getuid(), getgid() };
	struct message_outgoing message = { .data = (const uint8_t *)"", .length = 1, .claim = claim };
	const uint8_t zero[84] = { 0 };
	const int head[] = { CONTROL_BEGINS + 84, SOL_SOCKET_, ATTACHED };
	size_t sent = 99;

	kernel.type = STREAM_;
	CHECK_EQUAL(message_send(7, &message, &sent), ATTACHED < 0 ? SYS_UNSUPPORTED : 0);
	if (ATTACHED < 0)
		return;
	CHECK(memcmp(sending.control, head, sizeof(head)) == 0);
	CHECK(memcmp(sending.control + CONTROL_BEGINS, zero, sizeof(zero)) == 0);
	/* What the kernel would not say is not sent as if it did. */
	for (size_t index = 0; index < 3; index++) {
		claim[index] += 4321;
		CHECK_EQUAL(message_send(7, &message, &sent), EPERM_);
		claim[index] -= 4321;
	}
}

static void batches(void)
{
	const uint8_t bytes[] = "abcdef";
	const uint32_t lengths[] = { 1, 2, 3 };
	size_t sent = 99;

	kernel.type = DATAGRAM_;
	memset(&sending, 0, sizeof(sending));
	CHECK_EQUAL(message_send_batch(7, bytes, lengths, 3, (const uint8_t *)"/s", 2, &sent), 0);
	CHECK_EQUAL(sent, 3);
	CHECK_EQUAL(sending.length, 3);
	CHECK_EQUAL(sending.first, 'd');
	CHECK_EQUAL(sending.name_length, 5);
	memset(&sending, 0, sizeof(sending));
	sending.error_from = 2;
	CHECK_EQUAL(message_send_batch(7, bytes, lengths, 3, NULL, 0, &sent), 0);
	CHECK_EQUAL(sent, 1);
	memset(&sending, 0, sizeof(sending));
	sending.error_from = 1;
	sent = 99;
	CHECK_EQUAL(message_send_batch(7, bytes, lengths, 3, NULL, 0, &sent), EAGAIN_);
	CHECK_EQUAL(sent, 99);
	CHECK_EQUAL(message_send_batch(7, bytes, lengths, 0, NULL, 0, &sent), EINVAL_);
	CHECK_EQUAL(message_send_batch(7, bytes, lengths, MESSAGE_MOST_BATCH + 1, NULL, 0, &sent), EINVAL_);
	memset(&sending, 0, sizeof(sending));
}

static void options(void)
{
	const int types[] = { STREAM_, SEQPACKET_, DATAGRAM_ };
	int on = 99;

	memset(&names, 0, sizeof(names));
	names.local = names.remote = "";
	names.family = AF_UNIX_;
	for (size_t index = 0; index < 3; index++) {
		const int has_it = !FOR_DATAGRAMS || types[index] == DATAGRAM_;

		kernel.type = types[index];
		kernel.option = OPTION;
		set_option = set_level = set_value = -1;
		on = 99;
		CHECK_EQUAL(message_set_option(7, MESSAGE_PASS_CREDENTIALS, 1), has_it ? 0 : SYS_UNSUPPORTED);
		CHECK_EQUAL(set_level, has_it ? OPTION_LEVEL : -1);
		CHECK_EQUAL(set_option, has_it ? OPTION : -1);
		CHECK_EQUAL(set_value, has_it ? 1 : -1);
		CHECK_EQUAL(message_get_option(7, MESSAGE_PASS_CREDENTIALS, &on), has_it ? 0 : SYS_UNSUPPORTED);
		CHECK_EQUAL(on, has_it ? OPTION : 99);
	}
	/* T3: of another family, the same number is something else. */
	names.family = AF_INET_;
	set_option = -1;
	CHECK_EQUAL(message_set_option(7, MESSAGE_PASS_CREDENTIALS, 1), EAFNOSUPPORT_);
	CHECK_EQUAL(message_get_option(7, MESSAGE_PASS_CREDENTIALS, &on), EAFNOSUPPORT_);
	CHECK_EQUAL(set_option, -1);
	for (int option = MESSAGE_PASS_LABELS; option <= MESSAGE_PASS_FDS; option++) {
		CHECK_EQUAL(message_set_option(7, (enum message_option)option, 1), SYS_UNSUPPORTED);
		CHECK_EQUAL(message_get_option(7, (enum message_option)option, &on), SYS_UNSUPPORTED);
	}
}

static void new_descriptors(void)
{
	int pair[2] = { -1, -1 }, fd = -1;

	CHECK_EQUAL(message_pair(MESSAGE_STREAM, pair), 0);
	CHECK(pair[0] == END && pair[1] == OTHER_END);
	CHECK_EQUAL(message_accept(7, &fd), 0);
	CHECK_EQUAL(fd, FRESH);
	descriptors_open -= 3;
	kernel.error = EAGAIN_;
	CHECK_EQUAL(message_accept(7, &fd), EAGAIN_);
	kernel.error = 0;
	CHECK_EQUAL(message_finish(7), 0);
}

void messages_are_sent(void)
{
	memset(&kernel, 0, sizeof(kernel));
	sent_messages();
	claims();
	batches();
	options();
	new_descriptors();
}
