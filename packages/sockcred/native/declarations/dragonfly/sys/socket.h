/*
 * DragonFly sys/sys/socket.h (1.12, 2006). SOCK_CLOEXEC and SOCK_NONBLOCK are
 * younger, of socket(2); their numbers here are FreeBSD's, and unchecked. As
 * young are SO_PASSCRED, MSG_NOSIGNAL and MSG_CMSG_CLOEXEC, with the numbers
 * of the libc crate 0.2, and accept4(2).
 */
#pragma once
#include <sys/types.h>
#include <sys/uio.h>
typedef uint8_t sa_family_t;
typedef uint32_t socklen_t;
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC 0x10000000
#define SOCK_NONBLOCK 0x20000000
#define SOL_SOCKET 0xffff
#define SO_ACCEPTCONN 0x0002
#define SO_PASSCRED 0x4000
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
#define MSG_TRUNC 0x10
#define MSG_CTRUNC 0x20
#define MSG_DONTWAIT 0x80
#define MSG_NOSIGNAL 0x400
#define MSG_CMSG_CLOEXEC 0x1000
struct cmsghdr {
	socklen_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};
/* Aligned like a long. */
#define CMSG_ALIGNED(n) (((n) + 7UL) & ~7UL)
#define CMSG_LEN(n) (CMSG_ALIGNED(sizeof(struct cmsghdr)) + (n))
#define CMSG_SPACE(n) (CMSG_ALIGNED(sizeof(struct cmsghdr)) + CMSG_ALIGNED(n))
#define SCM_RIGHTS 0x01
#define SCM_CREDS 0x03
#define CMGROUP_MAX 16
struct cmsgcred {
	pid_t cmcred_pid;
	uid_t cmcred_uid;
	uid_t cmcred_euid;
	gid_t cmcred_gid;
	short cmcred_ngroups;
	gid_t cmcred_groups[CMGROUP_MAX];
};
#define SHUT_WR 1
int accept4(int, struct sockaddr *, socklen_t *, int);
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int getpeername(int, struct sockaddr *, socklen_t *);
int getsockname(int, struct sockaddr *, socklen_t *);
int getsockopt(int, int, int, void *, socklen_t *);
int listen(int, int);
ssize_t recvmsg(int, struct msghdr *, int);
ssize_t sendmsg(int, const struct msghdr *, int);
int setsockopt(int, int, int, const void *, socklen_t);
int shutdown(int, int);
int socket(int, int, int);
int socketpair(int, int, int, int *);
