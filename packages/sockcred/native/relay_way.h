/*
 * One direction between two sockets, for relay_linux.c: bytes move by
 * splice(2) through a pipe that is lent while they are on their way, or, where
 * descriptors are passed on or no pipe is to be had, by recvmsg(2) and sendmsg(2).
 */
#ifndef SOCKCRED_RELAY_WAY_H
#define SOCKCRED_RELAY_WAY_H

#include <stddef.h>
#include <stdint.h>

struct pipe;
struct chunk;

/* Pipes that nothing is in, to be lent. */
struct pipes {
	struct pipe *idle;
	size_t count;
	size_t made, most; /* lent ones too */
};

struct way {
	int from, to;
	struct pipe *pipe;
	struct chunk *chunk;
	size_t waiting; /* bytes in the pipe */
	uint64_t moved;
	int ended; /* `from` has said all */
	int done; /* and `to` was told, or takes no more */
};

/*
 * Moves what there is. Whether there is more to do although epoll will report
 * nothing; an errno in `*status` where the pair has to end.
 */
int way_pump_bytes(struct way *way, struct pipes *pipes, int *status);
int way_pump_messages(struct way *way, int *status);

/* Gives back, or closes, everything but the sockets. */
void way_release(struct way *way, struct pipes *pipes);

/* Before the first is lent. */
void pipes_limit(struct pipes *pipes);
void pipes_close(struct pipes *pipes);

#endif
