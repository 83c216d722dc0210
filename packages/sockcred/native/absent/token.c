/* For systems that have no audit token of a peer. */
#include "../sys.h"

int sys_peer_token(int fd, uint32_t out[8])
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}
