/* Marshalling for the functions of sys.h about files. */
#include "addon.h"
#include "sys.h"

/* A path and room for an answer about it: two byte arrays. */
struct request {
	const void *path;
	size_t path_length;
	void *bytes;
	size_t capacity;
};

static int is_request(napi_env env, const napi_value values[2], struct request *out)
{
	napi_typedarray_type kinds[2];
	void *path = NULL;

	if (napi_get_typedarray_info(env, values[0], &kinds[0], &out->path_length, &path, NULL, NULL) != napi_ok ||
	    napi_get_typedarray_info(env, values[1], &kinds[1], &out->capacity, &out->bytes, NULL, NULL) != napi_ok)
		return 0;
	out->path = path;
	return kinds[0] == napi_uint8_array && kinds[1] == napi_uint8_array && out->capacity > 0 &&
	       out->capacity <= 0x7fffffff;
}

/* A question about a path below a directory: how many bytes were filled, or minus a status. */
static napi_value filled_at(napi_env env, napi_callback_info info,
			    int (*ask)(int, const uint8_t *, size_t, uint8_t *, size_t, size_t *),
			    const char *complaint)
{
	struct request request;
	napi_value values[3];
	size_t length = 0;
	int32_t directory;
	int status;

	if (!arguments(env, info, 3, values) || napi_get_value_int32(env, values[0], &directory) != napi_ok ||
	    !is_request(env, values + 1, &request))
		return broken(env, complaint);
	status = ask(directory, request.path, request.path_length, request.bytes, request.capacity, &length);
	return integer(env, status == 0 ? (int32_t)length : -status);
}

/* recordAt(directory, path, bytes) */
napi_value record_at(napi_env env, napi_callback_info info)
{
	return filled_at(env, info, sys_record_at, "recordAt: a directory, a path and room for an answer are needed");
}

/* linkAt(directory, path, bytes) */
napi_value link_at(napi_env env, napi_callback_info info)
{
	return filled_at(env, info, sys_link_at, "linkAt: a directory, a path and room for an answer are needed");
}

/* attributeNames(path, bytes): how many bytes were filled, or minus a status. */
napi_value attribute_names(napi_env env, napi_callback_info info)
{
	struct request request;
	napi_value values[2];
	size_t length = 0;
	int status;

	if (!arguments(env, info, 2, values) || !is_request(env, values, &request))
		return broken(env, "attributeNames: a path and room for an answer are needed");
	status = sys_attribute_names(request.path, request.path_length, request.bytes, request.capacity, &length);
	return integer(env, status == 0 ? (int32_t)length : -status);
}

/* unwritten(fd): 0, or minus a status. */
napi_value unwritten(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t fd;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &fd) != napi_ok)
		return broken(env, "unwritten: a descriptor is needed");
	return integer(env, -sys_unwritten(fd));
}
