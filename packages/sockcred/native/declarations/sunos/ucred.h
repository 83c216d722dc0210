/* illumos usr/src/head/ucred.h (2006); ucred_get(3C), getpeerucred(3C). */
#pragma once
#include <sys/types.h>
typedef struct ucred_s ucred_t;
int getpeerucred(int, ucred_t **);
void ucred_free(ucred_t *);
uid_t ucred_geteuid(const ucred_t *);
uid_t ucred_getruid(const ucred_t *);
uid_t ucred_getsuid(const ucred_t *);
gid_t ucred_getegid(const ucred_t *);
gid_t ucred_getrgid(const ucred_t *);
gid_t ucred_getsgid(const ucred_t *);
int ucred_getgroups(const ucred_t *, const gid_t **);
pid_t ucred_getpid(const ucred_t *);
zoneid_t ucred_getzoneid(const ucred_t *);
size_t ucred_size(void);
