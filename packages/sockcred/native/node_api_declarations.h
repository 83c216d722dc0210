/*
 * The part of Node-API (version 8) that addon.c uses, declared here so that
 * the addon can be compiled with a C compiler and nothing else. Node-API is a
 * stable binary interface; cross/node-api.c holds every line of this against
 * the headers of the npm package node-api-headers. See
 * https://nodejs.org/api/n-api.html.
 */
#ifndef SOCKCRED_NODE_API_DECLARATIONS_H
#define SOCKCRED_NODE_API_DECLARATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_ref__ *napi_ref;
typedef struct napi_callback_info__ *napi_callback_info;

/* Both are enumerations, and so have the size of an int. */
#define DECLARED_OK 0
#define DECLARED_UINT8_ARRAY 1
#define DECLARED_UINT32_ARRAY 6
#define DECLARED_VERSION 8

#ifndef NAPI_AUTO_LENGTH /* the real headers are there too: then they are compared */
typedef enum { napi_ok = DECLARED_OK } napi_status;
typedef enum { napi_uint8_array = DECLARED_UINT8_ARRAY, napi_uint32_array = DECLARED_UINT32_ARRAY } napi_typedarray_type;
#define NAPI_AUTO_LENGTH SIZE_MAX
#define NAPI_MODULE_INIT()                                                                        \
	__attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1(void);  \
	__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env,   \
										  napi_value exports); \
	int32_t node_api_module_get_api_version_v1(void)                                          \
	{                                                                                         \
		return DECLARED_VERSION;                                                          \
	}                                                                                         \
	napi_value napi_register_module_v1(napi_env env, napi_value exports)
#endif

typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);
typedef void (*napi_finalize)(napi_env env, void *data, void *hint);

napi_status napi_create_arraybuffer(napi_env env, size_t length, void **data, napi_value *result);
napi_status napi_create_function(napi_env env, const char *name, size_t length, napi_callback callback, void *data,
				 napi_value *result);
napi_status napi_create_int32(napi_env env, int32_t value, napi_value *result);
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref *result);
napi_status napi_create_string_utf8(napi_env env, const char *text, size_t length, napi_value *result);
napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer,
				   size_t offset, napi_value *result);
napi_status napi_delete_reference(napi_env env, napi_ref reference);
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *count, napi_value *values,
			     napi_value *receiver, void **data);
napi_status napi_get_instance_data(napi_env env, void **data);
napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type *type, size_t *length,
				     void **data, napi_value *buffer, size_t *offset);
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t *result);
napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t *result);
napi_status napi_is_exception_pending(napi_env env, bool *result);
napi_status napi_set_instance_data(napi_env env, void *data, napi_finalize finalize, void *hint);
napi_status napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value);
napi_status napi_throw_error(napi_env env, const char *code, const char *message);

#endif
