/* Runs the case that is named, or lists them all. */
#define _GNU_SOURCE
#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

struct hooks hooks;

int __real_getsockopt(int, int, int, void *, socklen_t *);
int __real_getsockname(int, struct sockaddr *, socklen_t *);
int __real_getpeername(int, struct sockaddr *, socklen_t *);
int __wrap_getsockopt(int, int, int, void *, socklen_t *);
int __wrap_getsockname(int, struct sockaddr *, socklen_t *);
int __wrap_getpeername(int, struct sockaddr *, socklen_t *);

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	return (hooks.getsockopt != NULL ? hooks.getsockopt : __real_getsockopt)(fd, level, option, value, length);
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
	return (hooks.getsockname != NULL ? hooks.getsockname : __real_getsockname)(fd, address, length);
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
	return (hooks.getpeername != NULL ? hooks.getpeername : __real_getpeername)(fd, address, length);
}

int kernel_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	return __real_getsockopt(fd, level, option, value, length);
}

int kernel_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
	return __real_getsockname(fd, address, length);
}

int kernel_getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
	return __real_getpeername(fd, address, length);
}

void check(int holds, const char *text, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", file, line, text, strerror(errno));
	exit(1);
}

void check_equal(long long actual, long long expected, const char *text, const char *file, int line)
{
	if (actual == expected)
		return;
	fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", file, line, text, actual, expected);
	exit(1);
}

void skip(const char *reason)
{
	printf("%s\n", reason);
	exit(77);
}

struct connection connection_to_ourselves(void)
{
	struct connection made;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);

	made.listening = socket(AF_UNIX, SOCK_STREAM, 0);
	/* An address of nothing but the family: the kernel picks an abstract name. */
	CHECK(bind(made.listening, (struct sockaddr *)&address, sizeof(address.sun_family)) == 0);
	CHECK(listen(made.listening, 1) == 0);
	CHECK(kernel_getsockname(made.listening, (struct sockaddr *)&address, &length) == 0);
	made.connected = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(made.connected, (struct sockaddr *)&address, length) == 0);
	made.accepted = accept(made.listening, NULL, NULL);
	CHECK(made.accepted >= 0);
	return made;
}

void close_connection(struct connection connection)
{
	close(connection.listening);
	close(connection.connected);
	close(connection.accepted);
}

int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	CHECK(directory != NULL);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static const struct test_case *const tables[] = {
	question_cases, socket_cases, process_cases, file_cases, answer_cases, layout_cases, sender_cases, message_cases,
};

int main(int argc, char **argv)
{
	for (size_t table = 0; table < sizeof(tables) / sizeof(*tables); table++) {
		for (const struct test_case *each = tables[table]; each->name != NULL; each++) {
			if (argc == 1) {
				printf("%s\n", each->name);
			} else if (strcmp(argv[1], each->name) == 0) {
				each->run();
				return 0;
			}
		}
	}
	return argc == 1 ? 0 : 2;
}
