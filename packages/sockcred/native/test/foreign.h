/*
 * A stand-in for a kernel that does not run here: it sees which question is
 * asked, and gives the bytes or the error that the kernel is documented to
 * give. SYSTEM says which; the numbers here and on the command line are the
 * kernels' own and not taken from any header.
 */
#ifndef SOCKCRED_FOREIGN_H
#define SOCKCRED_FOREIGN_H

#include "../sys.h"

/* Errors, by the foreign numbers: 4.4BSD's, and those of System V. */
#define BSD 1
#define SYSV 2
#if !defined(SYSTEM) || !defined(FAMILY)
#error "which system? -DSYSTEM=\"name\" -DFAMILY=BSD -DQUESTION_LEVEL=... -DQUESTION=..."
#endif
#define EPERM_ 1
#define ENOENT_ 2
#define ESRCH_ 3
#define EINTR_ 4
#define EBADF_ 9
#define ENOMEM_ 12
#define EACCES_ 13
#define EINVAL_ 22
#define EAGAIN_ (FAMILY == BSD ? 35 : 11)
#define ETIME_ 62
#define EAFNOSUPPORT_ (FAMILY == BSD ? 47 : 124)
#define ENOTSOCK_ (FAMILY == BSD ? 38 : 95)
#define ENOTCONN_ (FAMILY == BSD ? 57 : 134)

#define AF_UNIX_ 1
#define AF_INET_ 2
#define SOL_SOCKET_ 0xffff
#define SO_ACCEPTCONN_ 2
#define SO_TYPE_ 0x1008
#define STREAM_ (FAMILY == BSD ? 1 : 2)
#define DATAGRAM_ (FAMILY == BSD ? 2 : 1)
#define SEQPACKET_ (FAMILY == BSD ? 5 : 6)

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition, 0, 0, __LINE__))
#define CHECK_EQUAL(actual, expected) \
	((long)(actual) == (long)(expected) ? (void)0 : fail(#actual, (long)(actual), (long)(expected), __LINE__))

_Noreturn void fail(const char *text, long actual, long expected, int line);

/* Descriptors that the stand-in hands out: one end of a socketpair, the other, a new socket. */
enum { FIRST = 100, END, OTHER_END, FRESH, LAST = FRESH };
extern int descriptors_open;

/* How often each was closed, and made close-on-exec, of those that are not of the stand-in's own making. */
#define MOST_DESCRIPTORS 512
extern int closed[MOST_DESCRIPTORS], close_on_exec[MOST_DESCRIPTORS];

/* Fails a call, for the stand-ins. */
int refuse(int error);

/* What the kernel says to the question about a peer. */
struct kernel_says {
	int error, interruptions;
	uint32_t length;
	uint8_t bytes[128];
	int asked;
	int nobody_errors; /* an unconnected socket is refused */
	int pair_error;    /* so is an end of a socketpair, with this */
	int accepting;     /* SO_ACCEPTCONN */
	int type;          /* SO_TYPE */
	int option;        /* what MESSAGE_PASS_CREDENTIALS is, read back */
	int token_error;   /* TOKEN, where there is such a question */
	uint32_t token_length, token[8];
	const char *boot; /* kern.bootsessionuuid; NULL: there is none */
};
extern struct kernel_says kernel;

/* What getsockname() and getpeername() say. */
struct names_say {
	int local_error, remote_error, family;
	const char *local, *remote;
};
extern struct names_say names;

extern uint8_t connected_to[128];
extern uint32_t connected_length;

/* illumos: credentials that were not freed, and how many groups they tell. */
extern int ucreds;
extern int ucred_group_count;

/* What foreign_test.c runs of the other files. */
void messages_are_told(void);
void messages_are_sent(void);
void readiness_is_told(void);
void processes_are_held(void);

uint32_t geteuid(void);
uint32_t getegid(void);
uint32_t getuid(void);
uint32_t getgid(void);
int getpid(void);

#endif
