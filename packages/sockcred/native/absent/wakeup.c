/* For systems on which this library waits for nothing. */
#include "../addon_wakeup.h"
#include "../sys.h"

int wakeup_by_loop(struct readiness *readiness)
{
	(void)readiness;
	return SYS_UNSUPPORTED;
}

int wakeup_by_thread(struct readiness *readiness)
{
	(void)readiness;
	return SYS_UNSUPPORTED;
}

void wakeup_hold(struct readiness *readiness, int hold)
{
	(void)readiness;
	(void)hold;
}
