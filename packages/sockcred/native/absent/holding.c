/* For systems on which no descriptor stands for a process. */
#include "../sys.h"

int sys_process_open(uint32_t pid, int *out)
{
	(void)pid;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_process_ended(int process, int *out)
{
	(void)process;
	(void)out;
	return SYS_UNSUPPORTED;
}
