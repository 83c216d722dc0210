/*
 * Moves bytes between pairs of connected stream sockets, both ways, in one
 * thread for all of them, without a byte passing through JavaScript. An end of
 * one side's data is passed on to the other (shutdown), a side that is not
 * read holds up its writer, and a pair ends when both ways have.
 *
 * Statuses are those of sys.h. relay_linux.c fills it, by splice(2);
 * absent/relay.c answers for systems that have nothing of the kind.
 */
#ifndef SOCKCRED_RELAY_H
#define SOCKCRED_RELAY_H

#include <stddef.h>
#include <stdint.h>

struct relay;

/* A pair that has ended. */
struct relay_report {
	uint32_t id;
	uint32_t status; /* 0: both ways came to their end; ECANCELED: relay_stop() */
	uint64_t forth; /* bytes from the first descriptor to the second */
	uint64_t back;
};

/* Called in the relay's thread, once for each pair, after its descriptors were closed. */
typedef void (*relay_ended)(void *context, const struct relay_report *report);

/* Starts the thread. */
int relay_open(relay_ended ended, void *context, struct relay **out);

/*
 * Hands over two descriptors, which belong to the relay from here on, also
 * when this fails. `pass_fds`: descriptors that are sent along are passed on;
 * otherwise the kernel closes them. `idle_ms`: without a byte that arrives, on
 * either way, for so long the pair ends, with ETIMEDOUT; 0 is never.
 */
int relay_add(struct relay *relay, uint32_t id, int first, int second, int pass_fds, uint32_t idle_ms);

/* Ends a pair at once; bytes on their way are lost. ENOENT where it has ended already is told by its report. */
void relay_stop(struct relay *relay, uint32_t id);

/* Ends all pairs and the thread; no report is made any more. */
void relay_close(struct relay *relay);

#endif
