/*
 * Systems with no way to ask a socket for its peer: each question is answered
 * with "no such question". Nothing here may ever look like an identity.
 */
#include "sys.h"

#include <string.h>

const char sys_name[] = "none";

void sys_examine(int fd, struct sys_socket *out)
{
	(void)fd;
	memset(out, 0, sizeof(*out));
	out->kind = SYS_NO_KERNEL;
}

int sys_peer_cred(int fd, struct sys_cred *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_socket_type(int fd, int *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_is_datagram(int type)
{
	(void)type;
	return 0;
}

int sys_self_test(enum sys_self_test_verdict *verdict)
{
	(void)verdict;
	return SYS_UNSUPPORTED;
}

int sys_stream_socket(int *out)
{
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_seqpacket_socket(int *out)
{
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_datagram_socket(int *out)
{
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_close(int fd)
{
	(void)fd;
	return SYS_UNSUPPORTED;
}

int sys_bind(int fd, const uint8_t *name, size_t length)
{
	(void)fd;
	(void)name;
	(void)length;
	return SYS_UNSUPPORTED;
}

int sys_bind_listen(int fd, const uint8_t *name, size_t length, int backlog)
{
	(void)fd;
	(void)name;
	(void)length;
	(void)backlog;
	return SYS_UNSUPPORTED;
}

int sys_adopt_stream(int fd)
{
	(void)fd;
	return SYS_UNSUPPORTED;
}

int sys_connect(int fd, const uint8_t *name, size_t length)
{
	(void)fd;
	(void)name;
	(void)length;
	return SYS_UNSUPPORTED;
}
