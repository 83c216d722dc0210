/* Marshalling for the functions of sys.h about processes and all sockets. */
#include "addon.h"
#include "sys.h"

/* An integer and a typed array of a kind and at least a length, the first two of `values`. */
static int number_and_array(napi_env env, const napi_value *values, napi_typedarray_type wanted, size_t least,
			    int32_t *number, void **data, size_t *length)
{
	napi_typedarray_type type;

	return napi_get_value_int32(env, values[0], number) == napi_ok &&
	       napi_get_typedarray_info(env, values[1], &type, length, data, NULL, NULL) == napi_ok && type == wanted &&
	       *length >= least;
}

/* netnsCookie(fd, words): 0 and the low and the high half, or minus a status. */
napi_value netns_cookie(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	uint64_t cookie = 0;
	uint32_t *words;
	void *data = NULL;
	size_t length = 0;
	int32_t fd;
	int status;

	if (!arguments(env, info, 2, values) ||
	    !number_and_array(env, values, napi_uint32_array, 2, &fd, &data, &length))
		return broken(env, "netnsCookie: a descriptor and two words are needed");
	status = sys_netns_cookie(fd, &cookie);
	words = data;
	words[0] = (uint32_t)cookie;
	words[1] = (uint32_t)(cookie >> 32);
	return integer(env, -status);
}

/* processInfo(pidfd, words): 0 and the fields of sys_process_info in their order, or minus a status. */
napi_value process_info(napi_env env, napi_callback_info info)
{
	struct sys_process_info found = { 0 };
	napi_value values[2];
	uint32_t *words;
	void *data = NULL;
	size_t length = 0;
	int32_t pidfd;
	int status;

	if (!arguments(env, info, 2, values) ||
	    !number_and_array(env, values, napi_uint32_array, 14, &pidfd, &data, &length))
		return broken(env, "processInfo: a descriptor and fourteen words are needed");
	status = sys_process_info(pidfd, &found);
	words = data;
	words[0] = found.known;
	words[1] = found.pid;
	words[2] = found.parent;
	words[3] = found.real_uid;
	words[4] = found.effective_uid;
	words[5] = found.saved_uid;
	words[6] = found.filesystem_uid;
	words[7] = found.real_gid;
	words[8] = found.effective_gid;
	words[9] = found.saved_gid;
	words[10] = found.filesystem_gid;
	words[11] = (uint32_t)found.cgroup;
	words[12] = (uint32_t)(found.cgroup >> 32);
	words[13] = found.wait_status;
	return integer(env, -status);
}

/* processEnded(process): 1, 0, or minus a status. */
napi_value process_ended(napi_env env, napi_callback_info info)
{
	napi_value value;
	int32_t process;
	int ended = 0;
	int status;

	if (!arguments(env, info, 1, &value) || napi_get_value_int32(env, value, &process) != napi_ok)
		return broken(env, "processEnded: a descriptor is needed");
	status = sys_process_ended(process, &ended);
	return integer(env, status == 0 ? ended : -status);
}

/* processOpen(pid): a new descriptor, or minus a status. */
napi_value process_open(napi_env env, napi_callback_info info)
{
	napi_value value;
	uint32_t pid;
	int process = -1;
	int status;

	if (!arguments(env, info, 1, &value) || napi_get_value_uint32(env, value, &pid) != napi_ok)
		return broken(env, "processOpen: a process id is needed");
	status = sys_process_open(pid, &process);
	return integer(env, status == 0 ? process : -status);
}

/* processDescriptor(pidfd, fd): a new descriptor, or minus a status. */
napi_value process_descriptor(napi_env env, napi_callback_info info)
{
	napi_value values[2];
	int32_t pidfd, fd;
	int duplicate = -1;
	int status;

	if (!arguments(env, info, 2, values) || napi_get_value_int32(env, values[0], &pidfd) != napi_ok ||
	    napi_get_value_int32(env, values[1], &fd) != napi_ok)
		return broken(env, "processDescriptor: two descriptors are needed");
	status = sys_process_descriptor(pidfd, fd, &duplicate);
	return integer(env, status == 0 ? duplicate : -status);
}

/* An answer of bytes from one question: how many were filled, or minus a status. */
static napi_value filled(napi_env env, napi_callback_info info, int (*ask)(uint8_t *, size_t, size_t *),
			 const char *complaint)
{
	napi_typedarray_type type;
	napi_value value;
	void *bytes = NULL;
	size_t capacity = 0, length = 0;
	int status;

	if (!arguments(env, info, 1, &value) ||
	    napi_get_typedarray_info(env, value, &type, &capacity, &bytes, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array || capacity > 0x7fffffff)
		return broken(env, complaint);
	status = ask(bytes, capacity, &length);
	return integer(env, status == 0 ? (int32_t)length : -status);
}

/* bootId(bytes) */
napi_value boot_id(napi_env env, napi_callback_info info)
{
	return filled(env, info, sys_boot_id, "bootId: room for an answer is needed");
}

/* unixSockets(bytes) */
napi_value unix_sockets(napi_env env, napi_callback_info info)
{
	return filled(env, info, sys_unix_sockets, "unixSockets: room for an answer is needed");
}
