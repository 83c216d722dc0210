/*
 * The only program in a container of the tests: connects to the Unix socket at
 * its argument and stays until the other end is closed. Linked statically.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **words)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	if (count != 2 || fd < 0 || strlen(words[1]) >= sizeof(name.sun_path))
		return 2;
	strcpy(name.sun_path, words[1]);
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		perror(words[1]);
		return 1;
	}
	return read(fd, &byte, 1) < 0;
}
