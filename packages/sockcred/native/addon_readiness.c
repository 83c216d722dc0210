/*
 * Marshalling between JavaScript and readiness.h: one set per environment, one
 * callback for everything that it has to report at once. Reports land in
 * memory that JavaScript got at the beginning.
 */
#include "addon.h"
#include "addon_wakeup.h"
#include "sys.h"

#include <stdlib.h>

/* An exception of the callback is uncaught: there is nobody above it. */
void readiness_deliver(struct readiness *readiness, size_t count)
{
	const napi_env env = readiness->env;
	napi_value global, callback, argument, result = NULL;
	napi_handle_scope scope = NULL;
	bool pending = false;

	if (readiness->ended || count == 0 || napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	if (napi_get_reference_value(env, readiness->callback, &callback) == napi_ok &&
	    napi_get_global(env, &global) == napi_ok &&
	    napi_create_int32(env, (int32_t)count, &argument) == napi_ok)
		napi_make_callback(env, NULL, global, callback, 1, &argument, &result);
	napi_is_exception_pending(env, &pending);
	if (pending && napi_get_and_clear_last_exception(env, &result) == napi_ok)
		napi_fatal_exception(env, result);
	napi_close_handle_scope(env, scope);
}

/* The references go with the environment: some runtimes cannot delete them while they end it. */
void readiness_disconnect(struct readiness *readiness)
{
	readiness->ended = 1;
}

void readiness_free(struct readiness *readiness)
{
	if (readiness->set >= 0)
		readiness_close(readiness->set);
	free(readiness);
}

static void delete_references(struct readiness *readiness)
{
	if (readiness->callback != NULL)
		napi_delete_reference(readiness->env, readiness->callback);
	if (readiness->memory != NULL)
		napi_delete_reference(readiness->env, readiness->memory);
}

/* Everything but the wake-up; the memory for JavaScript in `*buffer`. */
static int connect_callback(struct readiness *readiness, napi_value callback, napi_value *buffer)
{
	const napi_env env = readiness->env;
	void *memory = NULL;

	if (napi_create_arraybuffer(env, MOST_REPORTS * sizeof(struct readiness_report), &memory, buffer) != napi_ok ||
	    napi_create_reference(env, *buffer, 1, &readiness->memory) != napi_ok ||
	    napi_create_reference(env, callback, 1, &readiness->callback) != napi_ok)
		return 0;
	readiness->reports = memory;
	return 1;
}

/* readinessOpen(callback, byThread): ArrayBuffer of reports, or minus a status. */
napi_value readiness_begin(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	struct readiness *readiness;
	napi_value values[2], buffer = NULL;
	bool by_thread;
	int status;

	if (state == NULL || state->readiness != NULL || !arguments(env, info, 2, values) ||
	    napi_get_value_bool(env, values[1], &by_thread) != napi_ok)
		return broken(env, "readinessOpen: a callback and a flag are needed, once");
	readiness = calloc(1, sizeof(*readiness));
	if (readiness == NULL)
		return broken(env, "readinessOpen: no memory");
	readiness->env = env;
	readiness->set = -1;
	status = readiness_open(&readiness->set);
	if (status == 0 && !connect_callback(readiness, values[0], &buffer)) {
		delete_references(readiness);
		readiness_free(readiness);
		return broken(env, "readinessOpen: no memory");
	}
	if (status == 0)
		status = by_thread ? wakeup_by_thread(readiness) : wakeup_by_loop(readiness);
	if (status != 0) {
		delete_references(readiness);
		readiness_free(readiness);
		return integer(env, -status);
	}
	state->readiness = readiness;
	return buffer;
}

/* readinessWatch(fd, interest, token): 0, or minus a status. */
napi_value readiness_add(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	uint32_t interest, token;
	napi_value values[3];
	int32_t fd;

	if (state == NULL || state->readiness == NULL || !arguments(env, info, 3, values) ||
	    napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &interest) != napi_ok ||
	    napi_get_value_uint32(env, values[2], &token) != napi_ok || token == WAKER_TOKEN)
		return broken(env, "readinessWatch: a descriptor, an interest and a token are needed");
	return integer(env, -readiness_watch(state->readiness->set, fd, interest, token));
}

/* readinessUnwatch(fd): 0, or minus a status. */
napi_value readiness_remove(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	napi_value value;
	int32_t fd;

	if (state == NULL || state->readiness == NULL || !arguments(env, info, 1, &value) ||
	    napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "readinessUnwatch: a descriptor is needed");
	return integer(env, -readiness_unwatch(state->readiness->set, fd));
}

/* readinessHold(hold): whether waiting keeps the program running. */
napi_value readiness_hold(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	napi_value value;
	bool hold;

	if (state == NULL || state->readiness == NULL || !arguments(env, info, 1, &value) ||
	    napi_get_value_bool(env, value, &hold) != napi_ok)
		return broken(env, "readinessHold: a flag is needed");
	wakeup_hold(state->readiness, hold);
	return integer(env, 0);
}
