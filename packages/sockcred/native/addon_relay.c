/*
 * Marshalling between JavaScript and relay.h and connect_as.h. One relay per
 * environment, which ends with it; each pair that ends is one callback, made
 * on the environment's thread.
 */
#include "addon.h"
#include "connect_as.h"
#include "relay.h"
#include "sys.h"

#include <errno.h>
#include <stdlib.h>

struct relay_state {
	struct relay *relay;
	napi_threadsafe_function function;
};

/* In the relay's thread. */
static void pair_ended(void *context, const struct relay_report *report)
{
	const struct relay_state *relay_state = context;
	struct relay_report *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return;
	*copy = *report;
	if (napi_call_threadsafe_function(relay_state->function, copy, napi_tsfn_blocking) != napi_ok)
		free(copy);
}

static int number(napi_env env, uint64_t value, napi_value *out)
{
	return napi_create_int64(env, (int64_t)value, out) == napi_ok;
}

static void report_arrived(napi_env env, napi_value callback, void *context, void *data)
{
	struct relay_report *report = data;
	napi_value values[4], global, result = NULL;

	(void)context;
	if (env != NULL && number(env, report->id, &values[0]) && number(env, report->status, &values[1]) &&
	    number(env, report->forth, &values[2]) && number(env, report->back, &values[3]) &&
	    napi_get_global(env, &global) == napi_ok)
		napi_call_function(env, global, callback, 4, values, &result);
	free(report);
}

static void function_ended(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	free(data);
}

static void end_relay(void *data)
{
	struct relay_state *relay_state = data;

	relay_close(relay_state->relay);
	/* The rest goes in function_ended(). */
	napi_release_threadsafe_function(relay_state->function, napi_tsfn_abort);
}

/* relayOpen(callback): 0, or minus a status. The callback gets id, status, bytes forth, bytes back. */
napi_value relay_begin(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	struct relay_state *made;
	napi_value callback, name;
	int status;

	if (state == NULL || state->relay != NULL || !arguments(env, info, 1, &callback))
		return broken(env, "relayOpen: a callback is needed, once");
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return broken(env, "relayOpen: no memory");
	if (napi_create_string_utf8(env, "sockcred", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, made, function_ended, made,
					    report_arrived, &made->function) != napi_ok) {
		free(made);
		return broken(env, "relayOpen: a callback is needed");
	}
	napi_unref_threadsafe_function(env, made->function);
	status = relay_open(pair_ended, made, &made->relay);
	if (status == 0 && napi_add_env_cleanup_hook(env, end_relay, made) != napi_ok) {
		relay_close(made->relay);
		status = ENOMEM;
	}
	if (status != 0) {
		napi_release_threadsafe_function(made->function, napi_tsfn_abort);
		return integer(env, -status);
	}
	state->relay = made;
	return integer(env, 0);
}

/* relayAdd(id, first, second, passFds, idleMs): 0, or minus a status; the descriptors are the relay's either way. */
napi_value relay_pair(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	int32_t first, second;
	napi_value values[5];
	bool pass_fds;
	uint32_t id, idle_ms;

	if (state == NULL || state->relay == NULL || !arguments(env, info, 5, values) ||
	    napi_get_value_uint32(env, values[0], &id) != napi_ok ||
	    napi_get_value_int32(env, values[1], &first) != napi_ok ||
	    napi_get_value_int32(env, values[2], &second) != napi_ok ||
	    napi_get_value_bool(env, values[3], &pass_fds) != napi_ok ||
	    napi_get_value_uint32(env, values[4], &idle_ms) != napi_ok)
		return broken(env, "relayAdd: an id, two descriptors, a flag and a time are needed");
	return integer(env, -relay_add(state->relay->relay, id, first, second, pass_fds, idle_ms));
}

/* relayStop(id). */
napi_value relay_end_pair(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	napi_value value;
	uint32_t id;

	if (state == NULL || state->relay == NULL || !arguments(env, info, 1, &value) ||
	    napi_get_value_uint32(env, value, &id) != napi_ok)
		return broken(env, "relayStop: an id is needed");
	relay_stop(state->relay->relay, id);
	return integer(env, 0);
}

/* relayHold(hold): whether the pairs keep the program running. */
napi_value relay_hold(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	napi_value value;
	bool hold;

	if (state == NULL || state->relay == NULL || !arguments(env, info, 1, &value) ||
	    napi_get_value_bool(env, value, &hold) != napi_ok)
		return broken(env, "relayHold: a flag is needed");
	if (hold)
		napi_ref_threadsafe_function(env, state->relay->function);
	else
		napi_unref_threadsafe_function(env, state->relay->function);
	return integer(env, 0);
}

/* connectAs(name, uid, gid, groups): a new descriptor, or minus a status. */
napi_value connect_as_somebody(napi_env env, napi_callback_info info)
{
	struct connect_identity who = { 0 };
	napi_typedarray_type name_type, groups_type;
	void *name = NULL, *groups = NULL;
	napi_value values[4];
	size_t length = 0;
	int fd = -1, status;

	if (!arguments(env, info, 4, values) ||
	    napi_get_typedarray_info(env, values[0], &name_type, &length, &name, NULL, NULL) != napi_ok ||
	    name_type != napi_uint8_array || napi_get_value_uint32(env, values[1], &who.uid) != napi_ok ||
	    napi_get_value_uint32(env, values[2], &who.gid) != napi_ok ||
	    napi_get_typedarray_info(env, values[3], &groups_type, &who.group_count, &groups, NULL, NULL) != napi_ok ||
	    groups_type != napi_uint32_array)
		return broken(env, "connectAs: a name, a uid, a gid and groups are needed");
	who.groups = groups;
	status = connect_as(&who, name, length, &fd);
	return integer(env, status == 0 ? fd : -status);
}
