/* For systems where nothing but bytes is received by this library. */
#include "../message.h"
#include "../sys.h"

int message_receive(int fd, const struct message_request *request, struct message *messages, size_t count,
		    size_t *received)
{
	(void)fd;
	(void)request;
	(void)messages;
	(void)count;
	(void)received;
	return SYS_UNSUPPORTED;
}

int message_send(int fd, const struct message_outgoing *message, size_t *sent)
{
	(void)fd;
	(void)message;
	(void)sent;
	return SYS_UNSUPPORTED;
}

int message_send_batch(int fd, const uint8_t *data, const uint32_t *lengths, size_t count, const uint8_t *name,
		       size_t name_length, size_t *sent)
{
	(void)fd;
	(void)data;
	(void)lengths;
	(void)count;
	(void)name;
	(void)name_length;
	(void)sent;
	return SYS_UNSUPPORTED;
}

int message_set_option(int fd, enum message_option option, int on)
{
	(void)fd;
	(void)option;
	(void)on;
	return SYS_UNSUPPORTED;
}

int message_get_option(int fd, enum message_option option, int *on)
{
	(void)fd;
	(void)option;
	(void)on;
	return SYS_UNSUPPORTED;
}

int message_pair(enum message_kind kind, int out[2])
{
	(void)kind;
	(void)out;
	return SYS_UNSUPPORTED;
}

int message_duplicate(int fd, int *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}

int message_finish(int fd)
{
	(void)fd;
	return SYS_UNSUPPORTED;
}

int message_accept(int fd, int *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}
