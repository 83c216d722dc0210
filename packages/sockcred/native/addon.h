/* What the parts of the addon share. */
#ifndef SOCKCRED_ADDON_H
#define SOCKCRED_ADDON_H

#include "node_api_declarations.h"

/* Throws unless an exception is pending already; always returns NULL. */
napi_value broken(napi_env env, const char *message);

napi_value integer(napi_env env, int32_t value);

/* Reads exactly `count` arguments; 0 when fewer were given. */
int arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);

napi_value stream_socket(napi_env env, napi_callback_info info);
napi_value seqpacket_socket(napi_env env, napi_callback_info info);
napi_value bind_listen(napi_env env, napi_callback_info info);
napi_value connect_to(napi_env env, napi_callback_info info);

napi_value netns_cookie(napi_env env, napi_callback_info info);
napi_value process_info(napi_env env, napi_callback_info info);
napi_value process_ended(napi_env env, napi_callback_info info);
napi_value process_open(napi_env env, napi_callback_info info);
napi_value process_descriptor(napi_env env, napi_callback_info info);
napi_value unix_sockets(napi_env env, napi_callback_info info);

#endif
