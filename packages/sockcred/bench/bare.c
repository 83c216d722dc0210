/*
 * The yardstick: the system calls that one answer takes, in a bare loop in the
 * same process. Nothing is decoded, and nothing but the timing crosses into
 * JavaScript.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>

#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

static uint32_t groups[256];
static char label[1024];

static int ask_once(int fd)
{
	struct sockaddr_storage name;
	struct ucred cred;
	socklen_t length = sizeof(name);
	int failures = 0;

	failures += getsockname(fd, (struct sockaddr *)&name, &length) != 0;
	length = sizeof(name);
	failures += getpeername(fd, (struct sockaddr *)&name, &length) != 0;
	length = sizeof(cred);
	failures += getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) != 0;
	length = sizeof(groups);
	failures += getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0;
	length = sizeof(label);
	/* Refused where no security module labels sockets: a call all the same. */
	getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, &length);
	return failures;
}

/* loop(fd, rounds): nanoseconds that all rounds took. */
static napi_value loop(napi_env env, napi_callback_info info)
{
	napi_value values[2], result = NULL;
	size_t given = 2;
	int32_t fd = -1, rounds = 0;
	struct timespec begin, end;
	int failures = 0;

	if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < 2 ||
	    napi_get_value_int32(env, values[0], &fd) != napi_ok ||
	    napi_get_value_int32(env, values[1], &rounds) != napi_ok) {
		napi_throw_error(env, NULL, "loop: a descriptor and a count are needed");
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int32_t round = 0; round < rounds; round++)
		failures += ask_once(fd);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (failures != 0) {
		napi_throw_error(env, NULL, "loop: the kernel did not answer");
		return NULL;
	}
	napi_create_double(env, (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec),
			   &result);
	return result;
}

NAPI_MODULE_INIT()
{
	napi_value function;

	if (napi_create_function(env, "loop", NAPI_AUTO_LENGTH, loop, NULL, &function) != napi_ok ||
	    napi_set_named_property(env, exports, "loop", function) != napi_ok)
		napi_throw_error(env, NULL, "the exports cannot be set");
	return exports;
}
