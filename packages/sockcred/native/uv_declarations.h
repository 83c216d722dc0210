/*
 * The little of libuv that waits for one descriptor, declared here so that the
 * addon needs no headers of it. These are part of libuv's stable interface
 * (version 1; uv_handle_size() and the setters of opaque handles since 1.19);
 * cross/uv.c holds every line of this against the headers of libuv.
 * The symbols are weak: they are looked up in the program that loads the
 * addon, and stay NULL in one that has no libuv. That a symbol is there does
 * not mean that it works: Bun has it, and ends the process in it.
 */
#ifndef SOCKCRED_UV_DECLARATIONS_H
#define SOCKCRED_UV_DECLARATIONS_H

#include <stddef.h>

struct uv_loop_s;
struct uv_handle_s; /* what every handle begins with */
struct uv_poll_s;

#define DECLARED_UV_POLL 8
#define DECLARED_UV_READABLE 1

#ifndef UV_VERSION_MAJOR /* the real headers are there too: then they are compared */
typedef enum { UV_POLL = DECLARED_UV_POLL } uv_handle_type;
enum uv_poll_event { UV_READABLE = DECLARED_UV_READABLE };
#endif

typedef void (*uv_poll_cb)(struct uv_poll_s *handle, int status, int events);
typedef void (*uv_close_cb)(struct uv_handle_s *handle);

#define FROM_THE_PROGRAM __attribute__((weak, visibility("default")))

extern FROM_THE_PROGRAM size_t uv_handle_size(uv_handle_type type);
extern FROM_THE_PROGRAM void *uv_handle_get_data(const struct uv_handle_s *handle);
extern FROM_THE_PROGRAM void uv_handle_set_data(struct uv_handle_s *handle, void *data);
extern FROM_THE_PROGRAM int uv_poll_init(struct uv_loop_s *loop, struct uv_poll_s *handle, int fd);
extern FROM_THE_PROGRAM int uv_poll_start(struct uv_poll_s *handle, int events, uv_poll_cb callback);
extern FROM_THE_PROGRAM void uv_close(struct uv_handle_s *handle, uv_close_cb callback);
extern FROM_THE_PROGRAM void uv_ref(struct uv_handle_s *handle);
extern FROM_THE_PROGRAM void uv_unref(struct uv_handle_s *handle);

#endif
