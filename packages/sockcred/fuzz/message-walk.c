/*
 * The walk through control messages, fed anything: whatever stands there,
 * every number of a descriptor is either in the message or was discarded, no
 * more than wanted are kept, and nobody is told where something was cut. The
 * first bytes choose how many descriptors are wanted and whether the kernel
 * said that it cut. And the forms in which other kernels tell a sender.
 */
#include "../native/layouts.h"
#include "../native/message.h"
#include "../native/sys.h"

#include <stdlib.h>
#include <string.h>

static size_t discarded;

static void discard(int fd)
{
	if (fd < 0)
		abort();
	discarded++;
}

/* Of a form that is wrong nothing is written; of a right one no group beyond those that are told. */
static void sender(const struct sender_layout *layout, const uint8_t *bytes, size_t length)
{
	static struct message out;
	int status;

	memset(&out, 0xab, sizeof(out));
	out.group_count = 0;
	status = decode_sender(layout, bytes, length, &out);
	if (status == 0 ? out.group_count > MESSAGE_MOST_GROUPS : out.uid != 0xabababab || out.pid != 0xabababab)
		abort();
	for (uint32_t index = out.group_count; index < MESSAGE_MOST_GROUPS; index++) {
		if (out.groups[index] != 0xabababab)
			abort();
	}
	if (status == 0 && out.groups_status != 0 && out.group_count != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message out;
	uint8_t *control;
	size_t most;

	if (size < 2)
		return 0;
	most = data[0];
	/* Exactly as long as it is, so that a byte too far is seen. */
	control = malloc(size - 2 > 0 ? size - 2 : 1);
	if (control == NULL)
		return 0;
	memcpy(control, data + 2, size - 2);
	memset(&out, 0xab, sizeof(out));
	out.flags = 0;
	discarded = 0;
	message_walk(control, size - 2, data[1] & 1, most, &out, discard);
	sender(&bsd_cmsgcred, control, size - 2);
	sender(&freebsd_sockcred, control, size - 2);
	sender(&freebsd_sockcred2, control, size - 2);
	sender(&netbsd_sockcred, control, size - 2);
	free(control);

	if (out.fd_count > most || out.fd_count > MESSAGE_MOST_FDS || out.label_length > MESSAGE_MOST_LABEL)
		abort();
	if (out.fd_count + discarded > size / sizeof(int))
		abort();
	for (uint32_t index = 0; index < out.fd_count; index++) {
		if (out.fds[index] < 0)
			abort();
	}
	if (out.cred_status != 0 && (out.uid != SYS_NO_ID || out.gid != SYS_NO_ID || out.pid != 0))
		abort();
	if ((out.flags & MESSAGE_CONTROL_CUT) != 0 && (out.cred_status == 0 || out.fd_count != 0 || out.pidfd != -1))
		abort();
	if ((data[1] & 1) != 0 && (out.flags & MESSAGE_CONTROL_CUT) == 0)
		abort();
	if (out.pidfd < -1 || (out.pidfd >= 0) != (out.pidfd_status == 0))
		abort();
	return 0;
}
