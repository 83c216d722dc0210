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
