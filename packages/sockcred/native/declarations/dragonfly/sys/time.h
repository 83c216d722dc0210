/* DragonFly sys/sys/time.h: of what kevent(2) needs, struct timespec. */
#pragma once
#include <time.h>
