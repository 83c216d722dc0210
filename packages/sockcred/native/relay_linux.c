/*
 * Linux: splice(2) from a socket into a pipe and from the pipe into the other
 * socket, so that pages move and nothing is copied to user space. Pipes are
 * lent while bytes are on their way: a quiet pair holds two descriptors and no
 * more. Where descriptors are to be passed on, recvmsg(2) and sendmsg(2) move
 * the bytes instead. All sockets wait in one edge-triggered epoll.
 */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

/* What one direction may move before the others have their turn. */
#define MOST_AT_ONCE (1024 * 1024)
/* Asked of each pipe; a user over the limit of pipe(7) gets a smaller one. */
#define PIPE_BYTES (256 * 1024)
#define MOST_IDLE_PIPES 64
#define CHUNK_BYTES (16 * 1024)
#define MOST_EVENTS 128

struct pipe {
	int ends[2]; /* as pipe(2) has them: read, write */
	struct pipe *next;
};

/* Bytes that were received with recvmsg(2) and not all sent yet. */
struct chunk {
	size_t begin, end;
	size_t fd_count;
	int fds[MESSAGE_MOST_FDS];
	uint8_t bytes[CHUNK_BYTES];
};

struct direction {
	int from, to;
	struct pipe *pipe;
	struct chunk *chunk;
	size_t waiting; /* bytes in the pipe */
	uint64_t moved;
	int ended; /* `from` has said all */
	int done; /* and `to` was told, or takes no more */
};

struct pair {
	uint32_t id;
	int pass_fds;
	int is_queued; /* has more to do now, whatever epoll says */
	int status;
	int is_over;
	struct direction ways[2];
	struct pair *next, *previous; /* all pairs that are not over */
	struct pair *next_queued;
	struct pair *next_over;
};

enum request_kind { REQUEST_ADD, REQUEST_STOP };

struct request {
	enum request_kind kind;
	uint32_t id;
	struct pair *pair;
	struct request *next;
};

struct relay {
	relay_ended ended;
	void *context;
	int set, waker;
	pthread_t thread;
	struct pair *pairs;
	struct pair *queue;
	struct pair *over; /* closed, and freed at the end of the round */
	struct pipe *idle;
	size_t idle_count;
	/* Between the threads. */
	pthread_mutex_t lock;
	struct request *requests;
	int is_closing;
};

static void close_pipe(struct pipe *pipe)
{
	close(pipe->ends[0]);
	close(pipe->ends[1]);
	free(pipe);
}

static int lend_pipe(struct relay *relay, struct pipe **out)
{
	struct pipe *pipe = relay->idle;

	if (pipe != NULL) {
		relay->idle = pipe->next;
		relay->idle_count--;
		*out = pipe;
		return 0;
	}
	pipe = malloc(sizeof(*pipe));
	if (pipe == NULL)
		return ENOMEM;
	if (pipe2(pipe->ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(pipe);
		return errno;
	}
	/* As large as it may be: the answer does not matter. */
	(void)fcntl(pipe->ends[0], F_SETPIPE_SZ, PIPE_BYTES);
	*out = pipe;
	return 0;
}

/* An empty pipe may serve others; one with bytes in it never. */
static void return_pipe(struct relay *relay, struct direction *way)
{
	struct pipe *pipe = way->pipe;

	way->pipe = NULL;
	if (pipe == NULL)
		return;
	if (way->waiting > 0 || relay->idle_count >= MOST_IDLE_PIPES) {
		close_pipe(pipe);
		return;
	}
	pipe->next = relay->idle;
	relay->idle = pipe;
	relay->idle_count++;
}

/* Whoever reads or writes there has gone: an end, not a failure of the pair. */
static int is_departure(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

/* `to` takes no more: its end is told to the writer, who gets EPIPE. */
static void refuse_more(struct direction *way)
{
	way->done = way->ended = 1;
	shutdown(way->from, SHUT_RD);
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

/*
 * Moves what there is from `from` to `to`. Whether there is more to do although
 * nothing will be reported; an errno in `*status` where the pair has to end.
 */
static int pump_bytes(struct relay *relay, struct direction *way, int *status)
{
	size_t moved = 0;

	while (!way->done && moved < MOST_AT_ONCE) {
		ssize_t in = -EAGAIN, out = -EAGAIN;

		if (way->pipe == NULL) {
			*status = lend_pipe(relay, &way->pipe);
			if (*status != 0)
				return 0;
		}
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
		return_pipe(relay, way);
	return !way->done && moved >= MOST_AT_ONCE;
}

static void close_fds(struct chunk *chunk)
{
	for (size_t index = 0; index < chunk->fd_count; index++)
		close(chunk->fds[index]);
	chunk->fd_count = 0;
}

static void take_fds(struct msghdr *message, struct chunk *chunk)
{
	for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL; one = CMSG_NXTHDR(message, one)) {
		const size_t bytes = one->cmsg_len - CMSG_LEN(0);

		if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
			continue;
		chunk->fd_count = bytes / sizeof(int) < MESSAGE_MOST_FDS ? bytes / sizeof(int) : MESSAGE_MOST_FDS;
		memcpy(chunk->fds, CMSG_DATA(one), chunk->fd_count * sizeof(int));
	}
}

union control {
	char bytes[CMSG_SPACE(MESSAGE_MOST_FDS * sizeof(int))];
	struct cmsghdr aligned;
};

static ssize_t receive(struct direction *way)
{
	struct chunk *chunk = way->chunk;
	struct iovec part = { .iov_base = chunk->bytes, .iov_len = sizeof(chunk->bytes) };
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got;

	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	do
		got = recvmsg(way->from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	chunk->begin = 0;
	chunk->end = (size_t)got;
	take_fds(&message, chunk);
	return got;
}

static ssize_t pass_on(struct direction *way)
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
		message.msg_controllen = CMSG_SPACE(bytes);
		one = CMSG_FIRSTHDR(&message);
		one->cmsg_level = SOL_SOCKET;
		one->cmsg_type = SCM_RIGHTS;
		one->cmsg_len = CMSG_LEN(bytes);
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

/* As pump_bytes(), with what is sent beside the bytes. */
static int pump_messages(struct direction *way, int *status)
{
	size_t moved = 0;

	if (way->chunk == NULL)
		way->chunk = calloc(1, sizeof(*way->chunk));
	if (way->chunk == NULL) {
		*status = ENOMEM;
		return 0;
	}
	while (!way->done && moved < MOST_AT_ONCE) {
		ssize_t result;

		if (way->chunk->begin == way->chunk->end && !way->ended) {
			result = receive(way);
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

static void release(struct relay *relay, struct pair *pair)
{
	for (size_t index = 0; index < 2; index++) {
		struct direction *way = &pair->ways[index];

		return_pipe(relay, way);
		if (way->chunk != NULL)
			close_fds(way->chunk);
		free(way->chunk);
		way->chunk = NULL;
		close(way->from);
	}
}

/* Closes everything and reports; the memory stays until nothing of this round speaks of it. */
static void end(struct relay *relay, struct pair *pair, int status, int is_told)
{
	struct relay_report report = { .id = pair->id, .status = (uint32_t)status };

	if (pair->is_over)
		return;
	pair->is_over = 1;
	if (pair->previous != NULL)
		pair->previous->next = pair->next;
	else
		relay->pairs = pair->next;
	if (pair->next != NULL)
		pair->next->previous = pair->previous;
	pair->next_over = relay->over;
	relay->over = pair;
	report.forth = pair->ways[0].moved;
	report.back = pair->ways[1].moved;
	release(relay, pair);
	if (is_told)
		relay->ended(relay->context, &report);
}

static void enqueue(struct relay *relay, struct pair *pair)
{
	if (pair->is_queued)
		return;
	pair->is_queued = 1;
	pair->next_queued = relay->queue;
	relay->queue = pair;
}

static void pump(struct relay *relay, struct pair *pair)
{
	int again = 0, status = 0;

	for (size_t index = 0; index < 2 && status == 0; index++) {
		struct direction *way = &pair->ways[index];

		if (!way->done)
			again |= pair->pass_fds ? pump_messages(way, &status) : pump_bytes(relay, way, &status);
	}
	if (status != 0 || (pair->ways[0].done && pair->ways[1].done))
		end(relay, pair, status, 1);
	else if (again)
		enqueue(relay, pair);
}

static int watch(struct relay *relay, struct pair *pair)
{
	for (size_t index = 0; index < 2; index++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
					     .data = { .ptr = pair } };

		if (epoll_ctl(relay->set, EPOLL_CTL_ADD, pair->ways[index].from, &event) < 0)
			return errno;
	}
	return 0;
}

static void begin(struct relay *relay, struct pair *pair)
{
	const int status = watch(relay, pair);

	pair->next = relay->pairs;
	if (relay->pairs != NULL)
		relay->pairs->previous = pair;
	relay->pairs = pair;
	if (status != 0)
		end(relay, pair, status, 1);
}

static void stop(struct relay *relay, uint32_t id)
{
	struct pair *next;

	for (struct pair *pair = relay->pairs; pair != NULL; pair = next) {
		next = pair->next;
		if (pair->id == id)
			end(relay, pair, ECANCELED, 1);
	}
}

/* Whether the thread goes on. */
static int take_requests(struct relay *relay)
{
	struct request *request;
	eventfd_t count;
	int is_closing;

	(void)eventfd_read(relay->waker, &count);
	pthread_mutex_lock(&relay->lock);
	request = relay->requests;
	relay->requests = NULL;
	is_closing = relay->is_closing;
	pthread_mutex_unlock(&relay->lock);
	while (request != NULL) {
		struct request *next = request->next;

		if (request->kind == REQUEST_ADD)
			begin(relay, request->pair);
		else
			stop(relay, request->id);
		free(request);
		request = next;
	}
	return !is_closing;
}

static void run_queue(struct relay *relay)
{
	struct pair *queued = relay->queue;

	relay->queue = NULL;
	while (queued != NULL) {
		struct pair *next = queued->next_queued;

		queued->is_queued = 0;
		if (!queued->is_over)
			pump(relay, queued);
		queued = next;
	}
}

/* After run_queue(), so that no queue has them. */
static void free_over(struct relay *relay)
{
	struct pair *next;

	for (struct pair *pair = relay->over; pair != NULL; pair = next) {
		next = pair->next_over;
		free(pair);
	}
	relay->over = NULL;
}

static void *relay_all(void *data)
{
	struct relay *relay = data;
	int goes_on = 1;

	while (goes_on) {
		struct epoll_event events[MOST_EVENTS];
		const int count = epoll_wait(relay->set, events, MOST_EVENTS, relay->queue == NULL ? -1 : 0);

		for (int index = 0; index < count; index++) {
			struct pair *pair = events[index].data.ptr;

			if (pair == NULL)
				goes_on = take_requests(relay);
			else if (!pair->is_over)
				pump(relay, pair);
		}
		run_queue(relay);
		free_over(relay);
	}
	return NULL;
}

int relay_open(relay_ended ended, void *context, struct relay **out)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = NULL } };
	sigset_t all, before;
	int status = 0;

	if (relay == NULL)
		return ENOMEM;
	relay->ended = ended;
	relay->context = context;
	pthread_mutex_init(&relay->lock, NULL);
	relay->set = epoll_create1(EPOLL_CLOEXEC);
	relay->waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (relay->set < 0 || relay->waker < 0 || epoll_ctl(relay->set, EPOLL_CTL_ADD, relay->waker, &event) < 0)
		status = errno;
	if (status == 0) {
		/* Signals are the main thread's business. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		status = pthread_create(&relay->thread, NULL, relay_all, relay);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (status == 0) {
		*out = relay;
		return 0;
	}
	if (relay->set >= 0)
		close(relay->set);
	if (relay->waker >= 0)
		close(relay->waker);
	pthread_mutex_destroy(&relay->lock);
	free(relay);
	return status;
}

static int set_nonblocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
}

/* In the order that they were made in: the list is short, and walked to its end. */
static void submit(struct relay *relay, struct request *request)
{
	struct request **end_of_list = &relay->requests;

	pthread_mutex_lock(&relay->lock);
	while (*end_of_list != NULL)
		end_of_list = &(*end_of_list)->next;
	*end_of_list = request;
	pthread_mutex_unlock(&relay->lock);
	(void)eventfd_write(relay->waker, 1);
}

int relay_add(struct relay *relay, uint32_t id, int first, int second, int pass_fds)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct request *request = calloc(1, sizeof(*request));
	int status = pair == NULL || request == NULL ? ENOMEM : 0;

	if (status == 0)
		status = set_nonblocking(first);
	if (status == 0)
		status = set_nonblocking(second);
	if (status != 0) {
		free(pair);
		free(request);
		close(first);
		close(second);
		return status;
	}
	pair->id = id;
	pair->pass_fds = pass_fds;
	pair->ways[0].from = pair->ways[1].to = first;
	pair->ways[0].to = pair->ways[1].from = second;
	request->kind = REQUEST_ADD;
	request->pair = pair;
	submit(relay, request);
	return 0;
}

void relay_stop(struct relay *relay, uint32_t id)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return;
	request->kind = REQUEST_STOP;
	request->id = id;
	submit(relay, request);
}

void relay_close(struct relay *relay)
{
	struct pipe *next;

	pthread_mutex_lock(&relay->lock);
	relay->is_closing = 1;
	pthread_mutex_unlock(&relay->lock);
	(void)eventfd_write(relay->waker, 1);
	pthread_join(relay->thread, NULL);
	(void)take_requests(relay);
	while (relay->pairs != NULL)
		end(relay, relay->pairs, ECANCELED, 0);
	free_over(relay);
	for (struct pipe *pipe = relay->idle; pipe != NULL; pipe = next) {
		next = pipe->next;
		close_pipe(pipe);
	}
	close(relay->set);
	close(relay->waker);
	pthread_mutex_destroy(&relay->lock);
	free(relay);
}
