/* POSIX.1-2017 <string.h>. */
#pragma once
#include <stddef.h>
void *memcpy(void *restrict, const void *restrict, size_t);
void *memset(void *, int, size_t);
size_t strnlen(const char *, size_t);
