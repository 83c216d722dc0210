/* illumos usr/src/uts/common/sys/poll.h. */
#pragma once
#define POLLIN 0x0001
#define POLLOUT 0x0004
#define POLLERR 0x0008
#define POLLHUP 0x0010
