/* For systems that know no groups of a peer. */
#include "../sys.h"

int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count)
{
	(void)fd;
	(void)out;
	(void)capacity;
	(void)count;
	return SYS_UNSUPPORTED;
}
