/* For systems that cannot move bytes between sockets by themselves. */
#include "../relay.h"
#include "../sys.h"

int relay_open(relay_ended ended, void *context, struct relay **out)
{
	(void)ended;
	(void)context;
	(void)out;
	return SYS_UNSUPPORTED;
}

/* Without a relay none of these is ever called. */
int relay_add(struct relay *relay, uint32_t id, int first, int second, int pass_fds, uint32_t idle_ms)
{
	(void)relay;
	(void)id;
	(void)first;
	(void)second;
	(void)pass_fds;
	(void)idle_ms;
	return SYS_UNSUPPORTED;
}

void relay_stop(struct relay *relay, uint32_t id)
{
	(void)relay;
	(void)id;
}

void relay_close(struct relay *relay)
{
	(void)relay;
}
