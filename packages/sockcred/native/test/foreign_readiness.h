/*
 * A set to wait in, of another system: kqueue where KEVENT says which struct
 * kevent (FREEBSD_KEVENT, NETBSD_KEVENT or DRAGONFLY_KEVENT), event ports
 * where it is PORTS. READ_FILTER, WRITE_FILTER, USER_FILTER and
 * PROCESS_FILTER are on the command line.
 */
#ifndef SOCKCRED_FOREIGN_READINESS_H
#define SOCKCRED_FOREIGN_READINESS_H

#include "foreign.h"

#define PORTS 0
#define FREEBSD_KEVENT 1
#define NETBSD_KEVENT 2
#define DRAGONFLY_KEVENT 3

/* What happens to descriptors 0 to 15, and to the queue that wakes. */
enum { MOST_WATCHED = 16, SET = FRESH };
struct happening {
	int readable, writable, ended, error;
};
extern struct happening happenings[MOST_WATCHED];
extern int woken;

/* The process of which a queue tells the end, if one is asked to. */
struct process {
	int error;     /* why there is none to wait for */
	int watched;   /* its number, once it is waited for */
	int ended;     /* an event in the queue */
	int collected; /* events taken out of a queue: this one would be gone */
	int poll_error, poll_events;
};
extern struct process process;

/* How many filters or associations there are for a descriptor. */
int watched(int fd);

/* How the next wait ends, if not with what happened. */
extern int wait_error;

#endif
