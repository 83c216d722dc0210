/*
 * Linux: one thread and one edge-triggered epoll for all pairs; how bytes move
 * is in relay_way.h. A quiet pair holds its two descriptors and nothing else.
 */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "relay_way.h"

#define MOST_EVENTS 128
/* Idle pairs are looked for no more often, so that many of them cost little. */
#define BETWEEN_CHECKS_MS 100

struct pair {
	uint32_t id;
	int pass_fds;
	int is_queued; /* has more to do now, whatever epoll says */
	int is_over;
	uint32_t idle_ms; /* 0: may be idle for ever */
	uint64_t active; /* when the last byte arrived */
	struct way ways[2];
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
	struct pipes pipes;
	/* Of CLOCK_MONOTONIC, in ms: kept only while there is a next check. */
	uint64_t now, next_check;
	/* Between the threads. */
	pthread_mutex_t lock;
	struct request *requests;
	struct request **end_of_requests;
	int is_closing;
};

/* Closes everything and reports; the memory stays until nothing of this round speaks of it. */
static void end(struct relay *relay, struct pair *pair, int status, int is_told)
{
	struct relay_report report = { .id = pair->id, .status = (uint32_t)status };
	struct epoll_event unused = { .events = 0, .data = { .ptr = NULL } };

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
	for (size_t index = 0; index < 2; index++) {
		way_release(&pair->ways[index], &relay->pipes);
		/* By hand: a socket that is open elsewhere too would go on being reported after close(). See epoll(7). */
		(void)epoll_ctl(relay->set, EPOLL_CTL_DEL, pair->ways[index].from, &unused);
		close(pair->ways[index].from);
	}
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

static uint64_t bytes_moved(const struct pair *pair)
{
	return pair->ways[0].moved + pair->ways[1].moved;
}

static void pump(struct relay *relay, struct pair *pair)
{
	const uint64_t before = bytes_moved(pair);
	int again = 0, status = 0;

	for (size_t index = 0; index < 2 && status == 0; index++) {
		struct way *way = &pair->ways[index];

		if (!way->done)
			again |= pair->pass_fds ? way_pump_messages(way, &status)
						: way_pump_bytes(way, &relay->pipes, &status);
	}
	if (bytes_moved(pair) != before)
		pair->active = relay->now;
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

static uint64_t time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)(now.tv_nsec / 1000000);
}

static void check_at(struct relay *relay, uint64_t due)
{
	if (relay->next_check == 0 || due < relay->next_check)
		relay->next_check = due;
}

static void end_idle(struct relay *relay)
{
	const uint64_t soonest = relay->now + BETWEEN_CHECKS_MS;
	struct pair *next;

	if (relay->next_check == 0 || relay->now < relay->next_check)
		return;
	relay->next_check = 0;
	for (struct pair *pair = relay->pairs; pair != NULL; pair = next) {
		const uint64_t due = pair->active + pair->idle_ms;

		next = pair->next;
		if (pair->idle_ms == 0)
			continue;
		if (due <= relay->now)
			end(relay, pair, ETIMEDOUT, 1);
		else
			check_at(relay, due < soonest ? soonest : due);
	}
}

static void begin(struct relay *relay, struct pair *pair)
{
	const int status = watch(relay, pair);

	pair->next = relay->pairs;
	if (relay->pairs != NULL)
		relay->pairs->previous = pair;
	relay->pairs = pair;
	if (pair->idle_ms > 0) {
		relay->now = time_now();
		pair->active = relay->now;
		check_at(relay, relay->now + pair->idle_ms);
	}
	if (status != 0)
		end(relay, pair, status, 1);
}

static void stop(struct relay *relay, uint32_t id)
{
	struct pair *pair = relay->pairs;

	while (pair != NULL && pair->id != id)
		pair = pair->next;
	if (pair != NULL)
		end(relay, pair, ECANCELED, 1);
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
	relay->end_of_requests = &relay->requests;
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

/* As epoll_wait(2) has it. */
static int time_to_wait(const struct relay *relay)
{
	uint64_t now;

	if (relay->queue != NULL)
		return 0;
	if (relay->next_check == 0)
		return -1;
	now = time_now();
	if (relay->next_check <= now)
		return 0;
	return relay->next_check - now < INT_MAX ? (int)(relay->next_check - now) : INT_MAX;
}

static void *relay_all(void *data)
{
	struct relay *relay = data;
	int goes_on = 1;

	while (goes_on) {
		struct epoll_event events[MOST_EVENTS];
		const int count = epoll_wait(relay->set, events, MOST_EVENTS, time_to_wait(relay));

		if (relay->next_check != 0)
			relay->now = time_now();
		for (int index = 0; index < count; index++) {
			struct pair *pair = events[index].data.ptr;

			if (pair == NULL)
				goes_on = take_requests(relay);
			else if (!pair->is_over)
				pump(relay, pair);
		}
		end_idle(relay);
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
	relay->end_of_requests = &relay->requests;
	pipes_limit(&relay->pipes);
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

	if (flags < 0)
		return errno;
	return (flags & O_NONBLOCK) != 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : errno;
}

/* In the order that they were made in. Where others wait to be taken, the thread was woken for them. */
static void submit(struct relay *relay, struct request *request)
{
	int is_first;

	pthread_mutex_lock(&relay->lock);
	is_first = relay->requests == NULL;
	*relay->end_of_requests = request;
	relay->end_of_requests = &request->next;
	pthread_mutex_unlock(&relay->lock);
	if (is_first)
		(void)eventfd_write(relay->waker, 1);
}

int relay_add(struct relay *relay, uint32_t id, int first, int second, int pass_fds, uint32_t idle_ms)
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
	pair->idle_ms = idle_ms;
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
	pthread_mutex_lock(&relay->lock);
	relay->is_closing = 1;
	pthread_mutex_unlock(&relay->lock);
	(void)eventfd_write(relay->waker, 1);
	pthread_join(relay->thread, NULL);
	(void)take_requests(relay);
	while (relay->pairs != NULL)
		end(relay, relay->pairs, ECANCELED, 0);
	free_over(relay);
	pipes_close(&relay->pipes);
	close(relay->set);
	close(relay->waker);
	pthread_mutex_destroy(&relay->lock);
	free(relay);
}
