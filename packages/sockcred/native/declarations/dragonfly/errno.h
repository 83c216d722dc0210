/* The numbers of 4.4BSD, which DragonFly shares with FreeBSD: sys/sys/errno.h; errno itself is a thread's variable. */
#pragma once
extern _Thread_local int errno;
#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EBADF 9
#define ENOMEM 12
#define EINVAL 22
#define ENOTTY 25
#define ERANGE 34
#define EAGAIN 35
#define ENOTSOCK 38
#define EPROTOTYPE 41
#define EAFNOSUPPORT 47
#define ECONNABORTED 53
#define ENOTCONN 57
#define ENAMETOOLONG 63
