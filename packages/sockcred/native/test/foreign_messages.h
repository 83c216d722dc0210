/*
 * What arrives on the sockets of the stand-in, and what was sent on them. What
 * the command line says of a kernel's messages: RIGHTS, CREDENTIALS and
 * ATTACHED, the types of control messages (-1: none); CONTROL_BEGINS, where
 * the bytes of one begin, and CONTROL_ALIGNED, where the next one may;
 * OPTION_LEVEL and OPTION, by which it tells senders, and FOR_DATAGRAMS
 * whether of datagrams only.
 */
#ifndef SOCKCRED_FOREIGN_MESSAGES_H
#define SOCKCRED_FOREIGN_MESSAGES_H

#include "../message.h"
#include "foreign.h"

#define MSG_PEEK_ 0x2
#define MSG_EOR_ 0x8
#define MSG_TRUNC_ (FAMILY == BSD ? 0x10 : 0x20)
#define MSG_CTRUNC_ (FAMILY == BSD ? 0x20 : 0x10)
#define MSG_DONTWAIT_ 0x80

/* One send of the other end. */
struct arrival {
	int error;
	size_t length;
	uint8_t control[2048];
	size_t control_length;
	int flags;
	const char *name; /* "": nameless */
};
extern struct arrival arrivals[8];
extern size_t arrival_count;

/* Begins anew with one arrival of so many bytes and nothing beside it. */
struct arrival *arrives(size_t length);
/* Puts a control message beside it. */
void beside(struct arrival *arrival, int level, int type, const void *bytes, size_t size);

/* The last sendmsg(), and what the next one says. */
struct sending {
	int flags;
	size_t length;
	uint8_t first; /* byte, where there is one */
	uint8_t control[2048];
	size_t control_length;
	uint8_t name[128];
	size_t name_length;
	int times;
	int error_from; /* the time from which it is refused; 0: never */
};
extern struct sending sending;

/* The last setsockopt(). */
extern int set_level, set_option, set_value;

#endif
