/*
 * Marshalling between JavaScript and sys.h, and nothing else. All answers
 * about one peer land in one scratch buffer that JavaScript allocated through
 * resize() and reads before it calls again: one crossing per peer. The state
 * belongs to one environment, so every worker thread has its own.
 *
 * The words of the scratch buffer are named in src/sys/addon.ts as well; ABI
 * changes whenever their meaning does, and the loader compares it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addon.h"
#include "sys.h"

#define ABI 12

enum word {
	WORD_ERROR = 0,
	WORD_LOCAL_NAMED = 1,
	WORD_REMOTE_NAMED = 2,
	WORD_CRED_STATUS = 3,
	WORD_UID = 4,
	WORD_GID = 5,
	WORD_PID = 6,
	WORD_GROUPS_STATUS = 7,
	WORD_GROUPS_COUNT = 8,
	WORD_LABEL_STATUS = 9,
	WORD_LABEL_LENGTH = 10,
	WORD_MORE_STATUS = 11,
	WORD_REAL_UID = 12,
	WORD_SAVED_UID = 13,
	WORD_REAL_GID = 14,
	WORD_SAVED_GID = 15,
	WORD_ZONE = 16,
	WORDS = 20, /* the groups begin here, the label's bytes after them */
};

napi_value broken(napi_env env, const char *message)
{
	bool pending = false;

	napi_is_exception_pending(env, &pending);
	if (!pending)
		napi_throw_error(env, "ERR_PEER_SYSTEM", message);
	return NULL;
}

struct state *state_of(napi_env env)
{
	void *data = NULL;

	return napi_get_instance_data(env, &data) == napi_ok ? data : NULL;
}

napi_value integer(napi_env env, int32_t value)
{
	napi_value result = NULL;

	if (napi_create_int32(env, value, &result) != napi_ok)
		return broken(env, "no integer");
	return result;
}

int arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
	size_t given = count;

	return napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given >= count;
}

/* resize(groups, labelBytes): ArrayBuffer - a scratch buffer of that capacity. */
static napi_value resize(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	napi_value values[2], buffer;
	napi_ref reference = NULL;
	uint32_t groups, label;
	void *memory = NULL;
	size_t size;

	if (state == NULL || !arguments(env, info, 2, values) ||
	    napi_get_value_uint32(env, values[0], &groups) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &label) != napi_ok ||
	    groups > UINT32_C(0x100000) || label > UINT32_C(0x1000000))
		return broken(env, "resize: two sizes are needed");
	size = (WORDS + (size_t)groups) * sizeof(uint32_t) + label;
	if (napi_create_arraybuffer(env, size, &memory, &buffer) != napi_ok ||
	    napi_create_reference(env, buffer, 1, &reference) != napi_ok)
		return broken(env, "resize: no memory");
	if (state->scratch != NULL)
		napi_delete_reference(env, state->scratch);
	state->scratch = reference;
	state->words = memory;
	state->group_capacity = groups;
	state->label_capacity = label;
	return buffer;
}

static void ask_all(struct state *state, int fd)
{
	uint32_t *words = state->words;
	uint32_t *groups = words + WORDS;
	uint8_t *label = (uint8_t *)(groups + state->group_capacity);
	struct sys_more_ids more = { 0 };
	struct sys_cred cred = { 0 };
	size_t size = 0;

	words[WORD_CRED_STATUS] = (uint32_t)sys_peer_cred(fd, &cred);
	words[WORD_UID] = cred.uid;
	words[WORD_GID] = cred.gid;
	words[WORD_PID] = cred.pid;
	words[WORD_GROUPS_STATUS] = (uint32_t)sys_peer_groups(fd, groups, state->group_capacity, &size);
	words[WORD_GROUPS_COUNT] = (uint32_t)size;
	size = 0;
	words[WORD_LABEL_STATUS] = (uint32_t)sys_peer_label(fd, label, state->label_capacity, &size);
	words[WORD_LABEL_LENGTH] = (uint32_t)size;
	words[WORD_MORE_STATUS] = (uint32_t)sys_peer_more_ids(fd, &more);
	words[WORD_REAL_UID] = more.real_uid;
	words[WORD_SAVED_UID] = more.saved_uid;
	words[WORD_REAL_GID] = more.real_gid;
	words[WORD_SAVED_GID] = more.saved_gid;
	words[WORD_ZONE] = (uint32_t)more.zone;
}

/* peer(fd): the sys_socket_kind; answers in the scratch buffer when it is 0. */
static napi_value peer(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	struct sys_socket found;
	napi_value value;
	int32_t fd;

	if (state == NULL || state->words == NULL || !arguments(env, info, 1, &value) ||
	    napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "peer: a descriptor and a scratch buffer are needed");
	sys_examine(fd, &found);
	state->words[WORD_ERROR] = (uint32_t)found.error;
	state->words[WORD_LOCAL_NAMED] = (uint32_t)found.local_named;
	state->words[WORD_REMOTE_NAMED] = (uint32_t)found.remote_named;
	if (found.kind == SYS_CONNECTED)
		ask_all(state, fd);
	return integer(env, (int32_t)found.kind);
}

/* kind(fd): the sys_socket_kind alone, without a question about the peer. */
static napi_value kind(napi_env env, napi_callback_info info)
{
	struct sys_socket found;
	napi_value value;
	int32_t fd;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "kind: a descriptor is needed");
	sys_examine(fd, &found);
	return integer(env, (int32_t)found.kind);
}

/* isDatagram(fd): 1, 0, or minus a status. */
static napi_value is_datagram(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t fd;
	int type = 0;
	int status;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "isDatagram: a descriptor is needed");
	status = sys_socket_type(fd, &type);
	return integer(env, status == 0 ? sys_is_datagram(type) : -status);
}

/* peerPidfd(fd): a new descriptor, or minus a status. */
static napi_value peer_pidfd(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t fd;
	int pidfd = -1;
	int status;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "peerPidfd: a descriptor is needed");
	status = sys_peer_pidfd(fd, &pidfd);
	return integer(env, status == 0 ? pidfd : -status);
}

/* peerToken(fd): a Uint32Array of eight words, or minus a status. */
static napi_value peer_token(napi_env env, napi_callback_info info)
{
	napi_value value, buffer, result = NULL;
	uint32_t token[8] = { 0 };
	void *memory = NULL;
	int32_t fd;
	int status;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "peerToken: a descriptor is needed");
	status = sys_peer_token(fd, token);
	if (status != 0)
		return integer(env, -status);
	if (napi_create_arraybuffer(env, sizeof(token), &memory, &buffer) != napi_ok)
		return broken(env, "peerToken: no memory");
	memcpy(memory, token, sizeof(token));
	if (napi_create_typedarray(env, napi_uint32_array, 8, buffer, 0, &result) != napi_ok)
		return broken(env, "peerToken: no memory");
	return result;
}

/* selfTest(): the verdict, or minus a status. */
static napi_value self_test(napi_env env, napi_callback_info info)
{
	enum sys_self_test_verdict verdict = SYS_TRUSTWORTHY;
	const int status = sys_self_test(&verdict);

	(void)info;
	return integer(env, status == 0 ? (int32_t)verdict : -status);
}

static void forget(napi_env env, void *data, void *hint)
{
	struct state *state = data;

	(void)hint;
	forget_messages(env, state);
	if (state->scratch != NULL)
		napi_delete_reference(env, state->scratch);
	free(state);
}

static const struct {
	const char *name;
	napi_callback callback;
} functions[] = {
	{ "resize", resize },
	{ "peer", peer },
	{ "kind", kind },
	{ "isDatagram", is_datagram },
	{ "peerPidfd", peer_pidfd },
	{ "peerToken", peer_token },
	{ "selfTest", self_test },
	{ "streamSocket", stream_socket },
	{ "seqpacketSocket", seqpacket_socket },
	{ "bindListen", bind_listen },
	{ "setMode", set_mode },
	{ "close", close_descriptor },
	{ "adoptStream", adopt_stream },
	{ "connect", connect_to },
	{ "datagramSocket", datagram_socket },
	{ "bind", bind_to },
	{ "messageArena", message_arena },
	{ "receiveMessages", receive_messages },
	{ "send", send_bytes },
	{ "sendMessage", send_message },
	{ "sendBatch", send_batch },
	{ "socketPair", socket_pair },
	{ "accept", accept_from },
	{ "setMessageOption", set_message_option },
	{ "messageOption", get_message_option },
	{ "duplicate", duplicate },
	{ "finish", finish },
	{ "readinessOpen", readiness_begin },
	{ "readinessWatch", readiness_add },
	{ "readinessUnwatch", readiness_remove },
	{ "readinessHold", readiness_hold },
	{ "relayOpen", relay_begin },
	{ "relayAdd", relay_pair },
	{ "relayStop", relay_end_pair },
	{ "relayHold", relay_hold },
	{ "connectAs", connect_as_somebody },
	{ "netnsCookie", netns_cookie },
	{ "processInfo", process_info },
	{ "processEnded", process_ended },
	{ "processOpen", process_open },
	{ "processDescriptor", process_descriptor },
	{ "bootId", boot_id },
	{ "unixSockets", unix_sockets },
	{ "recordAt", record_at },
	{ "recordInside", record_inside },
	{ "pathAt", path_at },
	{ "fileAt", file_at },
	{ "linkAt", link_at },
	{ "namespaceBelow", namespace_below },
	{ "attributeNames", attribute_names },
	{ "unwritten", unwritten },
};

static int export_all(napi_env env, napi_value exports)
{
	napi_value value;

	if (napi_create_int32(env, ABI, &value) != napi_ok ||
	    napi_set_named_property(env, exports, "abi", value) != napi_ok ||
	    napi_create_string_utf8(env, sys_name, NAPI_AUTO_LENGTH, &value) != napi_ok ||
	    napi_set_named_property(env, exports, "system", value) != napi_ok)
		return 0;
	for (size_t index = 0; index < sizeof(functions) / sizeof(*functions); index++) {
		if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].callback, NULL,
					 &value) != napi_ok ||
		    napi_set_named_property(env, exports, functions[index].name, value) != napi_ok)
			return 0;
	}
	return 1;
}

NAPI_MODULE_INIT()
{
	struct state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return broken(env, "no memory");
	if (napi_set_instance_data(env, state, forget, NULL) != napi_ok) {
		free(state);
		return broken(env, "no instance data");
	}
	return export_all(env, exports) ? exports : broken(env, "the exports cannot be set");
}
