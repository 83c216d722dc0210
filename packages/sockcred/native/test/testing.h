/*
 * What the native tests share: checks that say where and why, a table of
 * cases that are run one per process, and a hand between sys_linux.c and the
 * kernel (the linker's --wrap) that can answer in the kernel's place.
 */
#ifndef SOCKCRED_TESTING_H
#define SOCKCRED_TESTING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What is where nobody has answered: no id, status or length looks like it. */
#define POISON UINT32_C(0xabababab)

/* Ends the process with status 1, and the reason on stderr, unless `condition` holds. */
#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
/* The same for two integers, which are printed. */
#define CHECK_EQUAL(actual, expected) \
	check_equal((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)

void check(int holds, const char *text, const char *file, int line);
void check_equal(long long actual, long long expected, const char *text, const char *file, int line);

/* Ends the process with status 77: this machine cannot run the case. */
_Noreturn void skip(const char *reason);

struct test_case {
	const char *name;
	void (*run)(void);
};
extern const struct test_case question_cases[], socket_cases[], process_cases[], file_cases[], answer_cases[];
extern const struct test_case layout_cases[], sender_cases[], message_cases[];

/*
 * The calls of sys_linux.c go through these where they are set; the result is
 * what the kernel would have given, errno included. Tests reach the kernel
 * itself through the kernel_ functions.
 */
struct hooks {
	int (*getsockopt)(int fd, int level, int option, void *value, socklen_t *length);
	int (*getsockname)(int fd, struct sockaddr *address, socklen_t *length);
	int (*getpeername)(int fd, struct sockaddr *address, socklen_t *length);
};
extern struct hooks hooks;

int kernel_getsockopt(int fd, int level, int option, void *value, socklen_t *length);
int kernel_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int kernel_getpeername(int fd, struct sockaddr *address, socklen_t *length);

/* Both ends of a connection between this process and itself. */
struct connection {
	int listening, connected, accepted;
};
struct connection connection_to_ourselves(void);
void close_connection(struct connection connection);

/* Descriptors that are open in this process. */
int open_descriptors(void);

#endif
