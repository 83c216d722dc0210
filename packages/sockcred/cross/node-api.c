/*
 * native/node_api_declarations.h against the real headers: C lets a function
 * be declared twice only if both declarations say the same.
 */
#define NAPI_VERSION 8
#include <node_api.h>

#include "../native/node_api_declarations.h"

_Static_assert(napi_ok == DECLARED_OK, "napi_ok");
_Static_assert(napi_uint8_array == DECLARED_UINT8_ARRAY, "napi_uint8_array");
_Static_assert(napi_int32_array == DECLARED_INT32_ARRAY, "napi_int32_array");
_Static_assert(napi_tsfn_abort == DECLARED_TSFN_ABORT, "napi_tsfn_abort");
_Static_assert(napi_tsfn_blocking == DECLARED_TSFN_BLOCKING, "napi_tsfn_blocking");
_Static_assert(napi_uint32_array == DECLARED_UINT32_ARRAY, "napi_uint32_array");
_Static_assert(NAPI_VERSION == DECLARED_VERSION, "NAPI_VERSION");
_Static_assert(NAPI_AUTO_LENGTH == SIZE_MAX, "NAPI_AUTO_LENGTH");
_Static_assert(sizeof(napi_status) == sizeof(int), "napi_status");
_Static_assert(sizeof(napi_typedarray_type) == sizeof(int), "napi_typedarray_type");

/* The names that Node looks for, and what they return. */
NAPI_MODULE_INIT()
{
	int32_t (*const version)(void) = node_api_module_get_api_version_v1;
	napi_value (*const init)(napi_env, napi_value) = napi_register_module_v1;

	(void)env;
	return version() == DECLARED_VERSION && init != NULL ? exports : NULL;
}
