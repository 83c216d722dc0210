/* DragonFly sys/sys/fcntl.h, as in 4.4BSD. */
#pragma once
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define FD_CLOEXEC 1
#define O_NONBLOCK 4
int fcntl(int, int, ...);
