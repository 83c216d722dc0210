/* What the files of the addon share. */
#ifndef SOCKCRED_ADDON_H
#define SOCKCRED_ADDON_H

#include "node_api_declarations.h"

struct message_memory;
struct relay_state;
struct readiness;

/* Of one environment. */
struct state {
	napi_ref scratch; /* keeps the memory below alive */
	uint32_t *words;
	size_t group_capacity;
	size_t label_capacity;
	struct message_memory *messages;
	/* Ends by itself, with the environment: see addon_readiness.c. */
	struct readiness *readiness;
	/* And so does this one: see addon_relay.c. */
	struct relay_state *relay;
};

struct state *state_of(napi_env env);

/* Throws unless an exception is pending already; always returns NULL. */
napi_value broken(napi_env env, const char *message);

napi_value integer(napi_env env, int32_t value);

/* Reads exactly `count` arguments; 0 when fewer were given. */
int arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);

/* addon_sockets.c */
napi_value stream_socket(napi_env env, napi_callback_info info);
napi_value seqpacket_socket(napi_env env, napi_callback_info info);
napi_value datagram_socket(napi_env env, napi_callback_info info);
napi_value bind_to(napi_env env, napi_callback_info info);
napi_value bind_listen(napi_env env, napi_callback_info info);
napi_value set_mode(napi_env env, napi_callback_info info);
napi_value close_descriptor(napi_env env, napi_callback_info info);
napi_value adopt_stream(napi_env env, napi_callback_info info);
napi_value connect_to(napi_env env, napi_callback_info info);

/* addon_messages.c */
napi_value message_arena(napi_env env, napi_callback_info info);
napi_value receive_messages(napi_env env, napi_callback_info info);
napi_value send_bytes(napi_env env, napi_callback_info info);
napi_value send_message(napi_env env, napi_callback_info info);
napi_value send_batch(napi_env env, napi_callback_info info);
napi_value socket_pair(napi_env env, napi_callback_info info);
napi_value accept_from(napi_env env, napi_callback_info info);
napi_value set_message_option(napi_env env, napi_callback_info info);
napi_value get_message_option(napi_env env, napi_callback_info info);
napi_value duplicate(napi_env env, napi_callback_info info);
napi_value finish(napi_env env, napi_callback_info info);
void forget_messages(napi_env env, struct state *state);

/* addon_relay.c */
napi_value relay_begin(napi_env env, napi_callback_info info);
napi_value relay_pair(napi_env env, napi_callback_info info);
napi_value relay_end_pair(napi_env env, napi_callback_info info);
napi_value relay_hold(napi_env env, napi_callback_info info);
napi_value connect_as_somebody(napi_env env, napi_callback_info info);

/* addon_readiness.c */
napi_value readiness_begin(napi_env env, napi_callback_info info);
napi_value readiness_add(napi_env env, napi_callback_info info);
napi_value readiness_remove(napi_env env, napi_callback_info info);
napi_value readiness_hold(napi_env env, napi_callback_info info);

/* addon_process.c */
napi_value netns_cookie(napi_env env, napi_callback_info info);
napi_value process_info(napi_env env, napi_callback_info info);
napi_value process_ended(napi_env env, napi_callback_info info);
napi_value process_open(napi_env env, napi_callback_info info);
napi_value process_descriptor(napi_env env, napi_callback_info info);
napi_value boot_id(napi_env env, napi_callback_info info);
napi_value unix_sockets(napi_env env, napi_callback_info info);

/* addon_files.c */
napi_value record_at(napi_env env, napi_callback_info info);
napi_value record_inside(napi_env env, napi_callback_info info);
napi_value path_at(napi_env env, napi_callback_info info);
napi_value file_at(napi_env env, napi_callback_info info);
napi_value link_at(napi_env env, napi_callback_info info);
napi_value namespace_below(napi_env env, napi_callback_info info);
napi_value attribute_names(napi_env env, napi_callback_info info);
napi_value unwritten(napi_env env, napi_callback_info info);

#endif
