/* Marshalling for the functions of sys.h that make, name and connect sockets. */
#include "addon.h"
#include "sys.h"

static napi_value new_socket(napi_env env, int (*make)(int *))
{
	int fd = -1;
	const int status = make(&fd);

	return integer(env, status == 0 ? fd : -status);
}

/* streamSocket(), seqpacketSocket(): a new descriptor, or minus a status. */
napi_value stream_socket(napi_env env, napi_callback_info info)
{
	(void)info;
	return new_socket(env, sys_stream_socket);
}

napi_value seqpacket_socket(napi_env env, napi_callback_info info)
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
napi_value bind_listen(napi_env env, napi_callback_info info)
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

/* datagramSocket(): a new descriptor, or minus a status. */
napi_value datagram_socket(napi_env env, napi_callback_info info)
{
	(void)info;
	return new_socket(env, sys_datagram_socket);
}

/* bind(fd, name): 0, or minus a status. */
napi_value bind_to(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	uint8_t *name = NULL;
	size_t length = 0;
	int32_t fd;

	if (!arguments(env, info, 2, values) || !descriptor_and_name(env, values, &fd, &name, &length))
		return broken(env, "bind: a descriptor and a name are needed");
	return integer(env, -sys_bind(fd, name, length));
}

/* setMode(fd, mode): 0, or minus a status. */
napi_value set_mode(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	uint32_t mode;
	int32_t fd;

	if (!arguments(env, info, 2, values) || napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    napi_get_value_uint32(env, values[1], &mode) != napi_ok)
		return broken(env, "setMode: a descriptor and a mode are needed");
	return integer(env, -sys_set_mode(fd, mode));
}

/* close(fd): 0, or minus a status. */
napi_value close_descriptor(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t fd;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "close: a descriptor is needed");
	return integer(env, -sys_close(fd));
}

/* adoptStream(fd): 0, or minus a status. */
napi_value adopt_stream(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t fd;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "adoptStream: a descriptor is needed");
	return integer(env, -sys_adopt_stream(fd));
}

/* connect(fd, name): 0, or minus a status. */
napi_value connect_to(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	uint8_t *name = NULL;
	size_t length = 0;
	int32_t fd;

	if (!arguments(env, info, 2, values) || !descriptor_and_name(env, values, &fd, &name, &length))
		return broken(env, "connect: a descriptor and a name are needed");
	return integer(env, -sys_connect(fd, name, length));
}
