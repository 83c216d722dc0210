/*
 * native/linux_files.h against the headers of a Linux kernel that is newer than any libc's.
 */
#include <linux/fcntl.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/version.h>

#include "../native/linux_files.h"

_Static_assert(LINUX_VERSION_CODE >= KERNEL_VERSION(5, 8, 0), "headers that know STATX_MNT_ID");
_Static_assert(AT_STATX_DONT_SYNC == KERNEL_AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC");
_Static_assert(STATX_BASIC_STATS == KERNEL_STATX_BASIC_STATS, "STATX_BASIC_STATS");
_Static_assert(STATX_MNT_ID == KERNEL_STATX_MNT_ID, "STATX_MNT_ID");
_Static_assert(RESOLVE_NO_XDEV == KERNEL_RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV");
_Static_assert(RESOLVE_NO_SYMLINKS == KERNEL_RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS");
_Static_assert(RESOLVE_BENEATH == KERNEL_RESOLVE_BENEATH, "RESOLVE_BENEATH");
_Static_assert(NS_GET_PARENT == KERNEL_NS_GET_PARENT, "NS_GET_PARENT");
