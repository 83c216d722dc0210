/* illumos usr/src/uts/common/sys/fcntl.h. */
#pragma once
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 37
#define FD_CLOEXEC 1
#define O_NONBLOCK 0x80
int fcntl(int, int, ...);
