/* For systems whose kernel is not asked here which start of the machine this is. */
#include "../sys.h"

int sys_boot_id(uint8_t *out, size_t capacity, size_t *length)
{
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}
