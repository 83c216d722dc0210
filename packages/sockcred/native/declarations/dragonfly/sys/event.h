/* DragonFly sys/sys/event.h; EV_RECEIPT and EVFILT_USER with the numbers of the libc crate 0.2. */
#pragma once
#include <sys/types.h>
#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_PROC (-5)
#define EVFILT_USER (-9)
#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_ERROR 0x4000
#define EV_EOF 0x8000
#define NOTE_TRIGGER 0x01000000
#define NOTE_EXIT 0x80000000
struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	u_int fflags;
	intptr_t data;
	void *udata;
};
struct timespec;
int kqueue(void);
int kevent(int, const struct kevent *, int, struct kevent *, int, const struct timespec *);
