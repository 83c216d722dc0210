/*
 * Which of many descriptors can be read or written now: one private set per
 * environment (an epoll on Linux), so that no descriptor that the runtime
 * itself waits for is ever registered with it a second time. Each watch
 * reports once and is then silent until it is asked for again. Reports carry
 * the token of the watch, not the descriptor: a number that was closed and
 * given away again can not be taken for the one that was meant.
 *
 * Statuses are those of sys.h.
 */
#ifndef SOCKCRED_READINESS_H
#define SOCKCRED_READINESS_H

#include <stddef.h>
#include <stdint.h>

enum readiness_interest {
	READINESS_READ = 1,
	READINESS_WRITE = 2,
	READINESS_HANGUP = 4, /* reported whether asked for or not */
};

/* As JavaScript reads it. */
struct readiness_report {
	uint32_t token;
	uint32_t what;
};

/* A new set, close-on-exec, which the caller closes; it is readable while it has something to report. */
int readiness_open(int *set);

/* Watches, or watches anew, for the next report. */
int readiness_watch(int set, int fd, uint32_t interest, uint32_t token);

/* Nothing is reported any more; ENOENT and EBADF where the descriptor was closed meanwhile. */
int readiness_unwatch(int set, int fd);

/* What there is to report now; waits for something if `wait`. */
int readiness_collect(int set, int wait, struct readiness_report *out, size_t capacity, size_t *count);

/*
 * A descriptor that lets another thread end a wait: watched with `token`
 * until it is woken once. The caller closes it.
 */
int readiness_waker(int set, uint32_t token, int *waker);
int readiness_wake(int waker);

/* Closes what the functions above opened. */
void readiness_close(int fd);

#endif
