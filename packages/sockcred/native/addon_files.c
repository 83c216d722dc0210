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

/* recordInside(directory, path, bytes) */
napi_value record_inside(napi_env env, napi_callback_info info)
{
	return filled_at(env, info, sys_record_inside,
			 "recordInside: a directory, a path and room for an answer are needed");
}

/* A directory and a path that begins there. */
static int is_place(napi_env env, const napi_value values[2], int32_t *directory, const uint8_t **path, size_t *length)
{
	napi_typedarray_type kind;
	void *bytes = NULL;

	if (napi_get_value_int32(env, values[0], directory) != napi_ok ||
	    napi_get_typedarray_info(env, values[1], &kind, length, &bytes, NULL, NULL) != napi_ok)
		return 0;
	*path = bytes;
	return kind == napi_uint8_array;
}

/* pathAt(directory, path, follow): a descriptor, or minus a status. */
napi_value path_at(napi_env env, napi_callback_info info)
{
	napi_value values[3];
	const uint8_t *path;
	size_t length = 0;
	int32_t directory;
	bool follow;
	int status, fd = -1;

	if (!arguments(env, info, 3, values) || !is_place(env, values, &directory, &path, &length) ||
	    napi_get_value_bool(env, values[2], &follow) != napi_ok)
		return broken(env, "pathAt: a directory, a path and whether to follow it are needed");
	status = sys_path_at(directory, path, length, follow, &fd);
	return integer(env, status == 0 ? fd : -status);
}

/* fileAt(directory, path, words): 0 and the fields of sys_file in their order, or minus a status. */
napi_value file_at(napi_env env, napi_callback_info info)
{
	struct sys_file found = { 0 };
	napi_typedarray_type kind;
	napi_value values[3];
	const uint8_t *path;
	size_t path_length = 0, length = 0;
	int32_t directory;
	uint32_t *words;
	void *data = NULL;
	int status;

	if (!arguments(env, info, 3, values) || !is_place(env, values, &directory, &path, &path_length) ||
	    napi_get_typedarray_info(env, values[2], &kind, &length, &data, NULL, NULL) != napi_ok ||
	    kind != napi_uint32_array || length < 11)
		return broken(env, "fileAt: a directory, a path and eleven words are needed");
	status = sys_file_at(directory, path, path_length, &found);
	words = data;
	words[0] = found.mode;
	words[1] = found.links;
	words[2] = found.uid;
	words[3] = found.device_major;
	words[4] = found.device_minor;
	words[5] = (uint32_t)found.inode;
	words[6] = (uint32_t)(found.inode >> 32);
	words[7] = (uint32_t)found.size;
	words[8] = (uint32_t)(found.size >> 32);
	words[9] = (uint32_t)found.mount;
	words[10] = (uint32_t)(found.mount >> 32);
	return integer(env, -status);
}

/* linkAt(directory, path, bytes) */
napi_value link_at(napi_env env, napi_callback_info info)
{
	return filled_at(env, info, sys_link_at, "linkAt: a directory, a path and room for an answer are needed");
}

/* namespaceBelow(directory, path): 1, 0, or minus a status. */
napi_value namespace_below(napi_env env, napi_callback_info info)
{
	napi_typedarray_type type;
	napi_value values[2];
	void *path = NULL;
	size_t path_length = 0;
	int32_t directory;
	int below = 0;
	int status;

	if (!arguments(env, info, 2, values) || napi_get_value_int32(env, values[0], &directory) != napi_ok ||
	    napi_get_typedarray_info(env, values[1], &type, &path_length, &path, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array)
		return broken(env, "namespaceBelow: a directory and a path are needed");
	status = sys_namespace_below(directory, path, path_length, &below);
	return integer(env, status == 0 ? below : -status);
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
