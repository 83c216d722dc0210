/* illumos usr/src/uts/common/sys/errno.h, usr/src/head/errno.h (POSIX threads: errno is a function's). */
#pragma once
int *___errno(void);
#define errno (*(___errno()))
#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EBADF 9
#define EAGAIN 11
#define ENOMEM 12
#define EINVAL 22
#define ENOTTY 25
#define ERANGE 34
#define ETIME 62
#define ENAMETOOLONG 78
#define ENOTSOCK 95
#define EPROTOTYPE 98
#define EAFNOSUPPORT 124
#define ECONNABORTED 130
#define ENOTCONN 134
