/* DragonFly sys/sys/param.h: of what struct xucred needs, NGROUPS; sys/sys/syslimits.h has the number. */
#pragma once
#include <sys/types.h>
#define NGROUPS 16
