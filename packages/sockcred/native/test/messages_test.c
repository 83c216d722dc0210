/* What travels beside messages: the walk over bytes made by hand, and the real kernel's, cut at every length. */
#define _GNU_SOURCE
#include "../message.h"
#include "../sys.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SECURITY = 3, PIDFD = 4 };

/* Control messages made by hand. */
static struct {
	_Alignas(struct cmsghdr) uint8_t bytes[2048];
	size_t length;
} made;

static void add(int level, int type, const void *bytes, size_t size)
{
	struct cmsghdr header;

	memset(&header, 0, sizeof(header));
	header.cmsg_len = CMSG_LEN(size);
	header.cmsg_level = level;
	header.cmsg_type = type;
	memset(made.bytes + made.length, 0, CMSG_SPACE(size));
	memcpy(made.bytes + made.length, &header, sizeof(header));
	memcpy(made.bytes + made.length + CMSG_LEN(0), bytes, size);
	made.length += CMSG_SPACE(size);
}

static void add_credentials(pid_t pid, uid_t uid, gid_t gid)
{
	const struct ucred cred = { pid, uid, gid };

	add(SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
}

/* Descriptors that the walk did not keep, by number; they are not open. */
static int discarded[512];
static size_t discarded_count;

static void note(int fd)
{
	CHECK(discarded_count < sizeof(discarded) / sizeof(*discarded));
	discarded[discarded_count++] = fd;
}

static struct message walked;

static void walk(int cut, size_t most_fds)
{
	memset(&walked, 0xab, sizeof(walked));
	walked.flags = 0;
	discarded_count = 0;
	message_walk(made.bytes, made.length, cut, most_fds, &walked, note);
}

static void nobody_is_told(uint32_t status)
{
	CHECK_EQUAL(walked.cred_status, status);
	CHECK_EQUAL(walked.uid, SYS_NO_ID);
	CHECK_EQUAL(walked.gid, SYS_NO_ID);
	CHECK_EQUAL(walked.pid, 0);
}

static void nothing_beside(void)
{
	made.length = 0;
	walk(0, 253);
	nobody_is_told(SYS_NO_DATA);
	CHECK_EQUAL(walked.label_status, SYS_NO_DATA);
	CHECK_EQUAL(walked.pidfd_status, SYS_NO_DATA);
	CHECK_EQUAL(walked.pidfd, -1);
	CHECK_EQUAL(walked.fd_count, 0);
	CHECK_EQUAL(walked.flags, 0);
}

static void any_order_and_unknown_ones(void)
{
	const int fds[] = { 1001, 1002 }, pidfd = 1003;

	made.length = 0;
	add(SOL_SOCKET, 99, "what is this", 12);
	add(SOL_SOCKET, PIDFD, &pidfd, sizeof(pidfd));
	add(SOL_SOCKET, SCM_RIGHTS, fds, sizeof(fds));
	add(41, SCM_CREDENTIALS, "another level", 13);
	add(SOL_SOCKET, SECURITY, "label", 6);
	add_credentials(11, 22, 33);
	add(SOL_SOCKET, SCM_RIGHTS, fds, sizeof(int));
	walk(0, 253);
	CHECK_EQUAL(walked.cred_status, 0);
	CHECK_EQUAL(walked.pid, 11);
	CHECK_EQUAL(walked.uid, 22);
	CHECK_EQUAL(walked.gid, 33);
	CHECK_EQUAL(walked.effective_uid, SYS_NO_ID);
	CHECK_EQUAL(walked.unknown, 2);
	CHECK_EQUAL(walked.pidfd, 1003);
	CHECK_EQUAL(walked.fd_count, 3);
	CHECK_EQUAL(walked.fds[1], 1002);
	CHECK_EQUAL(walked.label_length, 6);
	CHECK(memcmp(walked.label, "label", 6) == 0);
	CHECK_EQUAL(discarded_count, 0);
}

static void contradictions(void)
{
	made.length = 0;
	add_credentials(1, 2, 3);
	add_credentials(1, 2, 3);
	walk(0, 0);
	CHECK_EQUAL(walked.cred_status, 0);
	CHECK_EQUAL(walked.uid, 2);

	made.length = 0;
	add_credentials(1, 2, 3);
	add_credentials(1, 0, 3);
	add_credentials(1, 2, 3);
	walk(0, 0);
	nobody_is_told(SYS_BAD_LENGTH);

	made.length = 0;
	add(SOL_SOCKET, SCM_CREDENTIALS, "\1\0\0\0\2\0\0\0\3\0\0", 11);
	add_credentials(1, 2, 3);
	walk(0, 0);
	nobody_is_told(SYS_BAD_LENGTH);
}

static void more_than_wanted(void)
{
	int fds[253];

	for (int index = 0; index < 253; index++)
		fds[index] = 1000 + index;
	made.length = 0;
	add(SOL_SOCKET, SCM_RIGHTS, fds, sizeof(fds));
	walk(0, 3);
	CHECK_EQUAL(walked.fd_count, 3);
	CHECK_EQUAL(discarded_count, 250);
	CHECK_EQUAL(discarded[0], 1003);
	CHECK_EQUAL(walked.flags, MESSAGE_FDS_REFUSED);
	walk(0, 253);
	CHECK_EQUAL(walked.fd_count, 253);
	CHECK_EQUAL(walked.flags, 0);
	/* More than the kernel allows, and more than there is room for. */
	add(SOL_SOCKET, SCM_RIGHTS, fds, 4 * sizeof(int));
	walk(0, SIZE_MAX);
	CHECK_EQUAL(walked.fd_count, 253);
	CHECK_EQUAL(discarded_count, 4);
	/* Cut: everything goes. */
	walk(1, SIZE_MAX);
	CHECK_EQUAL(walked.fd_count, 0);
	CHECK_EQUAL(discarded_count, 257);
	CHECK((walked.flags & MESSAGE_CONTROL_CUT) != 0);
}

static void impossible_lengths(void)
{
	const int fd = 1001;
	static const size_t lengths[] = { 0, 1, CMSG_LEN(0) - 1, 4096, SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2 };

	for (size_t index = 0; index < sizeof(lengths) / sizeof(*lengths); index++) {
		const struct cmsghdr header = { lengths[index], SOL_SOCKET, SCM_RIGHTS };

		made.length = 0;
		add_credentials(1, 2, 3);
		add(SOL_SOCKET, SCM_RIGHTS, &fd, sizeof(fd));
		memcpy(made.bytes + made.length, &header, sizeof(header));
		made.length += sizeof(header);
		walk(0, 253);
		nobody_is_told(SYS_BAD_LENGTH);
		CHECK_EQUAL(walked.fd_count, 0);
		CHECK_EQUAL(discarded_count, 1);
		CHECK_EQUAL(walked.flags, MESSAGE_CONTROL_CUT);
	}
}

static void labels_and_process_descriptors(void)
{
	static uint8_t longest[MESSAGE_MOST_LABEL + 1];
	const int gone = -ESRCH, first = 1001, second = 1002;

	made.length = 0;
	add(SOL_SOCKET, SECURITY, longest, MESSAGE_MOST_LABEL);
	add(SOL_SOCKET, PIDFD, &gone, sizeof(gone));
	walk(0, 0);
	CHECK_EQUAL(walked.label_status, 0);
	CHECK_EQUAL(walked.label_length, MESSAGE_MOST_LABEL);
	CHECK_EQUAL(walked.pidfd_status, ESRCH);
	CHECK_EQUAL(walked.pidfd, -1);

	made.length = 0;
	add(SOL_SOCKET, SECURITY, longest, sizeof(longest));
	add(SOL_SOCKET, PIDFD, &first, sizeof(first));
	add(SOL_SOCKET, PIDFD, &second, sizeof(second));
	walk(0, 0);
	CHECK_EQUAL(walked.label_status, ERANGE);
	CHECK_EQUAL(walked.label_length, 0);
	CHECK_EQUAL(walked.pidfd, 1001);
	CHECK_EQUAL(discarded_count, 1);
	CHECK_EQUAL(discarded[0], 1002);
}

/* One message with everything beside it, received with so much room for that. */
static void receive_with(size_t control_room, struct message *out)
{
	static uint8_t control[MESSAGE_CONTROL];
	uint8_t data[8];
	struct message_outgoing message = { .data = (const uint8_t *)"hi", .length = 2 };
	struct message_request request = { .kind = MESSAGE_STREAM, .most_fds = 8, .data = data, .room = sizeof(data),
					   .control = control, .control_room = control_room };
	int32_t fds[2];
	size_t count = 0;
	int pair[2];

	CHECK_EQUAL(message_pair(MESSAGE_STREAM, pair), 0);
	CHECK_EQUAL(message_set_option(pair[1], MESSAGE_PASS_CREDENTIALS, 1), 0);
	message_set_option(pair[1], MESSAGE_PASS_PIDFDS, 1);
	fds[0] = pair[0];
	fds[1] = pair[1];
	message.fds = fds;
	message.fd_count = 2;
	CHECK_EQUAL(message_send(pair[0], &message, &count), 0);
	CHECK_EQUAL(count, 2);
	CHECK_EQUAL(message_receive(pair[1], &request, out, 1, &count), 0);
	CHECK_EQUAL(count, 1);
	CHECK_EQUAL(out->length, 2);
	CHECK(memcmp(data, "hi", 2) == 0);
	close(pair[0]);
	close(pair[1]);
}

static void close_what_came(const struct message *out)
{
	for (uint32_t index = 0; index < out->fd_count; index++)
		CHECK(close(out->fds[index]) == 0);
	if (out->pidfd >= 0)
		CHECK(close(out->pidfd) == 0);
}

static void cut_at_every_length(void)
{
	const int before = open_descriptors();
	struct message out;

	for (size_t room = 0; room <= 96; room++) {
		receive_with(room, &out);
		if ((out.flags & MESSAGE_CONTROL_CUT) != 0) {
			CHECK_EQUAL(out.cred_status, SYS_BAD_LENGTH);
			CHECK_EQUAL(out.uid, SYS_NO_ID);
			CHECK_EQUAL(out.fd_count, 0);
			CHECK_EQUAL(out.pidfd, -1);
			CHECK_EQUAL(open_descriptors(), before);
		} else {
			CHECK(room >= CMSG_SPACE(12) + CMSG_LEN(8));
			CHECK_EQUAL(out.cred_status, 0);
			CHECK_EQUAL(out.uid, getuid());
			CHECK_EQUAL(out.pid, getpid());
			CHECK_EQUAL(out.fd_count, 2);
			close_what_came(&out);
			CHECK_EQUAL(open_descriptors(), before);
		}
	}
	receive_with(MESSAGE_CONTROL, &out);
	CHECK_EQUAL(out.flags, 0);
	CHECK_EQUAL(out.fd_count, 2);
	CHECK_EQUAL(fcntl(out.fds[0], F_GETFD), FD_CLOEXEC);
	close_what_came(&out);
}

static void nothing_to_carry(void)
{
	struct message_outgoing message = { .length = 0 };
	const uint32_t claim[] = { (uint32_t)getpid(), getuid(), getgid() };
	size_t count = 7;
	int pair[2];

	CHECK_EQUAL(message_pair(MESSAGE_STREAM, pair), 0);
	message.claim = claim;
	CHECK_EQUAL(message_send(pair[0], &message, &count), EINVAL);
	CHECK_EQUAL(count, 7);
	close(pair[0]);
	close(pair[1]);
}

const struct test_case message_cases[] = {
	{ "nothing-beside", nothing_beside },
	{ "any-order", any_order_and_unknown_ones },
	{ "contradictions", contradictions },
	{ "more-fds-than-wanted", more_than_wanted },
	{ "impossible-lengths", impossible_lengths },
	{ "labels-and-pidfds", labels_and_process_descriptors },
	{ "cut-control", cut_at_every_length },
	{ "nothing-to-carry", nothing_to_carry },
	{ NULL, NULL },
};
