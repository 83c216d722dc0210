/* POSIX.1-2017 <time.h>. */
#pragma once
#include <sys/types.h>
struct timespec {
	time_t tv_sec;
	long tv_nsec;
};
