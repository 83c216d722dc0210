/*
 * A connection that is made as somebody else: whoever asks the socket for its
 * peer's credentials is told the ids that are given here, and permissions of
 * the path are checked for them.
 *
 * Statuses are those of sys.h; SYS_UNSUPPORTED where a thread cannot have ids
 * of its own.
 */
#ifndef SOCKCRED_CONNECT_AS_H
#define SOCKCRED_CONNECT_AS_H

#include <stddef.h>
#include <stdint.h>

struct connect_identity {
	uint32_t uid, gid;
	const uint32_t *groups; /* supplementary groups, all of them */
	size_t group_count;
};

/*
 * A new connected stream socket, close-on-exec and non-blocking; `name` as in
 * sys.h. EPERM without the privilege to take these ids; EAGAIN when the
 * listener's backlog is full. The process that the socket names is this one.
 */
int connect_as(const struct connect_identity *who, const uint8_t *name, size_t length, int *out);

#endif
