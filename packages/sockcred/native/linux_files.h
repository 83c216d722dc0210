/*
 * Linux: the numbers of files_linux.c, which libcs of older kernels lack. cross/linux-files.c holds them against the
 * headers of a newer kernel.
 */
#ifndef SOCKCRED_LINUX_FILES_H
#define SOCKCRED_LINUX_FILES_H

#include <linux/ioctl.h>

/* <linux/fcntl.h>, <linux/stat.h>: statx(2), Linux 4.11. */
#define KERNEL_AT_STATX_DONT_SYNC 0x4000
#define KERNEL_STATX_BASIC_STATS 0x7ff
#define KERNEL_STATX_MNT_ID 0x1000

/* <linux/openat2.h>: openat2(2), Linux 5.6. */
#define KERNEL_RESOLVE_NO_XDEV 0x01
#define KERNEL_RESOLVE_NO_SYMLINKS 0x04
#define KERNEL_RESOLVE_BENEATH 0x08

/* <linux/nsfs.h>: ioctl_ns(2), Linux 4.9. */
#define KERNEL_NSIO 0xb7
#define KERNEL_NSIO_GET_PARENT 2
#define KERNEL_NS_GET_PARENT _IO(KERNEL_NSIO, KERNEL_NSIO_GET_PARENT)

#endif
