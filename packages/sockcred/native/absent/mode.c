/* For systems on which a socket has no mode before it has a name. */
#include "../sys.h"

int sys_set_mode(int fd, uint32_t mode)
{
	(void)fd;
	(void)mode;
	return SYS_UNSUPPORTED;
}
