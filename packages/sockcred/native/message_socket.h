/*
 * What message_socket.c, message_receive.c and the message_*.c files lend each
 * other. To be included first: what a system shows of its control messages
 * depends on what was defined before its headers.
 */
#ifndef SOCKCRED_MESSAGE_SOCKET_H
#define SOCKCRED_MESSAGE_SOCKET_H

#define _GNU_SOURCE
/* illumos has control messages in the calls of X/Open only: see recvmsg(3XNET). */
#ifdef __sun
#define _XOPEN_SOURCE 600
#ifndef __EXTENSIONS__
#define __EXTENSIONS__ 1
#endif
#endif

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "message.h"

struct sockaddr_un;

/* The C libraries agree on what lies in memory, and not on what it is called. */
typedef __typeof__(((struct msghdr *)0)->msg_controllen) control_length;

/* The name that a message came from, into `out`. */
void message_take_name(const struct msghdr *header, const struct sockaddr_un *name, struct message *out);

/* The name that a message goes to; of no bytes: none. `address` lives as long as `header`. */
int message_address(const uint8_t *name, size_t length, struct sockaddr_un *address, struct msghdr *header);

/* For descriptors that nobody wants. */
void message_discard(int fd);

#endif
