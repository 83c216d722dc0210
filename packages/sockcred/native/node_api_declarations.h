/*
 * The part of Node-API (version 8) that the addon uses, declared here so that
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
typedef struct napi_handle_scope__ *napi_handle_scope;
typedef struct napi_async_context__ *napi_async_context;
typedef struct napi_threadsafe_function__ *napi_threadsafe_function;
typedef struct napi_async_cleanup_hook_handle__ *napi_async_cleanup_hook_handle;
struct uv_loop_s;

/* Both are enumerations, and so have the size of an int. */
#define DECLARED_OK 0
#define DECLARED_UINT8_ARRAY 1
#define DECLARED_INT32_ARRAY 5
#define DECLARED_UINT32_ARRAY 6
#define DECLARED_TSFN_ABORT 1
#define DECLARED_TSFN_BLOCKING 1
#define DECLARED_VERSION 8

#ifndef NAPI_AUTO_LENGTH /* the real headers are there too: then they are compared */
typedef enum { napi_ok = DECLARED_OK } napi_status;
typedef enum {
	napi_uint8_array = DECLARED_UINT8_ARRAY,
	napi_int32_array = DECLARED_INT32_ARRAY,
	napi_uint32_array = DECLARED_UINT32_ARRAY
} napi_typedarray_type;
typedef enum { napi_tsfn_abort = DECLARED_TSFN_ABORT } napi_threadsafe_function_release_mode;
typedef enum { napi_tsfn_blocking = DECLARED_TSFN_BLOCKING } napi_threadsafe_function_call_mode;
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
typedef void (*napi_async_cleanup_hook)(napi_async_cleanup_hook_handle handle, void *data);
typedef void (*napi_threadsafe_function_call_js)(napi_env env, napi_value callback, void *context, void *data);

napi_status napi_add_async_cleanup_hook(napi_env env, napi_async_cleanup_hook hook, void *data,
					napi_async_cleanup_hook_handle *handle);
napi_status napi_add_env_cleanup_hook(napi_env env, void (*hook)(void *data), void *data);
napi_status napi_call_threadsafe_function(napi_threadsafe_function function, void *data,
					  napi_threadsafe_function_call_mode mode);
napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope);

napi_status napi_create_arraybuffer(napi_env env, size_t length, void **data, napi_value *result);
napi_status napi_create_function(napi_env env, const char *name, size_t length, napi_callback callback, void *data,
				 napi_value *result);
napi_status napi_create_int32(napi_env env, int32_t value, napi_value *result);
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref *result);
napi_status napi_create_string_utf8(napi_env env, const char *text, size_t length, napi_value *result);
napi_status napi_create_threadsafe_function(napi_env env, napi_value function, napi_value resource, napi_value name,
					    size_t most_queued, size_t threads, void *finalize_data,
					    napi_finalize finalize, void *context,
					    napi_threadsafe_function_call_js call, napi_threadsafe_function *result);
napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer,
				   size_t offset, napi_value *result);
napi_status napi_delete_reference(napi_env env, napi_ref reference);
napi_status napi_fatal_exception(napi_env env, napi_value error);
napi_status napi_get_and_clear_last_exception(napi_env env, napi_value *result);
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *count, napi_value *values,
			     napi_value *receiver, void **data);
napi_status napi_get_instance_data(napi_env env, void **data);
napi_status napi_get_global(napi_env env, napi_value *result);
napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value *result);
napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type *type, size_t *length,
				     void **data, napi_value *buffer, size_t *offset);
napi_status napi_get_uv_event_loop(napi_env env, struct uv_loop_s **loop);
napi_status napi_get_value_bool(napi_env env, napi_value value, bool *result);
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t *result);
napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t *result);
napi_status napi_is_exception_pending(napi_env env, bool *result);
napi_status napi_make_callback(napi_env env, napi_async_context context, napi_value receiver, napi_value function,
			       size_t count, const napi_value *values, napi_value *result);
napi_status napi_open_handle_scope(napi_env env, napi_handle_scope *result);
napi_status napi_ref_threadsafe_function(napi_env env, napi_threadsafe_function function);
napi_status napi_release_threadsafe_function(napi_threadsafe_function function,
					     napi_threadsafe_function_release_mode mode);
napi_status napi_remove_async_cleanup_hook(napi_async_cleanup_hook_handle handle);
napi_status napi_set_instance_data(napi_env env, void *data, napi_finalize finalize, void *hint);
napi_status napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value);
napi_status napi_throw_error(napi_env env, const char *code, const char *message);
napi_status napi_unref_threadsafe_function(napi_env env, napi_threadsafe_function function);

#endif
