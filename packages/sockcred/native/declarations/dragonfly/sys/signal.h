/* DragonFly sys/sys/signal.h, sys/sys/_sigset.h. */
#pragma once
#define SIG_SETMASK 3
typedef struct {
	unsigned int bits[4];
} sigset_t;
