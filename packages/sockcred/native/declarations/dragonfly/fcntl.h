/* DragonFly sys/sys/fcntl.h, as in 4.4BSD; F_DUPFD_CLOEXEC as in the libc crate 0.2. */
#pragma once
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 17
#define FD_CLOEXEC 1
#define O_NONBLOCK 4
int fcntl(int, int, ...);
