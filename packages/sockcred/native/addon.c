/*
 * Marshalling between JavaScript and sys.h, and nothing else. All answers
 * about one peer land in one scratch buffer that JavaScript allocated through
 * resize() and reads before it calls again: one crossing per peer. The state
 * belongs to one environment, so every worker thread has its own.
 *
 * The words of the scratch buffer are named in src/sys/addon.ts as well; ABI
 * changes whenever their meaning does, and the loader compares it.
 */
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

#define ABI 2

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
	WORDS = 16, /* the groups begin here, the label's bytes after them */
};

struct state {
	napi_ref scratch; /* keeps the memory below alive */
	uint32_t *words;
	size_t group_capacity;
	size_t label_capacity;
};

/* Throws unless an exception is pending already; always returns NULL. */
static napi_value broken(napi_env env, const char *message)
{
	bool pending = false;

	napi_is_exception_pending(env, &pending);
	if (!pending)
		napi_throw_error(env, "ERR_PEER_SYSTEM", message);
	return NULL;
}

static struct state *state_of(napi_env env)
{
	void *data = NULL;

	return napi_get_instance_data(env, &data) == napi_ok ? data : NULL;
}

static napi_value integer(napi_env env, int32_t value)
{
	napi_value result = NULL;

	if (napi_create_int32(env, value, &result) != napi_ok)
		return broken(env, "no integer");
	return result;
}

/* Reads exactly `count` arguments; 0 when fewer were given. */
static int arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
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

/* selfTest(): the verdict, or minus a status. */
static napi_value self_test(napi_env env, napi_callback_info info)
{
	enum sys_self_test_verdict verdict = SYS_TRUSTWORTHY;
	const int status = sys_self_test(&verdict);

	(void)info;
	return integer(env, status == 0 ? (int32_t)verdict : -status);
}

static napi_value new_socket(napi_env env, int (*make)(int *))
{
	int fd = -1;
	const int status = make(&fd);

	return integer(env, status == 0 ? fd : -status);
}

/* streamSocket(), seqpacketSocket(): a new descriptor, or minus a status. */
static napi_value stream_socket(napi_env env, napi_callback_info info)
{
	(void)info;
	return new_socket(env, sys_stream_socket);
}

static napi_value seqpacket_socket(napi_env env, napi_callback_info info)
{
	(void)info;
	return new_socket(env, sys_seqpacket_socket);
}

/* A descriptor and a Uint8Array with a name, the first two of `values`. */
static int descriptor_and_name(napi_env env, const napi_value *values, int32_t *fd, uint8_t **name, size_t *length)
{
	napi_typedarray_type type;
	void *bytes = NULL;

	if (napi_get_value_int32(env, values[0], fd) != napi_ok ||
	    napi_get_typedarray_info(env, values[1], &type, length, &bytes, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array)
		return 0;
	*name = bytes;
	return 1;
}

/* bindListen(fd, name, backlog): 0, or minus a status. */
static napi_value bind_listen(napi_env env, napi_callback_info info)
{
	napi_value values[3];
	uint8_t *name = NULL;
	size_t length = 0;
	int32_t fd, backlog;

	if (!arguments(env, info, 3, values) || !descriptor_and_name(env, values, &fd, &name, &length) ||
	    napi_get_value_int32(env, values[2], &backlog) != napi_ok)
		return broken(env, "bindListen: a descriptor, a name and a backlog are needed");
	return integer(env, -sys_bind_listen(fd, name, length, backlog));
}

/* connect(fd, name): 0, or minus a status. */
static napi_value connect_to(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	uint8_t *name = NULL;
	size_t length = 0;
	int32_t fd;

	if (!arguments(env, info, 2, values) || !descriptor_and_name(env, values, &fd, &name, &length))
		return broken(env, "connect: a descriptor and a name are needed");
	return integer(env, -sys_connect(fd, name, length));
}

static void forget(napi_env env, void *data, void *hint)
{
	struct state *state = data;

	(void)hint;
	if (state->scratch != NULL)
		napi_delete_reference(env, state->scratch);
	free(state);
}

static int export_function(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
	napi_value function;

	return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok &&
	       napi_set_named_property(env, exports, name, function) == napi_ok;
}

NAPI_MODULE_INIT()
{
	struct state *state = calloc(1, sizeof(*state));
	napi_value abi, name;

	if (state == NULL)
		return broken(env, "no memory");
	if (napi_set_instance_data(env, state, forget, NULL) != napi_ok) {
		free(state);
		return broken(env, "no instance data");
	}
	if (napi_create_int32(env, ABI, &abi) != napi_ok ||
	    napi_set_named_property(env, exports, "abi", abi) != napi_ok ||
	    napi_create_string_utf8(env, sys_name, NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_set_named_property(env, exports, "system", name) != napi_ok ||
	    !export_function(env, exports, "resize", resize) ||
	    !export_function(env, exports, "peer", peer) ||
	    !export_function(env, exports, "kind", kind) ||
	    !export_function(env, exports, "isDatagram", is_datagram) ||
	    !export_function(env, exports, "peerPidfd", peer_pidfd) ||
	    !export_function(env, exports, "selfTest", self_test) ||
	    !export_function(env, exports, "streamSocket", stream_socket) ||
	    !export_function(env, exports, "seqpacketSocket", seqpacket_socket) ||
	    !export_function(env, exports, "bindListen", bind_listen) ||
	    !export_function(env, exports, "connect", connect_to))
		return broken(env, "the exports cannot be set");
	return exports;
}
