/*
 * Linux: the numbers of socket options. SO_PEERCRED differs between
 * architectures (21 on powerpc) and is as old as the headers, so it only ever
 * comes from there. The younger options may be missing from a libc; these are
 * the kernel's own numbers. Where the headers know better, both must agree,
 * and cross/linux-options.c holds them against the headers of a newer kernel.
 */
#ifndef SOCKCRED_LINUX_OPTIONS_H
#define SOCKCRED_LINUX_OPTIONS_H

#ifndef SO_PEERCRED
#error "these headers define no SO_PEERCRED: not a Linux toolchain"
#endif

#if defined(__alpha__) || defined(__hppa__)
#error "the option numbers of this architecture have not been held against its headers"
#elif defined(__sparc__)
#define KERNEL_SO_PASSSEC 0x001f
#define KERNEL_SO_PASSPIDFD 0x0055
#define KERNEL_SO_PASSRIGHTS 0x005c
#define KERNEL_SO_PEERSEC 0x001e
#define KERNEL_SO_PEERGROUPS 0x003d
#define KERNEL_SO_PEERPIDFD 0x0056
#define KERNEL_SO_NETNS_COOKIE 0x0050
#elif defined(__mips__)
#define KERNEL_SO_PASSSEC 34
#define KERNEL_SO_PASSPIDFD 76
#define KERNEL_SO_PASSRIGHTS 83
#define KERNEL_SO_PEERSEC 30
#define KERNEL_SO_PEERGROUPS 59
#define KERNEL_SO_PEERPIDFD 77
#define KERNEL_SO_NETNS_COOKIE 71
#else
#define KERNEL_SO_PASSSEC 34
#define KERNEL_SO_PASSPIDFD 76
#define KERNEL_SO_PASSRIGHTS 83
#define KERNEL_SO_PEERSEC 31
#define KERNEL_SO_PEERGROUPS 59
#define KERNEL_SO_PEERPIDFD 77
#define KERNEL_SO_NETNS_COOKIE 71
#endif

#ifdef SO_PEERSEC
_Static_assert(SO_PEERSEC == KERNEL_SO_PEERSEC, "SO_PEERSEC");
#endif
#ifdef SO_PEERGROUPS
_Static_assert(SO_PEERGROUPS == KERNEL_SO_PEERGROUPS, "SO_PEERGROUPS");
#endif
#ifdef SO_PEERPIDFD
_Static_assert(SO_PEERPIDFD == KERNEL_SO_PEERPIDFD, "SO_PEERPIDFD");
#endif
#ifdef SO_NETNS_COOKIE
_Static_assert(SO_NETNS_COOKIE == KERNEL_SO_NETNS_COOKIE, "SO_NETNS_COOKIE");
#endif

#ifdef SO_PASSSEC
_Static_assert(SO_PASSSEC == KERNEL_SO_PASSSEC, "SO_PASSSEC");
#endif
#ifdef SO_PASSPIDFD
_Static_assert(SO_PASSPIDFD == KERNEL_SO_PASSPIDFD, "SO_PASSPIDFD");
#endif
#ifdef SO_PASSRIGHTS
_Static_assert(SO_PASSRIGHTS == KERNEL_SO_PASSRIGHTS, "SO_PASSRIGHTS");
#endif

#endif
