/* files_linux.c against the kernel that runs. */
#define _GNU_SOURCE
#include "../sys.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef int question(int, const uint8_t *, size_t, uint8_t *, size_t, size_t *);

static int ask(question *about, int directory, const char *path, void *out, size_t capacity, size_t *length)
{
	return about(directory, (const uint8_t *)path, strlen(path), out, capacity, length);
}

static void a_record_is_told_whole_or_not_at_all(void)
{
	const int directory = open("/proc/self", O_PATH | O_DIRECTORY);
	const int before = open_descriptors();
	char text[4096], wide[PATH_MAX + 1], made[] = "/tmp/sockcred-files-XXXXXX", fifo[64];
	size_t length = 99, again;

	CHECK(directory >= 0);
	CHECK_EQUAL(ask(sys_record_at, directory, "status", text, sizeof(text), &length), 0);
	CHECK(length > 5 && memcmp(text, "Name:", 5) == 0);
	/* Room for exactly that much cannot be told from too little. */
	CHECK_EQUAL(ask(sys_record_at, directory, "status", text, 16, &again), ERANGE);
	CHECK_EQUAL(ask(sys_record_at, -1, "/proc/self/stat", text, sizeof(text), &length), 0);
	CHECK_EQUAL(atoi(text), getpid());
	/* Nothing is a record that is a link, or is not there; nothing that is no file keeps us. */
	CHECK_EQUAL(ask(sys_record_at, directory, "exe", text, sizeof(text), &length), ELOOP);
	CHECK_EQUAL(ask(sys_record_at, directory, "nothing", text, sizeof(text), &length), ENOENT);
	CHECK_EQUAL(ask(sys_record_at, directory, "ns", text, sizeof(text), &length), EISDIR);
	CHECK_EQUAL(ask(sys_record_at, -1, "status", text, sizeof(text), &length), EBADF);
	memset(wide, 'x', PATH_MAX);
	wide[PATH_MAX] = '\0';
	CHECK_EQUAL(ask(sys_record_at, directory, wide, text, sizeof(text), &length), ENAMETOOLONG);
	CHECK(mkdtemp(made) != NULL);
	snprintf(fifo, sizeof(fifo), "%s/fifo", made);
	CHECK(mkfifo(fifo, 0600) == 0);
	CHECK_EQUAL(ask(sys_record_at, -1, fifo, text, sizeof(text), &length), 0);
	CHECK_EQUAL(length, 0);
	CHECK(unlink(fifo) == 0 && rmdir(made) == 0);
	CHECK_EQUAL(open_descriptors(), before);
	close(directory);
}

static void a_link_is_told_whole_or_not_at_all(void)
{
	const int directory = open("/proc/self", O_PATH | O_DIRECTORY);
	char expected[256], link[256], wide[PATH_MAX + 1];
	const ssize_t size = readlink("/proc/self/ns/user", expected, sizeof(expected));
	size_t length = 99, again;

	CHECK(directory >= 0);
	if (size < 0)
		skip("needs CONFIG_USER_NS");
	CHECK_EQUAL(ask(sys_link_at, directory, "ns/user", link, sizeof(link), &length), 0);
	CHECK_EQUAL(length, size);
	CHECK(memcmp(link, expected, length) == 0);
	CHECK_EQUAL(ask(sys_link_at, directory, "ns/user", link, length, &again), ERANGE);
	CHECK_EQUAL(ask(sys_link_at, directory, "ns/user", link, length + 1, &again), 0);
	CHECK_EQUAL(ask(sys_link_at, -1, "/proc/self/ns/user", link, sizeof(link), &length), 0);
	CHECK_EQUAL(ask(sys_link_at, directory, "status", link, sizeof(link), &length), EINVAL);
	CHECK_EQUAL(ask(sys_link_at, directory, "nothing", link, sizeof(link), &length), ENOENT);
	memset(wide, 'x', PATH_MAX);
	wide[PATH_MAX] = '\0';
	CHECK_EQUAL(ask(sys_link_at, directory, wide, link, sizeof(link), &length), ENAMETOOLONG);
	close(directory);
}

static int below(const char *path, int *out)
{
	return sys_namespace_below(-1, (const uint8_t *)path, strlen(path), out);
}

static void a_namespace_below_ours_is_told_from_ours(void)
{
	const int before = open_descriptors();
	char path[64], wide[PATH_MAX + 1];
	int out = 99, ready[2], status;
	char done = 0;
	pid_t child;

	if (access("/proc/self/ns/user", F_OK) != 0)
		skip("needs CONFIG_USER_NS");
	CHECK_EQUAL(below("/proc/self/ns/user", &out), 0);
	CHECK_EQUAL(out, 0);
	CHECK_EQUAL(below("/nonexistent", &out), ENOENT);
	CHECK_EQUAL(below("/proc/self/status", &out), SYS_UNSUPPORTED);
	memset(wide, 'x', PATH_MAX);
	wide[PATH_MAX] = '\0';
	CHECK_EQUAL(below(wide, &out), ENAMETOOLONG);
	CHECK(pipe(ready) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		done = unshare(CLONE_NEWUSER) == 0;
		(void)!write(ready[1], &done, 1);
		pause();
		_exit(0);
	}
	CHECK(read(ready[0], &done, 1) == 1);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)child);
	status = done ? below(path, &out) : 0;
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	close(ready[0]);
	close(ready[1]);
	CHECK_EQUAL(open_descriptors(), before);
	if (!done)
		skip("needs the right to make a user namespace");
	CHECK_EQUAL(status, 0);
	CHECK_EQUAL(out, 1);
}

/* How many marks there are besides this one and those under security., which modules give every file. */
static size_t other_marks(const char *wanted, const uint8_t *names, size_t length, int *found)
{
	size_t others = 0;

	*found = 0;
	for (size_t at = 0; at < length; at += strlen((const char *)names + at) + 1) {
		const char *name = (const char *)names + at;

		if (strcmp(name, wanted) == 0)
			*found = 1;
		else if (strncmp(name, "security.", strlen("security.")) != 0)
			others++;
	}
	return others;
}

static void the_marks_of_a_file_are_told_by_their_names(void)
{
	const char here[] = "/proc/self/status", nowhere[] = "/nonexistent";
	char made[] = "/tmp/sockcred-attributes-XXXXXX", wide[PATH_MAX + 1];
	const int fd = mkstemp(made);
	uint8_t names[64];
	size_t length = 99;
	int found;

	CHECK(fd >= 0);
	memset(wide, 'x', sizeof(wide));
	CHECK_EQUAL(sys_attribute_names((const uint8_t *)wide, sizeof(wide), names, sizeof(names), &length), ENAMETOOLONG);
	CHECK_EQUAL(sys_attribute_names((const uint8_t *)nowhere, strlen(nowhere), names, sizeof(names), &length), ENOENT);
	CHECK_EQUAL(sys_attribute_names((const uint8_t *)here, strlen(here), names, sizeof(names), &length), 0);
	CHECK_EQUAL(other_marks("user.sockcred", names, length, &found), 0);
	CHECK(!found);
	if (fsetxattr(fd, "user.sockcred", "1", 1, 0) == 0) {
		CHECK_EQUAL(sys_attribute_names((const uint8_t *)made, strlen(made), names, 1, &length), ERANGE);
		CHECK_EQUAL(sys_attribute_names((const uint8_t *)made, strlen(made), names, sizeof(names), &length), 0);
		CHECK_EQUAL(other_marks("user.sockcred", names, length, &found), 0);
		CHECK(found);
	}
	CHECK(unlink(made) == 0);
	close(fd);
}

static void what_is_held_is_not_opened(void)
{
	char made[] = "/tmp/sockcred-held-XXXXXX", fifo[64], link[64], wide[PATH_MAX + 1];
	const int before = open_descriptors();
	struct sys_file found;
	struct stat told;
	int held = -1;

	CHECK(mkdtemp(made) != NULL);
	snprintf(fifo, sizeof(fifo), "%s/fifo", made);
	snprintf(link, sizeof(link), "%s/link", made);
	CHECK(mkfifo(fifo, 0600) == 0 && symlink("fifo", link) == 0);
	CHECK_EQUAL(sys_path_at(-1, (const uint8_t *)link, strlen(link), 0, &held), 0);
	/* As JavaScript has nothing: no address. */
	CHECK_EQUAL(sys_file_at(held, NULL, 0, &found), 0);
	CHECK(S_ISLNK(found.mode));
	close(held);
	CHECK_EQUAL(sys_path_at(-1, (const uint8_t *)link, strlen(link), 1, &held), 0);
	CHECK_EQUAL(sys_file_at(held, (const uint8_t *)"", 0, &found), 0);
	CHECK(fstat(held, &told) == 0 && S_ISFIFO(found.mode));
	CHECK_EQUAL(found.inode, told.st_ino);
	CHECK_EQUAL(found.links, 1);
	CHECK_EQUAL(found.uid, geteuid());
	CHECK_EQUAL(found.device_major, major(told.st_dev));
	CHECK_EQUAL(found.device_minor, minor(told.st_dev));
	/* A FIFO that is open for reading has somebody to write to. */
	CHECK(open(fifo, O_WRONLY | O_NONBLOCK) < 0 && errno == ENXIO);
	close(held);
	memset(wide, 'x', sizeof(wide));
	CHECK_EQUAL(sys_path_at(-1, (const uint8_t *)wide, sizeof(wide), 0, &held), ENAMETOOLONG);
	CHECK_EQUAL(sys_file_at(-1, (const uint8_t *)wide, sizeof(wide), &found), ENAMETOOLONG);
	CHECK_EQUAL(sys_path_at(-1, (const uint8_t *)"nothing", 7, 0, &held), EBADF);
	CHECK_EQUAL(sys_file_at(-1, (const uint8_t *)"/nonexistent", 12, &found), ENOENT);
	CHECK(unlink(fifo) == 0 && unlink(link) == 0 && rmdir(made) == 0);
	CHECK_EQUAL(open_descriptors(), before);
}

static void a_record_inside_is_on_the_same_mount(void)
{
	const int directory = open("/", O_PATH | O_DIRECTORY), process = open("/proc/self", O_PATH | O_DIRECTORY);
	char text[4096];
	size_t length = 0;
	int status;

	CHECK(directory >= 0 && process >= 0);
	status = ask(sys_record_inside, process, "stat", text, sizeof(text), &length);
	if (status == SYS_UNSUPPORTED)
		skip("needs openat2(2): Linux 5.6");
	CHECK_EQUAL(status, 0);
	CHECK_EQUAL(atoi(text), getpid());
	CHECK_EQUAL(ask(sys_record_inside, directory, "proc/self/stat", text, sizeof(text), &length), EXDEV);
	CHECK_EQUAL(ask(sys_record_inside, process, "exe", text, sizeof(text), &length), ELOOP);
	CHECK_EQUAL(ask(sys_record_inside, process, "../self/stat", text, sizeof(text), &length), EXDEV);
	CHECK_EQUAL(ask(sys_record_inside, process, "stat", text, 4, &length), ERANGE);
	close(directory);
	close(process);
}

static void a_file_that_is_open_for_writing_is_told(void)
{
	char made[] = "/tmp/sockcred-written-XXXXXX";
	const int writer = mkstemp(made);
	const int reader = open(made, O_RDONLY | O_CLOEXEC);

	CHECK(writer >= 0 && reader >= 0);
	CHECK_EQUAL(sys_unwritten(reader), EAGAIN);
	CHECK_EQUAL(close(writer), 0);
	CHECK_EQUAL(sys_unwritten(reader), 0);
	CHECK_EQUAL(fcntl(reader, F_GETLEASE), F_UNLCK);
	CHECK_EQUAL(close(reader), 0);
	CHECK_EQUAL(unlink(made), 0);
	CHECK_EQUAL(sys_unwritten(-1), EBADF);
}

const struct test_case file_cases[] = {
	{ "path-at", what_is_held_is_not_opened },
	{ "record-inside", a_record_inside_is_on_the_same_mount },
	{ "record-at", a_record_is_told_whole_or_not_at_all },
	{ "link-at", a_link_is_told_whole_or_not_at_all },
	{ "namespace-below", a_namespace_below_ours_is_told_from_ours },
	{ "attribute-names", the_marks_of_a_file_are_told_by_their_names },
	{ "unwritten", a_file_that_is_open_for_writing_is_told },
	{ NULL, NULL },
};
