/* See relay_way.h. */
#define _GNU_SOURCE
#include "relay_way.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"

/* What one direction may move before the others have their turn. */
#define MOST_AT_ONCE (1024 * 1024)
/* Asked of each pipe; a user over the limit of pipe(7) gets a smaller one. */
#define PIPE_BYTES (256 * 1024)
#define MOST_IDLE_PIPES 64
/* Beyond these, bytes are copied: see pipes_limit(). */
#define MOST_PIPES 1024
#define CHUNK_BYTES (16 * 1024)

struct pipe {
	int ends[2]; /* as pipe(2) has them: read, write */
	struct pipe *next;
};

/* Bytes that were received with recvmsg(2) and not all sent yet; with them come descriptors that are passed on. */
struct chunk {
	size_t begin, end;
	size_t fd_count;
	int fds[MESSAGE_MOST_FDS];
	uint8_t bytes[CHUNK_BYTES];
};

static void close_pipe(struct pipes *pipes, struct pipe *pipe)
{
	pipes->made--;
	close(pipe->ends[0]);
	close(pipe->ends[1]);
	free(pipe);
}

/* NULL where there are enough of them, or no descriptors left: no pair may end for want of one. */
static struct pipe *lend_pipe(struct pipes *pipes)
{
	struct pipe *pipe = pipes->idle;

	if (pipe != NULL) {
		pipes->idle = pipe->next;
		pipes->count--;
		return pipe;
	}
	if (pipes->made >= pipes->most)
		return NULL;
	pipe = malloc(sizeof(*pipe));
	if (pipe == NULL)
		return NULL;
	if (pipe2(pipe->ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(pipe);
		return NULL;
	}
	pipes->made++;
	/* As large as it may be: the answer does not matter. */
	(void)fcntl(pipe->ends[0], F_SETPIPE_SZ, PIPE_BYTES);
	return pipe;
}

/* An empty pipe may serve others; one with bytes in it never. */
static void return_pipe(struct pipes *pipes, struct way *way)
{
	struct pipe *pipe = way->pipe;

	way->pipe = NULL;
	if (pipe == NULL)
		return;
	if (way->waiting > 0 || pipes->count >= MOST_IDLE_PIPES) {
		close_pipe(pipes, pipe);
		return;
	}
	pipe->next = pipes->idle;
	pipes->idle = pipe;
	pipes->count++;
}

/* Whoever reads or writes there has gone: an end, not a failure of the pair. */
static int is_departure(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

/* `to` takes no more: its end is told to the writer, who gets EPIPE. */
static void refuse_more(struct way *way)
{
	way->done = way->ended = 1;
	shutdown(way->from, SHUT_RD);
}

static void close_fds(struct chunk *chunk)
{
	for (size_t index = 0; index < chunk->fd_count; index++)
		close(chunk->fds[index]);
	chunk->fd_count = 0;
}

static void discard(int fd)
{
	close(fd);
}

union control {
	/* And what the kernel may put beside them. */
	char bytes[CMSG_SPACE(MESSAGE_MOST_FDS * sizeof(int)) + 256];
	struct cmsghdr aligned;
};

static ssize_t receive(struct way *way, int takes_fds)
{
	struct chunk *chunk = way->chunk;
	struct iovec part = { .iov_base = chunk->bytes, .iov_len = sizeof(chunk->bytes) };
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct message beside;
	ssize_t got;

	if (takes_fds) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	do
		got = recvmsg(way->from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	chunk->begin = 0;
	chunk->end = (size_t)got;
	/* The kernel has closed what nobody takes. */
	if (!takes_fds)
		return got;
	message_walk((const uint8_t *)&control, message.msg_controllen, (message.msg_flags & MSG_CTRUNC) != 0,
		     MESSAGE_MOST_FDS, &beside, discard);
	/* No descriptor was free for those that came: without them, the bytes may not go on either. */
	if ((message.msg_flags & MSG_CTRUNC) != 0)
		return -EMFILE;
	chunk->fd_count = beside.fd_count;
	memcpy(chunk->fds, beside.fds, beside.fd_count * sizeof(int));
	return got;
}

static ssize_t pass_on(struct way *way)
{
	struct chunk *chunk = way->chunk;
	struct iovec part = { .iov_base = chunk->bytes + chunk->begin, .iov_len = chunk->end - chunk->begin };
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (chunk->fd_count > 0) {
		const size_t bytes = chunk->fd_count * sizeof(int);
		struct cmsghdr *one;

		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = (__typeof__(message.msg_controllen))CMSG_SPACE(bytes);
		one = CMSG_FIRSTHDR(&message);
		one->cmsg_level = SOL_SOCKET;
		one->cmsg_type = SCM_RIGHTS;
		one->cmsg_len = (__typeof__(one->cmsg_len))CMSG_LEN(bytes);
		memcpy(CMSG_DATA(one), chunk->fds, bytes);
	}
	do
		sent = sendmsg(way->to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	close_fds(chunk);
	chunk->begin += (size_t)sent;
	way->moved += (size_t)sent;
	return sent;
}

/* By recvmsg(2) and sendmsg(2), through a chunk that is kept while something is in it. */
static int copy(struct way *way, int takes_fds, int *status)
{
	size_t moved = 0;

	if (way->chunk == NULL) {
		way->chunk = malloc(sizeof(*way->chunk));
		if (way->chunk == NULL) {
			*status = ENOMEM;
			return 0;
		}
		way->chunk->begin = way->chunk->end = way->chunk->fd_count = 0;
	}
	while (!way->done && moved < MOST_AT_ONCE) {
		ssize_t result;

		if (way->chunk->begin == way->chunk->end && !way->ended) {
			result = receive(way, takes_fds);
			if (result == 0 || is_departure((int)-result))
				way->ended = 1;
			else if (result == -EAGAIN)
				break;
			else if (result < 0)
				*status = (int)-result;
		} else if (way->chunk->begin < way->chunk->end) {
			result = pass_on(way);
			if (result > 0)
				moved += (size_t)result;
			else if (is_departure((int)-result))
				refuse_more(way);
			else if (result == -EAGAIN)
				break;
			else
				*status = result < 0 ? (int)-result : EIO;
		} else {
			shutdown(way->to, SHUT_WR);
			way->done = 1;
		}
		if (*status != 0)
			return 0;
	}
	if (way->chunk->begin == way->chunk->end || way->done) {
		close_fds(way->chunk);
		free(way->chunk);
		way->chunk = NULL;
	}
	return !way->done && moved >= MOST_AT_ONCE;
}

/* Bytes moved, 0 at the end, or minus an errno. */
static ssize_t move(int from, int to)
{
	ssize_t moved;

	do
		moved = splice(from, NULL, to, NULL, MOST_AT_ONCE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (moved < 0 && errno == EINTR);
	return moved < 0 ? -errno : moved;
}

int way_pump_bytes(struct way *way, struct pipes *pipes, int *status)
{
	size_t moved = 0;

	if (way->pipe == NULL && way->chunk == NULL)
		way->pipe = lend_pipe(pipes);
	if (way->pipe == NULL)
		return copy(way, 0, status);
	while (!way->done && moved < MOST_AT_ONCE) {
		ssize_t in = -EAGAIN, out = -EAGAIN;

		if (!way->ended) {
			in = move(way->from, way->pipe->ends[1]);
			if (in > 0)
				way->waiting += (size_t)in;
			if (in == 0 || is_departure((int)-in))
				way->ended = 1;
			else if (in < 0 && in != -EAGAIN)
				*status = (int)-in;
		}
		if (way->waiting > 0) {
			out = move(way->pipe->ends[0], way->to);
			if (out > 0) {
				way->waiting -= (size_t)out;
				way->moved += (size_t)out;
				moved += (size_t)out;
			} else if (is_departure((int)-out)) {
				refuse_more(way);
			} else if (out != -EAGAIN) {
				*status = (int)-out;
			}
		}
		if (*status != 0)
			return 0;
		if (way->ended && way->waiting == 0 && !way->done) {
			shutdown(way->to, SHUT_WR);
			way->done = 1;
		}
		if (in <= 0 && out <= 0)
			break;
	}
	if (way->waiting == 0 || way->done)
		return_pipe(pipes, way);
	return !way->done && moved >= MOST_AT_ONCE;
}

int way_pump_messages(struct way *way, int *status)
{
	return copy(way, 1, status);
}

void way_release(struct way *way, struct pipes *pipes)
{
	return_pipe(pipes, way);
	if (way->chunk != NULL)
		close_fds(way->chunk);
	free(way->chunk);
	way->chunk = NULL;
}

/*
 * A pair that waits would hold two pipes, four descriptors: of those that this process may have, all pipes together
 * take no more than a quarter, so that who lets pairs wait takes the others' pipes, and not their connections.
 */
void pipes_limit(struct pipes *pipes)
{
	/* The kernel's own layout: that of getrlimit() is another in each libc where a long has 32 bits. */
	struct {
		uint64_t soft, hard;
	} limit;

	pipes->most = MOST_PIPES;
	if (syscall(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.soft / 8 < MOST_PIPES)
		pipes->most = (size_t)(limit.soft / 8);
}

void pipes_close(struct pipes *pipes)
{
	struct pipe *next;

	for (struct pipe *pipe = pipes->idle; pipe != NULL; pipe = next) {
		next = pipe->next;
		close_pipe(pipes, pipe);
	}
	pipes->idle = NULL;
	pipes->count = 0;
}
