/*
 * Marshalling between JavaScript and message.h. Received messages land in one
 * arena that JavaScript reads before it receives again: the messages first,
 * as struct message is, then the room for their data. One crossing per batch.
 * The places in a message are named in src/sys/message-arena.ts as well.
 */
#include "addon.h"
#include "message.h"
#include "sys.h"

#include <stdlib.h>

#define MOST_ROOM 0x1000000

_Static_assert(offsetof(struct message, cred_status) == 3 * 4, "words of a message");
_Static_assert(offsetof(struct message, groups_status) == 9 * 4, "words of a message");
_Static_assert(offsetof(struct message, pidfd) == 14 * 4, "words of a message");
_Static_assert(offsetof(struct message, unknown) == 17 * 4, "words of a message");
_Static_assert(offsetof(struct message, fds) == 20 * 4, "words of a message");
_Static_assert(offsetof(struct message, groups) == (20 + 253) * 4, "words of a message");
_Static_assert(offsetof(struct message, label) == (20 + 253 + 32) * 4, "words of a message");
_Static_assert(offsetof(struct message, name) == (20 + 253 + 32) * 4 + 1024, "words of a message");
_Static_assert(sizeof(struct message) == (20 + 253 + 32) * 4 + 1024 + 112, "words of a message");

struct message_memory {
	napi_ref arena; /* keeps messages and data alive */
	struct message *messages;
	uint8_t *data;
	size_t count, room;
	uint8_t *control;
};

void forget_messages(napi_env env, struct state *state)
{
	if (state->messages == NULL)
		return;
	napi_delete_reference(env, state->messages->arena);
	free(state->messages->control);
	free(state->messages);
	state->messages = NULL;
}

/* messageArena(count, room): ArrayBuffer - for that many messages of that many bytes. */
napi_value message_arena(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	struct message_memory *made;
	napi_value values[2], buffer;
	uint32_t count, room;
	void *memory = NULL;

	if (state == NULL || !arguments(env, info, 2, values) ||
	    napi_get_value_uint32(env, values[0], &count) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &room) != napi_ok || count == 0 || count > MESSAGE_MOST_BATCH ||
	    room == 0 || room > MOST_ROOM)
		return broken(env, "messageArena: two sizes are needed");
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return broken(env, "messageArena: no memory");
	made->control = calloc(count, MESSAGE_CONTROL);
	if (made->control == NULL ||
	    napi_create_arraybuffer(env, count * (sizeof(struct message) + (size_t)room), &memory, &buffer) !=
		    napi_ok ||
	    napi_create_reference(env, buffer, 1, &made->arena) != napi_ok) {
		free(made->control);
		free(made);
		return broken(env, "messageArena: no memory");
	}
	made->messages = memory;
	made->data = (uint8_t *)(made->messages + count);
	made->count = count;
	made->room = room;
	forget_messages(env, state);
	state->messages = made;
	return buffer;
}

/* receiveMessages(fd, kind, count, room, mostFds, peek): how many there are in the arena, or minus a status. */
napi_value receive_messages(napi_env env, napi_callback_info info)
{
	struct state *state = state_of(env);
	struct message_request request;
	napi_value values[6];
	uint32_t kind, count, room, most_fds;
	size_t received = 0;
	int32_t fd;
	bool peek;
	int status;

	if (state == NULL || state->messages == NULL || !arguments(env, info, 6, values) ||
	    napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &kind) != napi_ok ||
	    napi_get_value_uint32(env, values[2], &count) != napi_ok ||
	    napi_get_value_uint32(env, values[3], &room) != napi_ok ||
	    napi_get_value_uint32(env, values[4], &most_fds) != napi_ok ||
	    napi_get_value_bool(env, values[5], &peek) != napi_ok || count > state->messages->count ||
	    room > state->messages->room || kind > MESSAGE_DATAGRAM)
		return broken(env, "receiveMessages: a descriptor, four numbers, a flag and an arena are needed");
	request.kind = (enum message_kind)kind;
	request.peek = peek;
	request.most_fds = most_fds;
	request.data = state->messages->data;
	request.room = room;
	request.control = state->messages->control;
	request.control_room = MESSAGE_CONTROL;
	status = message_receive(fd, &request, state->messages->messages, count, &received);
	return integer(env, status == 0 ? (int32_t)received : -status);
}

/* The bytes of a typed array of this type. */
static int array(napi_env env, napi_value value, napi_typedarray_type wanted, void **bytes, size_t *length)
{
	napi_typedarray_type type;

	return napi_get_typedarray_info(env, value, &type, length, bytes, NULL, NULL) == napi_ok && type == wanted;
}

static napi_value sent(napi_env env, int status, size_t bytes)
{
	return integer(env, status == 0 ? (int32_t)bytes : -status);
}

/* send(fd, bytes, name): bytes sent, or minus a status. */
napi_value send_bytes(napi_env env, napi_callback_info info)
{
	struct message_outgoing message = { 0 };
	void *data = NULL, *name = NULL;
	napi_value values[3];
	size_t bytes = 0;
	int32_t fd;
	int status;

	if (!arguments(env, info, 3, values) || napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    !array(env, values[1], napi_uint8_array, &data, &message.length) ||
	    !array(env, values[2], napi_uint8_array, &name, &message.name_length) || message.length > INT32_MAX)
		return broken(env, "send: a descriptor, bytes and a name are needed");
	message.data = data;
	message.name = name;
	status = message_send(fd, &message, &bytes);
	return sent(env, status, bytes);
}

/* sendMessage(fd, bytes, name, fds, claim): the same with an Int32Array and a Uint32Array of 0 or 3 words. */
napi_value send_message(napi_env env, napi_callback_info info)
{
	struct message_outgoing message = { 0 };
	void *data = NULL, *name = NULL, *fds = NULL, *claim = NULL;
	napi_value values[5];
	size_t bytes = 0, claimed = 0;
	int32_t fd;
	int status;

	if (!arguments(env, info, 5, values) || napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    !array(env, values[1], napi_uint8_array, &data, &message.length) ||
	    !array(env, values[2], napi_uint8_array, &name, &message.name_length) ||
	    !array(env, values[3], napi_int32_array, &fds, &message.fd_count) ||
	    !array(env, values[4], napi_uint32_array, &claim, &claimed) || message.length > INT32_MAX ||
	    (claimed != 0 && claimed != 3))
		return broken(env, "sendMessage: a descriptor, bytes, a name, descriptors and a claim are needed");
	message.data = data;
	message.name = name;
	message.fds = fds;
	message.claim = claimed == 3 ? claim : NULL;
	status = message_send(fd, &message, &bytes);
	return sent(env, status, bytes);
}

/* sendBatch(fd, bytes, lengths, count, name): messages sent, or minus a status. */
napi_value send_batch(napi_env env, napi_callback_info info)
{
	void *data = NULL, *lengths = NULL, *name = NULL;
	size_t size = 0, given = 0, name_length = 0, all = 0, messages = 0;
	napi_value values[5];
	uint32_t count;
	int32_t fd;
	int status;

	if (!arguments(env, info, 5, values) || napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    !array(env, values[1], napi_uint8_array, &data, &size) ||
	    !array(env, values[2], napi_uint32_array, &lengths, &given) ||
	    napi_get_value_uint32(env, values[3], &count) != napi_ok ||
	    !array(env, values[4], napi_uint8_array, &name, &name_length) || count > given)
		return broken(env, "sendBatch: a descriptor, bytes, lengths, a number and a name are needed");
	for (size_t index = 0; index < count; index++)
		all += ((const uint32_t *)lengths)[index];
	if (all > size)
		return broken(env, "sendBatch: more bytes than there are");
	status = message_send_batch(fd, data, lengths, count, name, name_length, &messages);
	return sent(env, status, messages);
}

/* socketPair(kind, fds): 0, or minus a status; the descriptors are in the Int32Array. */
napi_value socket_pair(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	void *fds = NULL;
	size_t room = 0;
	uint32_t kind;

	if (!arguments(env, info, 2, values) || napi_get_value_uint32(env, values[0], &kind) != napi_ok ||
	    !array(env, values[1], napi_int32_array, &fds, &room) || room < 2 || kind > MESSAGE_DATAGRAM)
		return broken(env, "socketPair: a kind and room for two descriptors are needed");
	return integer(env, -message_pair((enum message_kind)kind, fds));
}

/* A call on one descriptor that gives another one. */
static napi_value another(napi_env env, napi_callback_info info, int (*call)(int, int *), const char *name)
{
	napi_value value;
	int32_t fd;
	int made = -1;
	int status;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, name);
	status = call(fd, &made);
	return integer(env, status == 0 ? made : -status);
}

/* accept(fd), duplicate(fd): a new descriptor, or minus a status. */
napi_value accept_from(napi_env env, napi_callback_info info)
{
	return another(env, info, message_accept, "accept: a descriptor is needed");
}

napi_value duplicate(napi_env env, napi_callback_info info)
{
	return another(env, info, message_duplicate, "duplicate: a descriptor is needed");
}

/* finish(fd): 0, or minus a status. */
napi_value finish(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t fd;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "finish: a descriptor is needed");
	return integer(env, -message_finish(fd));
}

/* setMessageOption(fd, option, on): 0, or minus a status. */
napi_value set_message_option(napi_env env, napi_callback_info info)
{
	napi_value values[3];
	uint32_t option;
	int32_t fd;
	bool on;

	if (!arguments(env, info, 3, values) || napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &option) != napi_ok || option > MESSAGE_PASS_FDS ||
	    napi_get_value_bool(env, values[2], &on) != napi_ok)
		return broken(env, "setMessageOption: a descriptor, an option and a flag are needed");
	return integer(env, -message_set_option(fd, (enum message_option)option, on));
}

/* messageOption(fd, option): 0 or 1, or minus a status. */
napi_value get_message_option(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	uint32_t option;
	int32_t fd;
	int on = 0;
	int status;

	if (!arguments(env, info, 2, values) || napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &option) != napi_ok || option > MESSAGE_PASS_FDS)
		return broken(env, "messageOption: a descriptor and an option are needed");
	status = message_get_option(fd, (enum message_option)option, &on);
	return integer(env, status == 0 ? on != 0 : -status);
}
