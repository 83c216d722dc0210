/*
 * Where each kernel puts the ids in its answer about a peer, as numbers, and
 * how such bytes are read: on any host, so that the answers of a kernel that
 * does not run here are tested here. Each sys_*.c file holds the numbers
 * against the headers of its own system, when it is compiled for that.
 *
 * Every decoder returns 0 or a SYS_* status and writes with status 0 only.
 */
#ifndef SOCKCRED_LAYOUTS_H
#define SOCKCRED_LAYOUTS_H

#include "message.h"
#include "sys.h"

/* A field that this kernel does not have. */
#define NO_FIELD SIZE_MAX

/* Linux, <sys/socket.h>: struct ucred. */
#define LINUX_UCRED_SIZE 12
#define LINUX_UCRED_PID 0
#define LINUX_UCRED_UID 4
#define LINUX_UCRED_GID 8

/* OpenBSD, <sys/socket.h>: struct sockpeercred, under the same option name in another order. */
#define OPENBSD_SOCKPEERCRED_SIZE 12
#define OPENBSD_SOCKPEERCRED_UID 0
#define OPENBSD_SOCKPEERCRED_GID 4
#define OPENBSD_SOCKPEERCRED_PID 8

/* NetBSD, <sys/un.h>: struct unpcbid. */
#define NETBSD_UNPCBID_SIZE 12
#define NETBSD_UNPCBID_PID 0
#define NETBSD_UNPCBID_UID 4
#define NETBSD_UNPCBID_GID 8

/*
 * <sys/ucred.h> of FreeBSD, DragonFly and macOS: struct xucred, alike up to
 * the groups. The first group is the effective one. Room for more than 16
 * there never was.
 */
#define XUCRED_KNOWN_VERSION 0
#define XUCRED_MOST_GROUPS 16
#define XUCRED_AT_VERSION 0
#define XUCRED_AT_UID 4
#define XUCRED_AT_NGROUPS 8
#define XUCRED_AT_GROUPS 12

/* The pid (FreeBSD 13; 0 before) shares its place with a pointer, which is aligned. */
#define FREEBSD_XUCRED_SIZE_LP64 88
#define FREEBSD_XUCRED_PID_LP64 80
#define FREEBSD_XUCRED_SIZE_ILP32 80
#define FREEBSD_XUCRED_PID_ILP32 76

/* Only the pointer is there. DragonFly runs on 64-bit processors only. */
#define DRAGONFLY_XUCRED_SIZE 88

/* Neither. */
#define DARWIN_XUCRED_SIZE 76

/* macOS, <mach/message.h>: audit_token_t, eight words. */
#define DARWIN_AUDIT_TOKEN_SIZE 32

/*
 * <sys/socket.h> of FreeBSD and DragonFly: struct cmsgcred, which the sender
 * attaches and the kernel fills. The first group is the effective one.
 */
#define CMSGCRED_SIZE 84
#define CMSGCRED_PID 0
#define CMSGCRED_UID 4
#define CMSGCRED_EUID 8
#define CMSGCRED_GID 12
#define CMSGCRED_NGROUPS 16
#define CMSGCRED_GROUPS 20

/* FreeBSD: struct sockcred, with as many groups as there are, under the same number as the one above. */
#define FREEBSD_SOCKCRED_UID 0
#define FREEBSD_SOCKCRED_EUID 4
#define FREEBSD_SOCKCRED_GID 8
#define FREEBSD_SOCKCRED_EGID 12
#define FREEBSD_SOCKCRED_NGROUPS 16
#define FREEBSD_SOCKCRED_GROUPS 20

/* FreeBSD 13.0: struct sockcred2. */
#define FREEBSD_SOCKCRED2_VERSION 0
#define FREEBSD_SOCKCRED2_PID 4
#define FREEBSD_SOCKCRED2_UID 8
#define FREEBSD_SOCKCRED2_EUID 12
#define FREEBSD_SOCKCRED2_GID 16
#define FREEBSD_SOCKCRED2_EGID 20
#define FREEBSD_SOCKCRED2_NGROUPS 24
#define FREEBSD_SOCKCRED2_GROUPS 28

/* FreeBSD and DragonFly tell no more groups than these, and not whether there were more: CMGROUP_MAX. */
#define CMSG_MOST_GROUPS 16

/* NetBSD 8, <sys/socket.h>: struct sockcred, with all groups. */
#define NETBSD_SOCKCRED_PID 0
#define NETBSD_SOCKCRED_UID 4
#define NETBSD_SOCKCRED_EUID 8
#define NETBSD_SOCKCRED_GID 12
#define NETBSD_SOCKCRED_EGID 16
#define NETBSD_SOCKCRED_NGROUPS 20
#define NETBSD_SOCKCRED_GROUPS 24

struct ids_layout {
	size_t size, uid, gid, pid;
};
extern const struct ids_layout linux_ucred, openbsd_sockpeercred, netbsd_unpcbid;

int decode_ids(const struct ids_layout *layout, const void *answer, size_t length, struct sys_cred *out);

struct xucred_layout {
	size_t size, pid;
	/* The kernel keeps all groups in this list, if they fit. */
	int complete_below_most;
};
extern const struct xucred_layout freebsd_xucred_lp64, freebsd_xucred_ilp32, dragonfly_xucred, darwin_xucred;

int decode_xucred(const struct xucred_layout *layout, const void *answer, size_t length, struct sys_cred *out);

/* The groups without the first one; the status is that of sys_peer_groups(). */
int decode_xucred_groups(const struct xucred_layout *layout, const void *answer, size_t length, uint32_t *out,
			 size_t capacity, size_t *count);

/* What a kernel says of the sender of a message: real and effective ids, and a list of groups at the end. */
struct sender_layout {
	size_t version; /* 0 there */
	size_t pid, uid, effective_uid, gid;
	size_t effective_gid; /* NO_FIELD: the first group is that */
	size_t count, count_width;
	size_t groups;
	size_t size;        /* 0: it ends with the last group */
	size_t most_groups; /* a list of so many may have been cut; 0: it never is */
};
extern const struct sender_layout bsd_cmsgcred, freebsd_sockcred, freebsd_sockcred2, netbsd_sockcred;

/* All that message.h has of a sender's ids and groups. */
int decode_sender(const struct sender_layout *layout, const void *bytes, size_t length, struct message *out);

int decode_audit_token(const void *answer, size_t length, uint32_t out[8]);

#endif
