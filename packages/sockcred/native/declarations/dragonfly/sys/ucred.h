/* DragonFly sys/sys/ucred.h (1.7, 2006): the last field keeps the size of an older struct, and holds nothing. */
#pragma once
#include <sys/param.h>
#define XUCRED_VERSION 0
struct xucred {
	u_int cr_version;
	uid_t cr_uid;
	short cr_ngroups;
	gid_t cr_groups[NGROUPS];
	void *_cr_unused1;
};
