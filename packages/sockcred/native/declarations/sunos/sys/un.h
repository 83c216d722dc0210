/* illumos usr/src/uts/common/sys/un.h (2010). */
#pragma once
#include <sys/socket.h>
struct sockaddr_un {
	sa_family_t sun_family;
	char sun_path[108];
};
