/* DragonFly sys/sys/un.h (1.5, 2006): no name for the level, which is 0 in unix(4). */
#pragma once
#include <sys/socket.h>
struct sockaddr_un {
	uint8_t sun_len;
	sa_family_t sun_family;
	char sun_path[104];
};
#define LOCAL_PEERCRED 0x001
