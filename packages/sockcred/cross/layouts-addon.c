/*
 * native/test/layouts_test.c as an addon, so that a Node of another processor
 * runs it: loading the file runs every case. It is linked like the addon
 * itself, without a C library of its own.
 */
#define _GNU_SOURCE
#include "../native/node_api_declarations.h"
#include "../native/test/testing.h"

#include <stdio.h>
#include <unistd.h>

static long long checks;

void check(int holds, const char *text, const char *file, int line)
{
	checks++;
	if (holds)
		return;
	dprintf(2, "%s:%d: not so: %s\n", file, line, text);
	_exit(1);
}

void check_equal(long long actual, long long expected, const char *text, const char *file, int line)
{
	checks++;
	if (actual == expected)
		return;
	dprintf(2, "%s:%d: %s is %lld, expected %lld\n", file, line, text, actual, expected);
	_exit(1);
}

NAPI_MODULE_INIT()
{
	napi_value count;

	for (const struct test_case *each = layout_cases; each->name != NULL; each++)
		each->run();
	if (napi_create_int32(env, (int32_t)checks, &count) != napi_ok ||
	    napi_set_named_property(env, exports, "checks", count) != napi_ok)
		napi_throw_error(env, NULL, "the exports cannot be set");
	return exports;
}
