/* illumos usr/src/uts/common/sys/socket.h (2022) and socket_impl.h. */
#pragma once
#include <sys/types.h>
typedef uint32_t socklen_t;
typedef unsigned short sa_family_t;
#define SOCK_STREAM 2
#define SOCK_DGRAM 1
#define SOCK_SEQPACKET 6
#define SOCK_CLOEXEC 0x080000
#define SOCK_NONBLOCK 0x100000
#define SOL_SOCKET 0xffff
#define SO_ACCEPTCONN 0x0002
#define SO_TYPE 0x1008
#define AF_UNSPEC 0
#define AF_UNIX 1
struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};
/* 256 bytes, aligned like a double. */
struct sockaddr_storage {
	sa_family_t ss_family;
	double aligned[31];
};
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int getpeername(int, struct sockaddr *restrict, void *restrict);
int getsockname(int, struct sockaddr *restrict, void *restrict);
int getsockopt(int, int, int, void *restrict, void *restrict);
int listen(int, int);
int socket(int, int, int);
int socketpair(int, int, int, int *);
