/*
 * What unix_socket.c and self_test.c, the same for every kernel with Unix
 * sockets, have to know of the one that they run on; and what they lend to
 * its sys_*.c file.
 */
#ifndef SOCKCRED_UNIX_SOCKET_H
#define SOCKCRED_UNIX_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>

struct sockaddr_un;

/* The options of Unix sockets on the BSDs, whose older headers, and DragonFly's, have no name for their level. */
#define LOCAL_LEVEL 0

/* No socket type: this kernel has none of that kind. */
#define NO_SOCKET_TYPE (-1)

struct unix_kernel {
	/* SOCK_CLOEXEC and SOCK_NONBLOCK; 0 where socket() does not take them. */
	int socket_flags;
	int seqpacket_type;
	/* A leading NUL begins a name; elsewhere it means that there is none. */
	int abstract_names;
	/* Both ends of a socketpair name their creator. Where that is not certain,
	 * a refusal is fine, but an answer must still name nobody else. */
	int pair_names_creator;
	/* An answer may come without the pid. */
	int pid_may_be_missing;
};

/* Each sys_*.c file defines its own. */
extern const struct unix_kernel unix_kernel;

/* getsockopt(), again when interrupted; `*length` is in and out, also on failure. */
int unix_ask(int fd, int level, int option, void *value, socklen_t *length);

/* The same for options of one fixed size. */
int unix_ask_exactly(int fd, int level, int option, void *value, socklen_t size);

/* The address that a name of sys.h is: ENAMETOOLONG, EINVAL or SYS_UNSUPPORTED where it is none. */
int unix_address(const uint8_t *name, size_t length, struct sockaddr_un *out, socklen_t *size);

#endif
