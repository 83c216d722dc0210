/*
 * The functions that the files of another system call, in place of its C
 * library and its kernel: see foreign.h. Nothing of this machine's headers
 * that has another meaning there is included.
 */
#include "foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fail(const char *text, long actual, long expected, int line)
{
	fprintf(stderr, SYSTEM ":%d: %s: %ld, expected %ld\n", line, text, actual, expected);
	exit(1);
}

/* Not in any header here: the functions that the foreign files call, as they are linked. */
int getsockopt(int fd, int level, int option, void *value, uint32_t *length);
int getsockname(int fd, void *address, uint32_t *length);
int getpeername(int fd, void *address, uint32_t *length);
int socket(int family, int type, int protocol);
int socketpair(int family, int type, int protocol, int ends[2]);
int bind(int fd, const void *address, uint32_t length);
int listen(int fd, int backlog);
int connect(int fd, const void *address, uint32_t length);
int close(int fd);
size_t ucred_size(void);
int fcntl(int fd, int command, ...);

_Thread_local int errno;
int *__error(void);
int *__errno(void);
int *___errno(void);
int *__error(void)
{
	return &errno;
}
int *__errno(void)
{
	return &errno;
}
int *___errno(void)
{
	return &errno;
}

/* How names of functions are spelled to the linker elsewhere. */
int darwin_bind(int, const void *, uint32_t) __asm__("_bind");
int darwin_listen(int, int) __asm__("_listen");
int darwin_connect(int, const void *, uint32_t) __asm__("_connect");
int darwin_close(int) __asm__("_close");
int darwin_fcntl(int, int, ...) __asm__("_fcntl");
int darwin_getsockname(int, void *, uint32_t *) __asm__("_getsockname");
int darwin_getpeername(int, void *, uint32_t *) __asm__("_getpeername");
int darwin_socketpair(int, int, int, int[2]) __asm__("_socketpair");
int netbsd_socket(int, int, int) __asm__("__socket30");

int descriptors_open;
int closed[MOST_DESCRIPTORS], close_on_exec[MOST_DESCRIPTORS];
struct kernel_says kernel;

int refuse(int error)
{
	errno = error;
	return -1;
}

static int answer(int fd, void *value, uint32_t *length)
{
	kernel.asked++;
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		*length = 0;
		return refuse(EINTR_);
	}
	if (fd == FRESH && kernel.nobody_errors)
		return refuse(ENOTCONN_);
	if (fd == END && kernel.pair_error != 0)
		return refuse(kernel.pair_error);
	if (kernel.error != 0)
		return refuse(kernel.error);
	memcpy(value, kernel.bytes, *length < kernel.length ? *length : kernel.length);
	*length = kernel.length;
	return 0;
}

int getsockopt(int fd, int level, int option, void *value, uint32_t *length)
{
	if (level == SOL_SOCKET_ && option == SO_ACCEPTCONN_) {
		CHECK_EQUAL(*length, 4);
		memcpy(value, &kernel.accepting, 4);
		return 0;
	}
	if (level == SOL_SOCKET_ && option == SO_TYPE_) {
		CHECK_EQUAL(*length, 4);
		memcpy(value, &kernel.type, 4);
		return 0;
	}
	if (MESSAGES && level == OPTION_LEVEL && option == OPTION) {
		CHECK_EQUAL(*length, 4);
		memcpy(value, &kernel.option, 4);
		return 0;
	}
	if (TOKEN >= 0 && option == TOKEN) {
		CHECK_EQUAL(level, QUESTION_LEVEL);
		CHECK_EQUAL(*length, sizeof(kernel.token));
		if (kernel.token_error != 0)
			return refuse(kernel.token_error);
		memcpy(value, kernel.token, sizeof(kernel.token));
		*length = kernel.token_length;
		return 0;
	}
	CHECK_EQUAL(level, QUESTION_LEVEL);
	CHECK_EQUAL(option, QUESTION);
	CHECK_EQUAL(*length, ROOM);
	return answer(fd, value, length);
}

int sysctlbyname(const char *name, void *out, size_t *length, void *value, size_t value_length);

int sysctlbyname(const char *name, void *out, size_t *length, void *value, size_t value_length)
{
	size_t size;

	CHECK(strcmp(name, "kern.bootsessionuuid") == 0 && value == NULL && value_length == 0);
	if (kernel.boot == NULL)
		return refuse(ENOENT_);
	size = strlen(kernel.boot) + 1;
	if (size > *length)
		return refuse(ENOMEM_);
	memcpy(out, kernel.boot, size);
	*length = size;
	return 0;
}

struct names_say names;

/* A length (BSD only) and a family, then the path. */
static int address(int error, const char *path, uint8_t *out, uint32_t *length)
{
	if (error != 0)
		return refuse(error);
	memset(out, 0, 16);
	out[FAMILY == BSD ? 1 : 0] = (uint8_t)names.family;
	if (FAMILY == BSD)
		out[0] = (uint8_t)(path[0] == 0 ? 16 : 2 + strlen(path) + 1);
	strcpy((char *)out + 2, path);
	/* A BSD gives a nameless socket 16 bytes with an empty path. */
	*length = (uint32_t)(path[0] != 0 ? 2 + strlen(path) + 1 : FAMILY == BSD ? 16 : 2);
	return 0;
}

int getsockname(int fd, void *out, uint32_t *length)
{
	(void)fd;
	return address(names.local_error, names.local, out, length);
}

int getpeername(int fd, void *out, uint32_t *length)
{
	(void)fd;
	return address(names.remote_error, names.remote, out, length);
}

int socket(int family, int type, int protocol)
{
	(void)type;
	CHECK_EQUAL(family, AF_UNIX_);
	CHECK_EQUAL(protocol, 0);
	descriptors_open++;
	return FRESH;
}

int socketpair(int family, int type, int protocol, int ends[2])
{
	(void)type;
	CHECK_EQUAL(family, AF_UNIX_);
	CHECK_EQUAL(protocol, 0);
	descriptors_open += 2;
	ends[0] = END;
	ends[1] = OTHER_END;
	return 0;
}

int close(int fd)
{
	CHECK(fd >= 0 && fd < MOST_DESCRIPTORS);
	if (fd >= FIRST && fd <= LAST)
		descriptors_open--;
	else
		closed[fd]++;
	return 0;
}

/* Of the commands that are given, only this one is told apart. */
#define F_SETFD_ 2

int fcntl(int fd, int command, ...)
{
	if (command == F_SETFD_ && fd >= 0 && fd < MOST_DESCRIPTORS)
		close_on_exec[fd]++;
	return 0;
}

int bind(int fd, const void *to, uint32_t length)
{
	(void)fd;
	(void)to;
	(void)length;
	return 0;
}

int listen(int fd, int backlog)
{
	(void)fd;
	(void)backlog;
	return 0;
}

uint8_t connected_to[128];
uint32_t connected_length;

int connect(int fd, const void *to, uint32_t length)
{
	(void)fd;
	connected_length = length;
	memcpy(connected_to, to, length);
	return 0;
}

int darwin_bind(int fd, const void *to, uint32_t length)
{
	return bind(fd, to, length);
}
int darwin_listen(int fd, int backlog)
{
	return listen(fd, backlog);
}
int darwin_connect(int fd, const void *to, uint32_t length)
{
	return connect(fd, to, length);
}
int darwin_close(int fd)
{
	return close(fd);
}
int darwin_fcntl(int fd, int command, ...)
{
	return fcntl(fd, command);
}
int darwin_getsockname(int fd, void *out, uint32_t *length)
{
	return getsockname(fd, out, length);
}
int darwin_getpeername(int fd, void *out, uint32_t *length)
{
	return getpeername(fd, out, length);
}
int darwin_socketpair(int family, int type, int protocol, int ends[2])
{
	return socketpair(family, type, protocol, ends);
}
int netbsd_socket(int family, int type, int protocol)
{
	return socket(family, type, protocol);
}

/* illumos: an opaque credential instead of an option; this one is `kernel.bytes` with 32-bit ids. */
int getpeerucred(int fd, void **out);
void ucred_free(void *cred);
uint32_t ucred_geteuid(const void *cred);
uint32_t ucred_getruid(const void *cred);
uint32_t ucred_getsuid(const void *cred);
uint32_t ucred_getegid(const void *cred);
uint32_t ucred_getrgid(const void *cred);
uint32_t ucred_getsgid(const void *cred);
int ucred_getpid(const void *cred);
int ucred_getzoneid(const void *cred);
int ucred_getgroups(const void *cred, const uint32_t **groups);

int ucreds;
int ucred_group_count;

int getpeerucred(int fd, void **out)
{
	uint32_t length = sizeof(kernel.bytes);

	CHECK(*out == NULL);
	if (answer(fd, kernel.bytes, &length) != 0)
		return -1;
	*out = kernel.bytes;
	ucreds++;
	return 0;
}

size_t ucred_size(void)
{
	return sizeof(kernel.bytes);
}

void ucred_free(void *cred)
{
	CHECK(cred == kernel.bytes);
	ucreds--;
}

static uint32_t ucred_word(const void *cred, size_t index)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)cred + 4 * index, 4);
	return word;
}

uint32_t ucred_geteuid(const void *cred)
{
	return ucred_word(cred, 0);
}
uint32_t ucred_getegid(const void *cred)
{
	return ucred_word(cred, 1);
}
int ucred_getpid(const void *cred)
{
	return (int)ucred_word(cred, 2);
}
uint32_t ucred_getruid(const void *cred)
{
	return ucred_word(cred, 3);
}
uint32_t ucred_getsuid(const void *cred)
{
	return ucred_word(cred, 4);
}
uint32_t ucred_getrgid(const void *cred)
{
	return ucred_word(cred, 5);
}
uint32_t ucred_getsgid(const void *cred)
{
	return ucred_word(cred, 6);
}
int ucred_getzoneid(const void *cred)
{
	return (int)ucred_word(cred, 7);
}
int ucred_getgroups(const void *cred, const uint32_t **groups)
{
	static uint32_t list[64];

	for (uint32_t index = 0; index < 64; index++)
		list[index] = 1000 + index;
	*groups = list;
	(void)cred;
	return ucred_group_count;
}
