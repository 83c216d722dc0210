/*
 * The contract for what travels with data: bounded receiving and sending of
 * messages on Unix sockets, with the credentials, labels, process descriptors
 * and file descriptors that the kernel passes beside the bytes. A message_*.c
 * file fills it for its kernel; absent/messages.c answers for systems that
 * have nothing of it.
 *
 * Statuses are those of sys.h. Nothing here blocks, raises SIGPIPE or
 * allocates. Every descriptor that the kernel installs while a message is
 * received is in that message when the call returns, or is closed.
 */
#ifndef SOCKCRED_MESSAGE_H
#define SOCKCRED_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* SCM_MAX_FD of Linux; the most that one message can carry. */
#define MESSAGE_MOST_FDS 253
#define MESSAGE_MOST_GROUPS 32
#define MESSAGE_MOST_LABEL 1024
#define MESSAGE_MOST_NAME 112
/* Messages of one call. */
#define MESSAGE_MOST_BATCH 32
/* Room for everything above beside one message. */
#define MESSAGE_CONTROL 2304

enum message_flag {
	/* The data was longer than its room; on Linux, `full_length` says by how much. */
	MESSAGE_CUT = 1,
	/* What came beside the data was cut: nothing of it is told, all descriptors are closed. */
	MESSAGE_CONTROL_CUT = 2,
	/* More descriptors came than were wanted: those are closed. */
	MESSAGE_FDS_REFUSED = 4,
	/* No message: the other end has finished. */
	MESSAGE_END = 8,
	/* The ids are those that the sender attached, where these have a type of their own. */
	MESSAGE_ATTACHED = 16,
};

/*
 * One received message, in words of 32 bits because JavaScript reads it as it
 * is (src/sys/message-arena.ts has the same places). A fact whose status is
 * not 0 has no value.
 */
struct message {
	uint32_t length;      /* bytes of data that are there */
	uint32_t full_length; /* bytes of data that were sent, where the kernel tells (Linux): else `length` */
	uint32_t flags;
	/*
	 * The sender's ids: SYS_NO_DATA when none came with the message,
	 * SYS_BAD_LENGTH when they were cut or contradict each other. `uid` and
	 * `gid` are real ids; on Linux, or those that the sender chose. No other
	 * kernel lets a sender choose. SYS_NO_ID in what a kernel does not tell;
	 * a pid of 0 is none.
	 */
	uint32_t cred_status;
	uint32_t uid, gid;
	uint32_t effective_uid, effective_gid;
	uint32_t pid;
	/*
	 * All groups, the effective gid perhaps among them: ERANGE when there were
	 * more than there is room for, SYS_MAYBE_INCOMPLETE when the kernel's list
	 * is full.
	 */
	uint32_t groups_status;
	uint32_t group_count;
	uint32_t label_status;
	uint32_t label_length;
	/* A descriptor of the sender's process, close-on-exec; or the errno in its place. */
	uint32_t pidfd_status;
	int32_t pidfd; /* -1: none */
	/* Descriptors that were sent, close-on-exec. */
	uint32_t fd_count;
	/* The name that the sender's socket is bound to; only datagrams have one. */
	uint32_t name_length;
	/* Control messages that this library does not know. */
	uint32_t unknown;
	uint32_t reserved[2];
	int32_t fds[MESSAGE_MOST_FDS];
	uint32_t groups[MESSAGE_MOST_GROUPS];
	uint8_t label[MESSAGE_MOST_LABEL];
	uint8_t name[MESSAGE_MOST_NAME];
};

/* Which kind of socket it is: what a message of no bytes means depends on it. */
enum message_kind {
	MESSAGE_STREAM = 0,
	MESSAGE_SEQPACKET = 1,
	MESSAGE_DATAGRAM = 2,
};

struct message_request {
	enum message_kind kind;
	int peek; /* leave everything where it is; descriptors come anew each time, or (BSD) not at all */
	size_t most_fds; /* per message; further ones are closed */
	uint8_t *data; /* `room` bytes for each message, one after the other */
	size_t room;
	uint8_t *control; /* `control_room` bytes for each message, aligned as malloc() does */
	size_t control_room;
};

/*
 * Receives what is there, at most `count` messages: EAGAIN when nothing is.
 * On a stream each "message" is a run of bytes of the sender that it names.
 * With MESSAGE_PASS_CREDENTIALS on, Linux begins a new one with each sender;
 * of other kernels one byte has its sender, and what follows is nobody's. A
 * message with MESSAGE_END is the last one.
 * On a seqpacket socket an empty message is told from the end only while
 * MESSAGE_PASS_CREDENTIALS is on.
 */
int message_receive(int fd, const struct message_request *request, struct message *messages, size_t count,
		    size_t *received);

struct message_outgoing {
	const uint8_t *data;
	size_t length;
	const uint8_t *name; /* as in sys.h; of no bytes: the socket is connected */
	size_t name_length;
	const int32_t *fds;
	size_t fd_count;
	/*
	 * pid, uid, gid of the sender; NULL: whatever the kernel does by itself.
	 * EPERM where the sender may not say so, SYS_UNSUPPORTED where nobody can
	 * say anything (NetBSD, illumos).
	 */
	const uint32_t *claim;
};

/*
 * Sends one message. A stream takes what it has room for (`*sent`), and what
 * goes beside the data goes with its first byte: on a stream, at least one
 * byte is needed to carry anything, and EINVAL is answered without one.
 */
int message_send(int fd, const struct message_outgoing *message, size_t *sent);

/*
 * Sends `count` messages of these lengths, which lie one after the other in
 * `data`, all to one name (of no bytes: the socket is connected). Stops at the
 * first that is refused; 0 when at least one was sent.
 */
int message_send_batch(int fd, const uint8_t *data, const uint32_t *lengths, size_t count, const uint8_t *name,
		       size_t name_length, size_t *sent);

/*
 * What the kernel passes with the messages that a socket receives. Credentials
 * alone outside Linux: on DragonFly and illumos for datagrams only. On NetBSD
 * a stream or seqpacket socket has this switched off by the first message.
 */
enum message_option {
	MESSAGE_PASS_CREDENTIALS = 0,
	MESSAGE_PASS_LABELS = 1,
	MESSAGE_PASS_PIDFDS = 2,
	MESSAGE_PASS_FDS = 3, /* on by default; off, the sender of descriptors is refused */
};
/* EAFNOSUPPORT where it is no Unix socket, outside Linux: there the option would be another one. */
int message_set_option(int fd, enum message_option option, int on);
int message_get_option(int fd, enum message_option option, int *on);

/* A connected pair, and a connection that waits: close-on-exec and non-blocking. EAGAIN: none waits. */
int message_pair(enum message_kind kind, int out[2]);
int message_accept(int fd, int *out);

/* Another number for the same socket, close-on-exec. */
int message_duplicate(int fd, int *out);

/* Nothing more will be sent: the other end reads an end. */
int message_finish(int fd);

/*
 * The walk through what came beside one message: fills everything of `out`
 * that comes from there. `cut` is MSG_CTRUNC. Descriptors that are not kept go
 * to `discard`. Pure, so that it can be fed anything.
 */
void message_walk(const uint8_t *control, size_t length, int cut, size_t most_fds, struct message *out,
		  void (*discard)(int fd));

/* Takes back what a walk told of the sender's ids and groups. */
void message_forget_sender(struct message *out, uint32_t status);

/* No control message of that kind. */
#define MESSAGE_NO_TYPE (-1)
/* The bytes of the largest credentials that a sender attaches. */
#define MESSAGE_MOST_ATTACHED 84

/* How a kernel spells control messages, and what it does its own way. Each message_*.c file defines its own. */
struct message_kernel {
	/* Types of control messages. */
	int rights, label, pidfd;
	int credentials; /* by the kernel's own accord, with MESSAGE_PASS_CREDENTIALS */
	int attached;    /* because the sender attached them: perhaps the same number */
	/* Reads the bytes of either credentials into `out`; a status. */
	int (*decode)(int type, const uint8_t *bytes, size_t size, struct message *out);
	/* The bytes to attach for a claim; a status. NULL: there is nothing to attach. */
	int (*attach)(const uint32_t *claim, uint8_t out[MESSAGE_MOST_ATTACHED], size_t *size);
	/* Where a peek has descriptors, these numbers are not descriptors. */
	int none_in_peek;
	/* The flag without which a seqpacket goes on with the next one: MSG_EOR. */
	int record_end;
	/* A seqpacket that is longer than its room goes on in the next receive. */
	int record_pieces;
	/* MESSAGE_PASS_CREDENTIALS; of message_receive.c only. */
	int option_level, option;
	int option_for_datagrams;
};
extern const struct message_kernel message_kernel;

#endif
