/* For systems whose threads have no ids of their own. */
#include "../connect_as.h"
#include "../sys.h"

int connect_as(const struct connect_identity *who, const uint8_t *name, size_t length, int *out)
{
	(void)who;
	(void)name;
	(void)length;
	(void)out;
	return SYS_UNSUPPORTED;
}
