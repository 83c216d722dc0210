/*
 * Linux: files by names below an open directory, each with one question:
 * records of procfs (proc(5)), links, the marks of a directory by
 * llistxattr(2), and whether a namespace is one below our own, by
 * NS_GET_PARENT (4.9). See open(2), "Rationale for openat()", ioctl_ns(2). What
 * others may have put there is looked at without opening it (O_PATH, open(2))
 * and without asking its file system (AT_STATX_DONT_SYNC, statx(2)). And who writes a
 * file, by fcntl(2).
 */
#define _GNU_SOURCE
#include "linux_files.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

struct kernel_statx {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, unused;
	uint64_t inode, size, blocks, attributes_mask;
	uint64_t times[8];
	uint32_t special_major, special_minor, device_major, device_minor;
	uint64_t mount;
	uint64_t rest[13];
};
_Static_assert(sizeof(struct kernel_statx) == 256, "struct statx");
_Static_assert(offsetof(struct kernel_statx, device_major) == 0x88, "statx.stx_dev_major");
_Static_assert(offsetof(struct kernel_statx, mount) == 0x90, "statx.stx_mnt_id");

struct kernel_open_how {
	uint64_t flags, mode, resolve;
};

/* openat2() has one number everywhere, above the base of each ABI. */
#if defined(__mips__)
#define CALL_OPENAT2 (__NR_Linux + 437)
#elif defined(__x86_64__) && defined(__ILP32__)
#define CALL_OPENAT2 (0x40000000 + 437)
#else
#define CALL_OPENAT2 437
#endif

/* The bytes of a path as the kernel wants it, with a NUL behind them. */
static int terminated(char name[PATH_MAX], const uint8_t *path, size_t path_length)
{
	if (path_length >= PATH_MAX)
		return ENAMETOOLONG;
	/* An empty array of JavaScript is at no address, which memcpy() does not take. */
	if (path_length > 0)
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

/* What one read of a newly opened file gives; it is closed again. */
static int record(int fd, uint8_t *out, size_t capacity, size_t *length)
{
	int status;

	if (fd < 0)
		return errno;
	status = told(read(fd, out, capacity), capacity, length);
	close(fd);
	return status;
}

int sys_record_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	char name[PATH_MAX];
	int status = terminated(name, path, path_length);
	int fd;

	if (status != 0)
		return status;
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return record(fd, out, capacity, length);
}

int sys_record_inside(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity,
		      size_t *length)
{
	struct kernel_open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = KERNEL_RESOLVE_NO_XDEV | KERNEL_RESOLVE_NO_SYMLINKS | KERNEL_RESOLVE_BENEATH,
	};
	char name[PATH_MAX];
	const int status = terminated(name, path, path_length);
	int fd;

	if (status != 0)
		return status;
	fd = (int)syscall(CALL_OPENAT2, directory, name, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		return SYS_UNSUPPORTED;
	return record(fd, out, capacity, length);
}

int sys_path_at(int directory, const uint8_t *path, size_t path_length, int follow, int *out)
{
	char name[PATH_MAX];
	const int status = terminated(name, path, path_length);
	int fd;

	if (status != 0)
		return status;
	fd = openat(directory, name, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return errno;
	*out = fd;
	return 0;
}

int sys_file_at(int directory, const uint8_t *path, size_t path_length, struct sys_file *out)
{
#ifdef __NR_statx
	const int flags = KERNEL_AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | (path_length == 0 ? AT_EMPTY_PATH : 0);
	struct kernel_statx found;
	char name[PATH_MAX];
	const int status = terminated(name, path, path_length);
	long result;

	if (status != 0)
		return status;
	memset(&found, 0, sizeof(found));
	result = syscall(__NR_statx, directory, name, flags, KERNEL_STATX_BASIC_STATS | KERNEL_STATX_MNT_ID, &found);
	/* FUSE tells those whom it keeps out on which device it is, if they ask for nothing else. */
	if (result < 0 && errno == EACCES)
		result = syscall(__NR_statx, directory, name, flags, 0U, &found);
	if (result < 0)
		return errno == ENOSYS ? SYS_UNSUPPORTED : errno;
	memset(out, 0, sizeof(*out));
	if ((found.mask & KERNEL_STATX_BASIC_STATS) == KERNEL_STATX_BASIC_STATS) {
		out->mode = found.mode;
		out->links = found.links;
		out->uid = found.uid;
		out->inode = found.inode;
		out->size = found.size;
	}
	out->device_major = found.device_major;
	out->device_minor = found.device_minor;
	out->mount = (found.mask & KERNEL_STATX_MNT_ID) ? found.mount : 0;
	return 0;
#else
	(void)directory;
	(void)path;
	(void)path_length;
	(void)out;
	return SYS_UNSUPPORTED;
#endif
}

int sys_link_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	char name[PATH_MAX];
	const int status = terminated(name, path, path_length);

	if (status != 0)
		return status;
	return told(readlinkat(directory, name, (char *)out, capacity), capacity, length);
}

int sys_namespace_below(int directory, const uint8_t *path, size_t path_length, int *out)
{
	char name[PATH_MAX];
	int status = terminated(name, path, path_length);
	int fd;
	long parent;

	if (status != 0)
		return status;
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	/* Not ioctl(): libcs disagree about the type of its second argument. */
	parent = syscall(SYS_ioctl, fd, (unsigned long)KERNEL_NS_GET_PARENT);
	/* EPERM: the parent is neither our own namespace nor below it. */
	if (parent < 0 && errno != EPERM)
		status = errno == ENOTTY ? SYS_UNSUPPORTED : errno;
	*out = parent >= 0;
	if (parent >= 0)
		close((int)parent);
	close(fd);
	return status;
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
