/* DragonFly sys/sys/types.h, sys/sys/stdint.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>
typedef uint32_t uid_t;
typedef uint32_t gid_t;
typedef int32_t pid_t;
typedef long ssize_t;
typedef long time_t;
typedef struct pthread *pthread_t;
typedef unsigned int u_int;
