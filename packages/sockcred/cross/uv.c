/*
 * native/uv_declarations.h against libuv's own headers, as node-api.c does it.
 */
#include <errno.h>
#include <uv.h>

#include "../native/uv_declarations.h"

_Static_assert(UV_VERSION_MAJOR == 1, "libuv's stable interface");
_Static_assert(UV_POLL == DECLARED_UV_POLL, "UV_POLL");
_Static_assert(UV_READABLE == DECLARED_UV_READABLE, "UV_READABLE");
_Static_assert(sizeof(uv_handle_type) == sizeof(int), "uv_handle_type");
/* Errors are negative errnos. */
_Static_assert(UV_ENOMEM == -ENOMEM && UV_EEXIST == -EEXIST && UV_EPERM == -EPERM, "errors");
