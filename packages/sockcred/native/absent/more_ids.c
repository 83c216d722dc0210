/* For systems that record a peer's effective ids only. */
#include "../sys.h"

int sys_peer_more_ids(int fd, struct sys_more_ids *out)
{
	(void)fd;
	(void)out;
	return SYS_UNSUPPORTED;
}
