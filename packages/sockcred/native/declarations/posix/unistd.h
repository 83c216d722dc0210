/* POSIX.1-2017 <unistd.h>. */
#pragma once
#include <sys/types.h>
int close(int);
gid_t getegid(void);
uid_t geteuid(void);
gid_t getgid(void);
pid_t getpid(void);
uid_t getuid(void);
