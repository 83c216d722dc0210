/* illumos usr/src/uts/common/sys/signal.h, sys/signal_iso.h. */
#pragma once
#define SIG_SETMASK 3
typedef struct {
	unsigned int bits[4];
} sigset_t;
