/*
 * native/linux_options.h against the headers of a Linux kernel that is newer
 * than any libc's: <asm/socket.h> as the kernel exports it, and nothing else.
 */
#include <asm/socket.h>
#include <linux/version.h>

#include "../native/linux_options.h"

_Static_assert(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0), "headers that know SO_PASSRIGHTS");
_Static_assert(SO_PEERSEC == KERNEL_SO_PEERSEC, "SO_PEERSEC");
_Static_assert(SO_PEERGROUPS == KERNEL_SO_PEERGROUPS, "SO_PEERGROUPS");
_Static_assert(SO_PEERPIDFD == KERNEL_SO_PEERPIDFD, "SO_PEERPIDFD");
_Static_assert(SO_PASSSEC == KERNEL_SO_PASSSEC, "SO_PASSSEC");
_Static_assert(SO_PASSPIDFD == KERNEL_SO_PASSPIDFD, "SO_PASSPIDFD");
_Static_assert(SO_PASSRIGHTS == KERNEL_SO_PASSRIGHTS, "SO_PASSRIGHTS");
_Static_assert(SO_NETNS_COOKIE == KERNEL_SO_NETNS_COOKIE, "SO_NETNS_COOKIE");
