/*
 * DragonFly sys/sys/socket.h (1.12, 2006). SOCK_CLOEXEC and SOCK_NONBLOCK are
 * younger, of socket(2); their numbers here are FreeBSD's, and unchecked.
 */
#pragma once
#include <sys/types.h>
typedef uint8_t sa_family_t;
typedef uint32_t socklen_t;
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC 0x10000000
#define SOCK_NONBLOCK 0x20000000
#define SOL_SOCKET 0xffff
#define SO_ACCEPTCONN 0x0002
#define SO_TYPE 0x1008
#define AF_UNSPEC 0
#define AF_UNIX 1
struct sockaddr {
	uint8_t sa_len;
	sa_family_t sa_family;
	char sa_data[14];
};
/* 128 bytes. */
struct sockaddr_storage {
	uint8_t ss_len;
	sa_family_t ss_family;
	int64_t aligned[15];
};
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int getpeername(int, struct sockaddr *, socklen_t *);
int getsockname(int, struct sockaddr *, socklen_t *);
int getsockopt(int, int, int, void *, socklen_t *);
int listen(int, int);
int socket(int, int, int);
int socketpair(int, int, int, int *);
