/*
 * kqueue(2), as this library uses it: macOS, FreeBSD, DragonFly, OpenBSD and
 * NetBSD differ in the types of a struct kevent only. Statuses are those of
 * sys.h.
 */
#ifndef SOCKCRED_QUEUE_H
#define SOCKCRED_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

typedef __typeof__(((struct kevent *)0)->filter) event_filter;
typedef __typeof__(((struct kevent *)0)->flags) event_flags;
typedef __typeof__(((struct kevent *)0)->udata) event_data;
#ifdef __NetBSD__
typedef size_t event_count;
#else
typedef int event_count;
#endif

/* A new queue, close-on-exec; SYS_UNSUPPORTED where there is no kevent(). */
int queue_open(int *out);

/* A change that is answered by itself, and nothing else is reported meanwhile. */
struct kevent queue_change(uintptr_t ident, event_filter filter, uint32_t flags, uint32_t token);

/* Makes changes; `results` has an errno or 0 for each. */
int queue_make(int queue, const struct kevent *changes, struct kevent *results, int count);

/* What has happened, at most `most` events: how many; waits for one if `wait`. */
int queue_collect(int queue, int wait, struct kevent *events, event_count most, int *count);

#endif
