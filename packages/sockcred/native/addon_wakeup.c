/* Both ways of addon_wakeup.h, for systems that have the set of readiness.h. */
#define _GNU_SOURCE
#include "addon_wakeup.h"
#include "sys.h"
#include "uv_declarations.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct wakeup {
	/* NULL where nothing came of it: then it is not ours to free. */
	struct readiness *readiness;
	/* By the loop. */
	napi_async_cleanup_hook_handle hook;
	struct uv_poll_s *poll;
	/* By a thread. */
	napi_threadsafe_function function;
	pthread_t thread;
	int waker;
};

/* What the thread hands over. */
struct batch {
	size_t count;
	struct readiness_report reports[MOST_REPORTS];
};

/* Every handle of libuv begins with what is common to all. */
static struct uv_handle_s *handle_of(struct uv_poll_s *poll)
{
	return (struct uv_handle_s *)poll;
}

static void free_all(struct wakeup *wakeup)
{
	if (wakeup->readiness != NULL)
		readiness_free(wakeup->readiness);
	free(wakeup->poll);
	free(wakeup);
}

static void poll_closed(struct uv_handle_s *handle)
{
	struct wakeup *wakeup = uv_handle_get_data(handle);

	if (wakeup->hook != NULL)
		napi_remove_async_cleanup_hook(wakeup->hook);
	free_all(wakeup);
}

/* The environment waits until the hook is removed. */
static void end_loop_way(napi_async_cleanup_hook_handle hook, void *data)
{
	struct wakeup *wakeup = data;

	(void)hook;
	readiness_disconnect(wakeup->readiness);
	uv_close(handle_of(wakeup->poll), poll_closed);
}

static void poll_reports(struct uv_poll_s *poll, int status, int events)
{
	struct readiness *readiness = ((struct wakeup *)uv_handle_get_data(handle_of(poll)))->readiness;
	size_t count = 0;

	(void)events;
	if (status == 0 && !readiness->ended &&
	    readiness_collect(readiness->set, 0, readiness->reports, MOST_REPORTS, &count) == 0)
		readiness_deliver(readiness, count);
}

static int every_symbol(void)
{
	return uv_handle_size != NULL && uv_handle_get_data != NULL && uv_handle_set_data != NULL &&
	       uv_poll_init != NULL && uv_poll_start != NULL && uv_close != NULL && uv_ref != NULL && uv_unref != NULL;
}

int wakeup_by_loop(struct readiness *readiness)
{
	struct uv_loop_s *loop = NULL;
	struct wakeup *wakeup;
	int status;

	if (!every_symbol() || napi_get_uv_event_loop(readiness->env, &loop) != napi_ok)
		return SYS_UNSUPPORTED;
	wakeup = calloc(1, sizeof(*wakeup));
	if (wakeup == NULL)
		return ENOMEM;
	wakeup->poll = calloc(1, uv_handle_size(UV_POLL));
	/* libuv's errors are negative errnos. */
	status = wakeup->poll == NULL ? ENOMEM : -uv_poll_init(loop, wakeup->poll, readiness->set);
	if (status != 0) {
		free_all(wakeup);
		/* It makes the set non-blocking first, which a kernel may refuse of a queue: then a thread waits. */
		return status == ENOTTY ? SYS_UNSUPPORTED : status;
	}
	uv_handle_set_data(handle_of(wakeup->poll), wakeup);
	uv_unref(handle_of(wakeup->poll));
	wakeup->readiness = readiness;
	status = -uv_poll_start(wakeup->poll, UV_READABLE, poll_reports);
	if (status == 0 &&
	    napi_add_async_cleanup_hook(readiness->env, end_loop_way, wakeup, &wakeup->hook) != napi_ok)
		status = ENOMEM;
	if (status != 0) {
		wakeup->readiness = NULL;
		uv_close(handle_of(wakeup->poll), poll_closed);
		return status;
	}
	readiness->wakeup = wakeup;
	return 0;
}

/* On the environment's thread; without an environment when it has ended. */
static void batch_arrived(napi_env env, napi_value callback, void *context, void *data)
{
	struct batch *batch = data;

	(void)callback;
	if (env != NULL && !((struct wakeup *)context)->readiness->ended) {
		struct readiness *readiness = ((struct wakeup *)context)->readiness;

		memcpy(readiness->reports, batch->reports, batch->count * sizeof(*batch->reports));
		readiness_deliver(readiness, batch->count);
	}
	free(batch);
}

/* Takes the waker's report out of a batch; whether it was there. */
static int is_woken(struct batch *batch)
{
	size_t kept = 0;

	for (size_t index = 0; index < batch->count; index++) {
		if (batch->reports[index].token != WAKER_TOKEN)
			batch->reports[kept++] = batch->reports[index];
	}
	if (kept == batch->count)
		return 0;
	batch->count = kept;
	return 1;
}

static void *wait_in_set(void *data)
{
	const struct wakeup *wakeup = data;
	struct batch reports;

	for (;;) {
		struct batch *batch;
		int woken;

		if (readiness_collect(wakeup->readiness->set, 1, reports.reports, MOST_REPORTS, &reports.count) != 0)
			break;
		woken = is_woken(&reports);
		if (reports.count > 0) {
			const size_t size = offsetof(struct batch, reports) + reports.count * sizeof(*reports.reports);

			/* Each watch reports once: what is lost here would be waited for in vain. */
			do
				batch = malloc(size);
			while (batch == NULL);
			memcpy(batch, &reports, size);
			if (napi_call_threadsafe_function(wakeup->function, batch, napi_tsfn_blocking) != napi_ok)
				free(batch);
		}
		if (woken)
			break;
	}
	return NULL;
}

static void end_thread_way(void *data)
{
	struct wakeup *wakeup = data;

	readiness_wake(wakeup->waker);
	pthread_join(wakeup->thread, NULL);
	readiness_close(wakeup->waker);
	readiness_disconnect(wakeup->readiness);
	/* The rest goes in function_ended(). */
	napi_release_threadsafe_function(wakeup->function, napi_tsfn_abort);
}

static void function_ended(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	free_all(data);
}

/* Signals are the main thread's business. */
static int start_thread(struct wakeup *wakeup)
{
	sigset_t all, before;
	int status;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&wakeup->thread, NULL, wait_in_set, wakeup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

static int make_function(napi_env env, struct wakeup *wakeup)
{
	napi_value name;

	return napi_create_string_utf8(env, "sockcred", NAPI_AUTO_LENGTH, &name) == napi_ok &&
	       napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, wakeup, function_ended, wakeup,
					       batch_arrived, &wakeup->function) == napi_ok;
}

int wakeup_by_thread(struct readiness *readiness)
{
	struct wakeup *wakeup = calloc(1, sizeof(*wakeup));
	int status;

	if (wakeup == NULL)
		return ENOMEM;
	status = readiness_waker(readiness->set, WAKER_TOKEN, &wakeup->waker);
	if (status != 0) {
		free(wakeup);
		return status;
	}
	if (!make_function(readiness->env, wakeup)) {
		readiness_close(wakeup->waker);
		free(wakeup);
		return ENOMEM;
	}
	napi_unref_threadsafe_function(readiness->env, wakeup->function);
	wakeup->readiness = readiness;
	status = start_thread(wakeup);
	if (status == 0 && napi_add_env_cleanup_hook(readiness->env, end_thread_way, wakeup) != napi_ok) {
		readiness_wake(wakeup->waker);
		pthread_join(wakeup->thread, NULL);
		status = ENOMEM;
	}
	if (status != 0) {
		wakeup->readiness = NULL;
		readiness_close(wakeup->waker);
		napi_release_threadsafe_function(wakeup->function, napi_tsfn_abort);
		return status;
	}
	readiness->wakeup = wakeup;
	return 0;
}

void wakeup_hold(struct readiness *readiness, int hold)
{
	struct wakeup *wakeup = readiness->wakeup;

	if (wakeup->poll != NULL)
		(hold ? uv_ref : uv_unref)(handle_of(wakeup->poll));
	else if (hold)
		napi_ref_threadsafe_function(readiness->env, wakeup->function);
	else
		napi_unref_threadsafe_function(readiness->env, wakeup->function);
}
