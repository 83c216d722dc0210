/*
 * The calls for messages, in place of another system's: see
 * foreign_messages.h. A stream keeps what was not read, without what came
 * beside it; so does a peek, with it.
 */
#include "foreign_messages.h"

#include <string.h>

/* As all these systems have it where pointers are 64 bits wide. */
struct part {
	uint8_t *bytes;
	size_t length;
};
struct header {
	void *name;
	uint32_t name_length;
	struct part *parts;
	int part_count;
	void *control;
	uint32_t control_length;
	int flags;
};

long recvmsg(int fd, struct header *header, int flags);
long sendmsg(int fd, const struct header *header, int flags);
int setsockopt(int fd, int level, int option, const void *value, uint32_t length);
int accept4(int fd, void *address, uint32_t *length, int flags);
int shutdown(int fd, int how);

/* illumos: the calls of X/Open. */
long __xnet_recvmsg(int fd, struct header *header, int flags);
long __xnet_sendmsg(int fd, const struct header *header, int flags);
int __xnet_socketpair(int family, int type, int protocol, int ends[2]);
int socketpair(int family, int type, int protocol, int ends[2]);

struct arrival arrivals[8];
size_t arrival_count;
struct sending sending;
int set_level, set_option, set_value;

struct arrival *arrives(size_t length)
{
	memset(arrivals, 0, sizeof(arrivals));
	arrival_count = 1;
	arrivals[0].length = length;
	arrivals[0].name = "";
	return &arrivals[0];
}

void beside(struct arrival *arrival, int level, int type, const void *bytes, size_t size)
{
	uint8_t *at = arrival->control + arrival->control_length;
	const uint32_t length = (uint32_t)(CONTROL_BEGINS + size);

	memcpy(at, &length, 4);
	memcpy(at + 4, &level, 4);
	memcpy(at + 8, &type, 4);
	memcpy(at + CONTROL_BEGINS, bytes, size);
	arrival->control_length += (length + CONTROL_ALIGNED - 1) / CONTROL_ALIGNED * CONTROL_ALIGNED;
}

static void give_name(struct header *header, const char *name)
{
	uint8_t *out = header->name;

	if (out == NULL)
		return;
	memset(out, 0, 16);
	out[FAMILY == BSD ? 1 : 0] = AF_UNIX_;
	strcpy((char *)out + 2, name);
	/* A BSD gives a nameless sender 16 bytes with an empty path. */
	header->name_length = (uint32_t)(name[0] != 0 ? 2 + strlen(name) + 1 : FAMILY == BSD ? 16 : 0);
}

static void give_control(struct header *header, const struct arrival *arrival)
{
	uint32_t given = (uint32_t)arrival->control_length;

	if (given > header->control_length) {
		given = header->control_length;
		header->flags |= MSG_CTRUNC_;
	}
	if (given > 0)
		memcpy(header->control, arrival->control, given);
	header->control_length = given;
}

static void forget_first(void)
{
	arrival_count--;
	memmove(arrivals, arrivals + 1, arrival_count * sizeof(*arrivals));
}

long recvmsg(int fd, struct header *header, int flags)
{
	struct arrival *arrival = &arrivals[0];
	size_t given;

	CHECK_EQUAL(fd, 7);
	CHECK_EQUAL(flags & ~MSG_PEEK_, MSG_DONTWAIT_ | MSG_CLOEXEC);
	CHECK_EQUAL(header->part_count, 1);
	CHECK_EQUAL(header->flags, 0);
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		header->control_length = header->name_length = 0;
		return refuse(EINTR_);
	}
	if (arrival_count == 0)
		return refuse(EAGAIN_);
	if (arrival->error != 0)
		return refuse(arrival->error);
	given = arrival->length < header->parts->length ? arrival->length : header->parts->length;
	memset(header->parts->bytes, 'x', given);
	header->flags = arrival->flags;
	give_name(header, arrival->name);
	give_control(header, arrival);
	if ((flags & MSG_PEEK_) != 0)
		return (long)given;
	if (kernel.type == STREAM_ && given < arrival->length) {
		arrival->length -= given;
		arrival->control_length = 0;
	} else {
		if (given < arrival->length)
			header->flags |= MSG_TRUNC_;
		forget_first();
	}
	return (long)given;
}

long sendmsg(int fd, const struct header *header, int flags)
{
	CHECK_EQUAL(fd, 7);
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		return refuse(EINTR_);
	}
	sending.times++;
	if (sending.error_from != 0 && sending.times >= sending.error_from)
		return refuse(EAGAIN_);
	sending.flags = flags;
	sending.length = header->parts->length;
	sending.first = header->parts->length > 0 ? header->parts->bytes[0] : 0;
	sending.control_length = header->control_length;
	sending.name_length = header->name_length;
	if (header->control_length > 0)
		memcpy(sending.control, header->control, header->control_length);
	if (header->name_length > 0)
		memcpy(sending.name, header->name, header->name_length);
	return (long)header->parts->length;
}

int setsockopt(int fd, int level, int option, const void *value, uint32_t length)
{
	CHECK_EQUAL(fd, 7);
	CHECK_EQUAL(length, 4);
	set_level = level;
	set_option = option;
	memcpy(&set_value, value, 4);
	return 0;
}

int accept4(int fd, void *address, uint32_t *length, int flags)
{
	CHECK_EQUAL(fd, 7);
	CHECK(address == NULL && length == NULL && flags != 0);
	if (kernel.error != 0)
		return refuse(kernel.error);
	descriptors_open++;
	return FRESH;
}

int shutdown(int fd, int how)
{
	CHECK_EQUAL(fd, 7);
	CHECK_EQUAL(how, 1);
	return 0;
}

long __xnet_recvmsg(int fd, struct header *header, int flags)
{
	return recvmsg(fd, header, flags);
}

long __xnet_sendmsg(int fd, const struct header *header, int flags)
{
	return sendmsg(fd, header, flags);
}

int __xnet_socketpair(int family, int type, int protocol, int ends[2])
{
	return socketpair(family, type, protocol, ends);
}
