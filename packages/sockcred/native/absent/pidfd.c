/* For systems that have no descriptors of processes to give. */
#include "../sys.h"

int sys_peer_pidfd(int fd, int *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}
