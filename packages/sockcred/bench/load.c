/*
 * The same load for everything that is compared: connections of one kind, as
 * many as can be made in a time, by threads that each do one after the other.
 * And the two servers that relays are put in front of.
 *
 *   load KIND ADDRESS SECONDS THREADS    prints connections, bytes, seconds
 *     refused   connects and reads the end
 *     echo      sends a byte, reads it, closes
 *     http      sends a request that ends the connection, reads all of the answer
 *     kept      sends requests, each after the answer "ok" to the one before; those are counted
 *     read      reads, as much as comes
 *   load serve-echo ADDRESS              gives back what it reads
 *   load serve-bytes ADDRESS             writes until nobody reads
 *
 * An address is a path, or :PORT of 127.0.0.1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MOST_THREADS 64
#define BUFFER_BYTES (256 * 1024)

static union {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
} address;
static socklen_t address_size;
static const char *kind;
static double deadline;

struct total {
	uint64_t connections, failures, bytes;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void take_address(const char *text)
{
	memset(&address, 0, sizeof(address));
	if (text[0] == ':') {
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons((uint16_t)atoi(text + 1));
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address_size = sizeof(address.in);
	} else {
		address.un.sun_family = AF_UNIX;
		strncpy(address.un.sun_path, text, sizeof(address.un.sun_path) - 1);
		address_size = sizeof(address.un);
	}
}

static int connected(void)
{
	const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	if (connect(fd, &address.any, address_size) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Bytes until the other end, or the time, is over. */
static uint64_t read_all(int fd, uint8_t *buffer)
{
	uint64_t bytes = 0;
	ssize_t got;

	while ((got = read(fd, buffer, BUFFER_BYTES)) > 0) {
		bytes += (uint64_t)got;
		if (kind[0] == 'r' && kind[2] == 'a' && now() >= deadline)
			break;
	}
	return bytes;
}

/* Counts all requests but the last. */
static int ask_again_and_again(int fd, uint8_t *buffer, struct total *total)
{
	static const char request[] = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

	for (;;) {
		size_t length = 0;

		if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
			return 0;
		while (length < 2 || memcmp(buffer + length - 2, "ok", 2) != 0) {
			const ssize_t got = read(fd, buffer + length, BUFFER_BYTES - length);

			if (got <= 0)
				return 0;
			length += (size_t)got;
		}
		if (now() >= deadline)
			return 1;
		total->connections++;
	}
}

static int one(uint8_t *buffer, struct total *total)
{
	static const char request[] = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
	const int fd = connected();
	int is_fine = 1;
	uint64_t bytes = 0;

	if (fd < 0)
		return 0;
	if (strcmp(kind, "echo") == 0) {
		is_fine = send(fd, "x", 1, MSG_NOSIGNAL) == 1 && read(fd, buffer, 1) == 1;
	} else if (strcmp(kind, "http") == 0) {
		is_fine = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0;
		bytes = read_all(fd, buffer);
		is_fine = is_fine && bytes > 12 && memcmp(buffer, "HTTP/1.1 200", 12) == 0;
	} else if (strcmp(kind, "kept") == 0) {
		is_fine = ask_again_and_again(fd, buffer, total);
	} else {
		bytes = read_all(fd, buffer);
	}
	close(fd);
	total->bytes += bytes;
	return is_fine;
}

static void *work(void *data)
{
	struct total *total = data;
	uint8_t *buffer = malloc(BUFFER_BYTES);

	if (buffer == NULL)
		fail("malloc");
	while (now() < deadline) {
		if (one(buffer, total))
			total->connections++;
		else
			total->failures++;
	}
	free(buffer);
	return NULL;
}

static void load(double seconds, int threads)
{
	struct total totals[MOST_THREADS], sum = { 0, 0, 0 };
	pthread_t ids[MOST_THREADS];
	const double begin = now();

	memset(totals, 0, sizeof(totals));
	deadline = begin + seconds;
	for (int index = 0; index < threads; index++)
		if (pthread_create(&ids[index], NULL, work, &totals[index]) != 0)
			fail("pthread_create");
	for (int index = 0; index < threads; index++) {
		pthread_join(ids[index], NULL);
		sum.connections += totals[index].connections;
		sum.failures += totals[index].failures;
		sum.bytes += totals[index].bytes;
	}
	printf("{\"connections\":%llu,\"failures\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n",
	       (unsigned long long)sum.connections, (unsigned long long)sum.failures, (unsigned long long)sum.bytes,
	       now() - begin);
}

static int listening(void)
{
	const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &address.any, address_size) < 0 || listen(fd, 4096) < 0)
		fail("listen");
	printf("ready\n");
	fflush(stdout);
	return fd;
}

static void *write_all(void *data)
{
	const int fd = (int)(intptr_t)data;
	uint8_t *buffer = calloc(1, BUFFER_BYTES);

	while (buffer != NULL && send(fd, buffer, BUFFER_BYTES, MSG_NOSIGNAL) > 0)
		continue;
	free(buffer);
	close(fd);
	return NULL;
}

static void serve_bytes(void)
{
	const int fd = listening();
	pthread_t id;

	for (;;) {
		const int each = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (each < 0)
			fail("accept4");
		if (pthread_create(&id, NULL, write_all, (void *)(intptr_t)each) != 0)
			fail("pthread_create");
		pthread_detach(id);
	}
}

static void serve_echo(void)
{
	const int fd = listening();
	const int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64], event = { .events = EPOLLIN, .data = { .fd = fd } };
	uint8_t buffer[4096];

	if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll");
	for (;;) {
		const int count = epoll_wait(set, events, 64, -1);

		for (int index = 0; index < count; index++) {
			int each = events[index].data.fd;
			ssize_t got;

			if (each == fd) {
				each = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
				event.data.fd = each;
				if (each < 0 || epoll_ctl(set, EPOLL_CTL_ADD, each, &event) < 0)
					fail("accept4");
				continue;
			}
			got = read(each, buffer, sizeof(buffer));
			if (got <= 0 || send(each, buffer, (size_t)got, MSG_NOSIGNAL) != got)
				close(each);
		}
	}
}

int main(int count, char **words)
{
	signal(SIGPIPE, SIG_IGN);
	if (count < 3)
		return 2;
	kind = words[1];
	take_address(words[2]);
	if (strcmp(kind, "serve-echo") == 0)
		serve_echo();
	else if (strcmp(kind, "serve-bytes") == 0)
		serve_bytes();
	else if (count == 5 && atoi(words[4]) > 0 && atoi(words[4]) <= MOST_THREADS)
		load(atof(words[3]), atoi(words[4]));
	else
		return 2;
	return 0;
}
