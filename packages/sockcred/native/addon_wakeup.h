/*
 * How JavaScript learns that the set of readiness.h has something to report:
 * by the runtime's own loop, which waits for the one descriptor of the set, or
 * by a thread that waits in the set itself, for runtimes whose loop is not
 * libuv's: Bun, and Deno. Either way ends with the environment.
 */
#ifndef SOCKCRED_ADDON_WAKEUP_H
#define SOCKCRED_ADDON_WAKEUP_H

#include "node_api_declarations.h"
#include "readiness.h"

/* Reports of one wake-up. */
#define MOST_REPORTS 256
/* Of the watch by which the thread is ended; JavaScript never uses it. */
#define WAKER_TOKEN 0

struct wakeup;

struct readiness {
	napi_env env;
	int set;
	napi_ref callback;
	napi_ref memory; /* keeps the reports alive */
	int ended; /* JavaScript is not called back any more */
	struct readiness_report *reports;
	struct wakeup *wakeup;
};

/* Calls back into JavaScript with the first `count` reports. */
void readiness_deliver(struct readiness *readiness, size_t count);

/* The environment ends: nothing is delivered any more. Then, what is not the environment's is freed. */
void readiness_disconnect(struct readiness *readiness);
void readiness_free(struct readiness *readiness);

/* Statuses of sys.h. From success on, the wake-up frees `readiness` when the environment ends. */
int wakeup_by_loop(struct readiness *readiness);
int wakeup_by_thread(struct readiness *readiness);

/* Whether waiting keeps the program running. */
void wakeup_hold(struct readiness *readiness, int hold);

#endif
