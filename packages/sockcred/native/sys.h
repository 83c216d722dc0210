/*
 * The contract that each kernel fills: one function per question about the
 * peer of a socket. A sys_*.c file asks its kernel and translates the answer
 * once; it holds no policy, reads no files and builds no strings.
 *
 * Every function returns a status: 0 when the kernel answered in full, a
 * positive errno when it refused, or one of the SYS_* codes below, which lie
 * above every errno. Out parameters are written only with status 0, except
 * where a comment says otherwise. No function here keeps or closes a
 * descriptor that it did not open itself.
 */
#ifndef SOCKCRED_SYS_H
#define SOCKCRED_SYS_H

#include <stddef.h>
#include <stdint.h>

/* The answer had another length than the question's type. */
#define SYS_BAD_LENGTH 0x10001
/* This kernel has no such question at all, whatever the socket. */
#define SYS_UNSUPPORTED 0x10002
/* The kernel's own list is capped and this one may have been cut. */
#define SYS_MAYBE_INCOMPLETE 0x10003
/* This kernel knows the question, and has recorded nothing for this socket. */
#define SYS_NO_DATA 0x10004
/* There is an answer, and a namespace keeps it from being told here. */
#define SYS_HIDDEN 0x10007

/* What a descriptor turned out to be. Only SYS_CONNECTED may be asked further. */
enum sys_socket_kind {
	SYS_CONNECTED = 0,
	SYS_CLOSED = 1,        /* EBADF */
	SYS_NOT_SOCKET = 2,    /* ENOTSOCK */
	SYS_NOT_UNIX = 3,      /* a socket of another address family */
	SYS_LISTENING = 4,     /* would answer with its own credentials */
	SYS_NOT_CONNECTED = 5, /* ENOTCONN */
	SYS_NO_KERNEL = 6,     /* built for a system without any of this */
	SYS_FAILED = 7,        /* another errno, in sys_socket.error */
};

struct sys_socket {
	enum sys_socket_kind kind;
	int error;        /* errno when kind is SYS_FAILED, else 0 */
	int local_named;  /* getsockname() gave a path or an abstract name */
	int remote_named; /* getpeername() gave one */
};

/* What stands for "no id" in every answer: (uid_t)-1. */
#define SYS_NO_ID UINT32_C(0xffffffff)

/* Ids as the kernel gave them, "none" markers included: the caller judges. */
struct sys_cred {
	uint32_t uid; /* effective */
	uint32_t gid; /* effective */
	uint32_t pid; /* 0: not recorded, or not to be seen from here */
};

/* What only illumos and Solaris tell; SYS_NO_ID and zone -1 where they do not. */
struct sys_more_ids {
	uint32_t real_uid, saved_uid;
	uint32_t real_gid, saved_gid;
	int32_t zone;
};

/*
 * Which system this file was built for: "linux", "freebsd", "dragonfly",
 * "openbsd", "netbsd", "darwin", "sunos", "getpeereid", "none".
 */
extern const char sys_name[];

/* Looks at the descriptor before any question: family, listening, names. */
void sys_examine(int fd, struct sys_socket *out);

/* Effective ids and process id of the peer, as captured by the kernel. */
int sys_peer_cred(int fd, struct sys_cred *out);

/*
 * Supplementary groups of the peer, as captured with its ids; the effective
 * gid may or may not be among them. Writes at most `capacity` ids. On ERANGE
 * `*count` is the number needed, and nothing was written. On
 * SYS_MAYBE_INCOMPLETE nothing was written either.
 */
int sys_peer_groups(int fd, uint32_t *out, size_t capacity, size_t *count);

/*
 * Security label of the peer, as bytes. On ERANGE `*length` is the number of
 * bytes needed.
 */
int sys_peer_label(int fd, uint8_t *out, size_t capacity, size_t *length);

/* A new close-on-exec pidfd of the peer, which the caller owns. */
int sys_peer_pidfd(int fd, int *out);

/* Real and saved ids, and the zone, captured with the effective ids. */
int sys_peer_more_ids(int fd, struct sys_more_ids *out);

/*
 * The audit token (macOS) of the process that used the peer's socket last, as
 * it is now and not as it was at connect(): audit uid, effective uid and gid,
 * real uid and gid, pid, audit session, and the pid's version, which changes
 * with every fork and exec.
 */
int sys_peer_token(int fd, uint32_t out[8]);

/*
 * Which start of the machine this is (macOS), as the text of a UUID: with it, a
 * pid and its version name one process for ever.
 */
int sys_boot_id(uint8_t *out, size_t capacity, size_t *length);

/*
 * The network namespace in which the other end of an accepted socket was
 * made, as a number that is unique while the machine runs: an accepted socket
 * belongs to its connector's namespace. Of any other socket it is its own.
 */
int sys_netns_cookie(int fd, uint64_t *out);

/* What sys_process_info() may know; which of it, `known` says. */
enum sys_process_known {
	SYS_PROCESS_IDS = 1,    /* pid, parent and all eight ids, as they are now */
	SYS_PROCESS_CGROUP = 2, /* also of a process that has exited */
	SYS_PROCESS_EXIT = 4,   /* it was waited for: the wait status */
};

struct sys_process_info {
	uint32_t known;
	uint32_t pid, parent; /* in the caller's pid namespace; parent 0: not in it */
	uint32_t real_uid, effective_uid, saved_uid, filesystem_uid;
	uint32_t real_gid, effective_gid, saved_gid, filesystem_gid;
	uint64_t cgroup; /* the inode of its directory in the unified hierarchy */
	uint32_t wait_status;
};

/*
 * The process behind a pidfd as it is now. ESRCH: it was waited for, and this
 * kernel keeps nothing of it. SYS_HIDDEN: it is in a pid namespace that cannot
 * be seen from here; kernels before 7.0 say ESRCH of such a process too.
 */
int sys_process_info(int pidfd, struct sys_process_info *out);

/*
 * Whether the process that a descriptor stands for has ended, waited for or
 * not, with all its threads: a zombie has.
 */
int sys_process_ended(int process, int *out);

/*
 * A new close-on-exec descriptor that stands for whatever process has this
 * number at the moment, and for no other one later: a pidfd on Linux, a queue
 * elsewhere. It can be read once the process has ended.
 */
int sys_process_open(uint32_t pid, int *out);

/* A new close-on-exec duplicate of another process's descriptor. */
int sys_process_descriptor(int pidfd, int fd, int *out);

/*
 * For the questions about files, `path` is a path's bytes without a NUL. But in
 * the last it begins at an open directory, unless with a slash. Of a record and
 * a link ERANGE is also said where the answer fills the room: more room is needed.
 */

/*
 * A file that the kernel makes up as one record at the first read, and gives in
 * one piece to whoever has room for it: status, stat, cgroup and fdinfo of
 * procfs (single_open() of seq_file, in every version). A link is not followed.
 */
int sys_record_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length);

/*
 * The same of a file that is on the very mount of the directory, with no link
 * on the way to it. openat2(2): Linux 5.6.
 */
int sys_record_inside(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity,
		      size_t *length);

/*
 * A close-on-exec hold on whatever has this name, or with `follow` on what it
 * leads to. It is not opened, so that nothing happens to it: O_PATH in open(2).
 */
int sys_path_at(int directory, const uint8_t *path, size_t path_length, int follow, int *out);

/* A file as the kernel knows it. All but the device and the mount are 0 where its file system keeps us out. */
struct sys_file {
	uint32_t mode, links, uid;
	uint32_t device_major, device_minor;
	uint64_t inode, size;
	uint64_t mount; /* mnt_id of mountinfo: proc(5); 0 before Linux 5.8 */
};

/*
 * What a path leads to, or of the directory itself if the path is empty. The
 * file system is not asked, if it can be asked for later news: statx(2), Linux 4.11.
 */
int sys_file_at(int directory, const uint8_t *path, size_t path_length, struct sys_file *out);

/* Where a link leads, without a NUL. */
int sys_link_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length);

/*
 * Is the user or pid namespace that this leads to below that of this process, at
 * any depth? Our own is not. The kernel gives the parent of a namespace only to
 * those who are in it or above it: ioctl_ns(2).
 */
int sys_namespace_below(int directory, const uint8_t *path, size_t path_length, int *out);

/*
 * The names of a file's extended attributes, each with its final NUL; a link is
 * not followed. ERANGE: more room is needed.
 */
int sys_attribute_names(const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length);

/*
 * Has nobody this file open for writing? 0, or EAGAIN if somebody has. `fd` is
 * open for reading only. SYS_UNSUPPORTED where that cannot be told: on file
 * systems without leases, and of files of other users without CAP_LEASE.
 */
int sys_unwritten(int fd);

/*
 * Every Unix socket of the caller's network namespace, as the kernel's own
 * netlink messages one after the other (sock_diag(7), struct unix_diag_msg).
 * ERANGE: more room is needed; how much is not known.
 */
int sys_unix_sockets(uint8_t *out, size_t capacity, size_t *length);

/* SOCK_STREAM and so on, in the kernel's numbers. */
int sys_socket_type(int fd, int *out);
int sys_is_datagram(int type);

/*
 * Asks this kernel about sockets whose answer is known beforehand: one end of
 * a socketpair must show this process, where socketpairs have credentials at
 * all, and an unconnected socket must show nobody. `*verdict` is written with
 * status 0 only; another status means that the test could not be run and says
 * nothing about the kernel.
 */
enum sys_self_test_verdict {
	SYS_TRUSTWORTHY = 0,
	SYS_SOCKETPAIR_NOT_SELF = 1,
	SYS_UNCONNECTED_SHOWS_SOMEBODY = 2,
};
int sys_self_test(enum sys_self_test_verdict *verdict);

/* New close-on-exec, non-blocking, unbound AF_UNIX sockets. */
int sys_stream_socket(int *out);
int sys_seqpacket_socket(int *out);
int sys_datagram_socket(int *out);

/* close(), of this library's own descriptors: gone whatever the status says. */
int sys_close(int fd);

/*
 * The names of sockets: `name` is the bytes of a path without its final NUL,
 * or of an abstract name with its leading NUL, and every byte counts. Only
 * Linux has abstract names: SYS_UNSUPPORTED elsewhere.
 */

/* bind() alone, for sockets that do not listen. */
int sys_bind(int fd, const uint8_t *name, size_t length);

/*
 * bind() and listen() in one go, so that the name is never seen bound and not
 * yet listening for longer than two system calls take.
 */
int sys_bind_listen(int fd, const uint8_t *name, size_t length, int backlog);

/*
 * The mode of a socket that has no name yet: bind() gives it to the file, less
 * the umask. Linux only; elsewhere fchmod() of a socket is EINVAL.
 */
int sys_set_mode(int fd, uint32_t mode);

/*
 * A stream socket that came from elsewhere, by inheritance say, becomes like
 * our own: non-blocking and close-on-exec. EPROTOTYPE for any other type.
 */
int sys_adopt_stream(int fd);

/* connect(), which AF_UNIX does at once or not at all: EAGAIN is a full backlog. */
int sys_connect(int fd, const uint8_t *name, size_t length);

#endif
