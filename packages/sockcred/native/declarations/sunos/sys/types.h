/* illumos usr/src/uts/common/sys/types.h, 64-bit: uid_t, gid_t unsigned; pid_t, zoneid_t int. */
#pragma once
#include <stddef.h>
#include <stdint.h>
typedef unsigned int uid_t;
typedef uid_t gid_t;
typedef int pid_t;
typedef int id_t;
typedef id_t zoneid_t;
typedef long ssize_t;
typedef long time_t;
typedef unsigned int uint_t;
typedef uint_t pthread_t;
