/* POSIX.1-2017 <pthread.h>; what a thread is, is the system's. */
#pragma once
#include <sys/types.h>
typedef struct pthread_attributes pthread_attr_t;
int pthread_create(pthread_t *restrict, const pthread_attr_t *restrict, void *(*)(void *), void *restrict);
int pthread_join(pthread_t, void **);
