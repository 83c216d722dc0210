/* POSIX.1-2017 <signal.h>; what a set of signals is, and the number of SIG_SETMASK, are the system's. */
#pragma once
#include <sys/signal.h>
int sigfillset(sigset_t *);
int pthread_sigmask(int, const sigset_t *restrict, sigset_t *restrict);
