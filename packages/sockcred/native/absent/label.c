/* For systems that know no security label of a peer. */
#include "../sys.h"

int sys_peer_label(int fd, uint8_t *out, size_t capacity, size_t *length)
{
	(void)fd;
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}
