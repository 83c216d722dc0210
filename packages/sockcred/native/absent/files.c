/* For systems where no file tells of a process. */
#include "../sys.h"

int sys_record_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	(void)directory;
	(void)path;
	(void)path_length;
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}

int sys_record_inside(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity,
		      size_t *length)
{
	(void)directory;
	(void)path;
	(void)path_length;
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}

int sys_path_at(int directory, const uint8_t *path, size_t path_length, int follow, int *out)
{
	(void)directory;
	(void)path;
	(void)path_length;
	(void)follow;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_file_at(int directory, const uint8_t *path, size_t path_length, struct sys_file *out)
{
	(void)directory;
	(void)path;
	(void)path_length;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_link_at(int directory, const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	(void)directory;
	(void)path;
	(void)path_length;
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}

int sys_namespace_below(int directory, const uint8_t *path, size_t path_length, int *out)
{
	(void)directory;
	(void)path;
	(void)path_length;
	(void)out;
	return SYS_UNSUPPORTED;
}

int sys_attribute_names(const uint8_t *path, size_t path_length, uint8_t *out, size_t capacity, size_t *length)
{
	(void)path;
	(void)path_length;
	(void)out;
	(void)capacity;
	(void)length;
	return SYS_UNSUPPORTED;
}

int sys_unwritten(int fd)
{
	(void)fd;
	return SYS_UNSUPPORTED;
}
