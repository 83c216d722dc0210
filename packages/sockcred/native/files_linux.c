/*
 * Linux: files by names below an open directory, each with one question:
 * records of procfs (proc(5)), links, and the marks of a directory by
 * llistxattr(2). See open(2), "Rationale for openat()". And who writes a file,
 * by fcntl(2).
 */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The bytes of a path as the kernel wants it, with a NUL behind them. */
static int terminated(char name[PATH_MAX], const uint8_t *path, size_t path_length)
{
	if (path_length >= PATH_MAX)
		return ENAMETOOLONG;
	memcpy(name, path, path_length);
	name[path_length] = '\0';
	return 0;
}

/* An answer that fills all the room may be a part of one. */
static int told(ssize_t result, size_t capacity, size_t *length)
{
	if (result < 0)
		return errno;
	if ((size_t)result == capacity)
		return ERANGE;
	*length = (size_t)result;
	return 0;
}

int sys_record_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	char name[PATH_MAX];
	int status = terminated(name, path, path_length);
	int fd;

	if (status != 0)
		return status;
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	status = told(read(fd, out, capacity), capacity, length);
	close(fd);
	return status;
}

int sys_link_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	char name[PATH_MAX];
	const int status = terminated(name, path, path_length);

	if (status != 0)
		return status;
	return told(readlinkat(directory, name, (char *)out, capacity), capacity, length);
}

int sys_attribute_names(const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	char name[PATH_MAX];
	const int status = terminated(name, path, path_length);
	ssize_t result;

	if (status != 0)
		return status;
	result = llistxattr(name, (char *)out, capacity);
	if (result < 0)
		return errno == EOPNOTSUPP ? SYS_UNSUPPORTED : errno;
	*length = (size_t)result;
	return 0;
}

int sys_unwritten(int fd)
{
	/*
	 * A read lease is given only while nobody has the file open for writing. Who opens it before the lease is given
	 * back waits, and we are told by a signal: by one that nobody minds, since SIGIO would end this process.
	 */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return errno;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? EAGAIN : SYS_UNSUPPORTED;
	return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? errno : 0;
}
