/* illumos usr/src/uts/common/sys/socket.h (2022) and socket_impl.h; MSG_NOSIGNAL and MSG_CMSG_CLOEXEC are of 2022. */
#pragma once
#include <sys/types.h>
#include <sys/uio.h>
typedef uint32_t socklen_t;
typedef unsigned short sa_family_t;
#define SOCK_STREAM 2
#define SOCK_DGRAM 1
#define SOCK_SEQPACKET 6
#define SOCK_CLOEXEC 0x080000
#define SOCK_NONBLOCK 0x100000
#define SOL_SOCKET 0xffff
#define SO_ACCEPTCONN 0x0002
#define SO_RECVUCRED 0x0400
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
/* Control messages, and the calls that know them, are those of X/Open alone. */
#ifdef _XOPEN_SOURCE
struct msghdr {
	void *msg_name;
	socklen_t msg_namelen;
	struct iovec *msg_iov;
	int msg_iovlen;
	void *msg_control;
	socklen_t msg_controllen;
	int msg_flags;
};
#define MSG_PEEK 0x2
#define MSG_EOR 0x8
#define MSG_CTRUNC 0x10
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x80
#define MSG_NOSIGNAL 0x200
#define MSG_CMSG_CLOEXEC 0x1000
/* On x86 headers are aligned like an int, and so is what follows them. */
#define CMSG_ALIGNED(n) (((uintptr_t)(n) + 3) & ~(uintptr_t)3)
#define CMSG_LEN(n) ((unsigned int)CMSG_ALIGNED(sizeof(struct cmsghdr)) + (n))
#define CMSG_SPACE(n) ((unsigned int)CMSG_ALIGNED(sizeof(struct cmsghdr) + (n)))
#define recvmsg __xnet_recvmsg
#define sendmsg __xnet_sendmsg
#define socketpair __xnet_socketpair
ssize_t recvmsg(int, struct msghdr *, int);
ssize_t sendmsg(int, const struct msghdr *, int);
#endif
struct cmsghdr {
	socklen_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};
#define SCM_RIGHTS 0x1010
#define SCM_UCRED 0x1012
#define SHUT_WR 1
int accept4(int, struct sockaddr *restrict, void *restrict, int);
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int getpeername(int, struct sockaddr *restrict, void *restrict);
int getsockname(int, struct sockaddr *restrict, void *restrict);
int getsockopt(int, int, int, void *restrict, void *restrict);
int listen(int, int);
int setsockopt(int, int, int, const void *, socklen_t);
int shutdown(int, int);
int socket(int, int, int);
int socketpair(int, int, int, int *);
