/* illumos usr/src/head/port.h, usr/src/uts/common/sys/port.h (2012). */
#pragma once
#include <sys/types.h>
#define PORT_SOURCE_FD 4
typedef struct port_event {
	int portev_events;
	unsigned short portev_source;
	unsigned short portev_pad;
	uintptr_t portev_object;
	void *portev_user;
} port_event_t;
struct timespec;
int port_create(void);
int port_associate(int, int, uintptr_t, int, void *);
int port_dissociate(int, int, uintptr_t);
int port_getn(int, port_event_t[], uint_t, uint_t *, struct timespec *);
int port_send(int, int, void *);
