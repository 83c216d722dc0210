/* POSIX.1-2017 <stdlib.h>. */
#pragma once
#include <stddef.h>
void *calloc(size_t, size_t);
void free(void *);
void *malloc(size_t);
