/* illumos usr/src/uts/common/sys/errno.h, usr/src/head/errno.h (POSIX threads: errno is a function's). */
#pragma once
int *___errno(void);
#define errno (*(___errno()))
#define EINTR 4
#define EBADF 9
#define EAGAIN 11
#define ENOMEM 12
#define EINVAL 22
#define ERANGE 34
#define ENAMETOOLONG 78
#define ENOTSOCK 95
#define EPROTOTYPE 98
#define ENOTCONN 134
