/* POSIX.1-2017 <sys/uio.h>. */
#pragma once
#include <sys/types.h>
struct iovec {
	void *iov_base;
	size_t iov_len;
};
