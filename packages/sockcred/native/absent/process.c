/* For systems that tell nothing of a held process, and have no network namespaces and no sock_diag. */
#include "../sys.h"

int sys_netns_cookie(int fd, uint64_t *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_process_info(int pidfd, struct sys_process_info *out)
{
	(void)pidfd;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_process_descriptor(int pidfd, int fd, int *out)
{
	(void)pidfd;
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_unix_sockets(uint8_t *out, size_t capacity, size_t *length)
{
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}
