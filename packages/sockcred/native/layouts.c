/* Reads what kernels say about a peer out of their bytes: see layouts.h. */
#include "layouts.h"

#include <errno.h>
#include <string.h>

const struct ids_layout linux_ucred = {
	LINUX_UCRED_SIZE,
	LINUX_UCRED_UID,
	LINUX_UCRED_GID,
	LINUX_UCRED_PID,
};
const struct ids_layout openbsd_sockpeercred = {
	OPENBSD_SOCKPEERCRED_SIZE,
	OPENBSD_SOCKPEERCRED_UID,
	OPENBSD_SOCKPEERCRED_GID,
	OPENBSD_SOCKPEERCRED_PID,
};
const struct ids_layout netbsd_unpcbid = {
	NETBSD_UNPCBID_SIZE,
	NETBSD_UNPCBID_UID,
	NETBSD_UNPCBID_GID,
	NETBSD_UNPCBID_PID,
};

const struct xucred_layout freebsd_xucred_lp64 = { FREEBSD_XUCRED_SIZE_LP64, FREEBSD_XUCRED_PID_LP64, 1 };
const struct xucred_layout freebsd_xucred_ilp32 = { FREEBSD_XUCRED_SIZE_ILP32, FREEBSD_XUCRED_PID_ILP32, 1 };
const struct xucred_layout dragonfly_xucred = { DRAGONFLY_XUCRED_SIZE, NO_FIELD, 1 };
/* Membership beyond this list is a directory's business: it is never known to be whole. */
const struct xucred_layout darwin_xucred = { DARWIN_XUCRED_SIZE, NO_FIELD, 0 };

const struct sender_layout bsd_cmsgcred = {
	.version = NO_FIELD,
	.pid = CMSGCRED_PID,
	.uid = CMSGCRED_UID,
	.effective_uid = CMSGCRED_EUID,
	.gid = CMSGCRED_GID,
	.effective_gid = NO_FIELD,
	.count = CMSGCRED_NGROUPS,
	.count_width = sizeof(int16_t),
	.groups = CMSGCRED_GROUPS,
	.size = CMSGCRED_SIZE,
	.most_groups = CMSG_MOST_GROUPS,
};
const struct sender_layout freebsd_sockcred = {
	.version = NO_FIELD,
	.pid = NO_FIELD,
	.uid = FREEBSD_SOCKCRED_UID,
	.effective_uid = FREEBSD_SOCKCRED_EUID,
	.gid = FREEBSD_SOCKCRED_GID,
	.effective_gid = FREEBSD_SOCKCRED_EGID,
	.count = FREEBSD_SOCKCRED_NGROUPS,
	.count_width = sizeof(int32_t),
	.groups = FREEBSD_SOCKCRED_GROUPS,
	.most_groups = CMSG_MOST_GROUPS,
};
const struct sender_layout freebsd_sockcred2 = {
	.version = FREEBSD_SOCKCRED2_VERSION,
	.pid = FREEBSD_SOCKCRED2_PID,
	.uid = FREEBSD_SOCKCRED2_UID,
	.effective_uid = FREEBSD_SOCKCRED2_EUID,
	.gid = FREEBSD_SOCKCRED2_GID,
	.effective_gid = FREEBSD_SOCKCRED2_EGID,
	.count = FREEBSD_SOCKCRED2_NGROUPS,
	.count_width = sizeof(int32_t),
	.groups = FREEBSD_SOCKCRED2_GROUPS,
	.most_groups = CMSG_MOST_GROUPS,
};
const struct sender_layout netbsd_sockcred = {
	.version = NO_FIELD,
	.pid = NETBSD_SOCKCRED_PID,
	.uid = NETBSD_SOCKCRED_UID,
	.effective_uid = NETBSD_SOCKCRED_EUID,
	.gid = NETBSD_SOCKCRED_GID,
	.effective_gid = NETBSD_SOCKCRED_EGID,
	.count = NETBSD_SOCKCRED_NGROUPS,
	.count_width = sizeof(int32_t),
	.groups = NETBSD_SOCKCRED_GROUPS,
};

static uint32_t word_at(const void *answer, size_t offset)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)answer + offset, sizeof(word));
	return word;
}

static uint32_t pid_at(const void *answer, size_t offset)
{
	return offset == NO_FIELD ? 0 : word_at(answer, offset);
}

int decode_ids(const struct ids_layout *layout, const void *answer, size_t length, struct sys_cred *out)
{
	if (length != layout->size)
		return SYS_BAD_LENGTH;
	out->uid = word_at(answer, layout->uid);
	out->gid = word_at(answer, layout->gid);
	out->pid = pid_at(answer, layout->pid);
	return 0;
}

/* How many groups a well-formed xucred has; 0 for one that is not. */
static size_t xucred_groups(const struct xucred_layout *layout, const void *answer, size_t length)
{
	int16_t count;

	if (length != layout->size || word_at(answer, XUCRED_AT_VERSION) != XUCRED_KNOWN_VERSION)
		return 0;
	memcpy(&count, (const uint8_t *)answer + XUCRED_AT_NGROUPS, sizeof(count));
	return count >= 1 && count <= XUCRED_MOST_GROUPS ? (size_t)count : 0;
}

int decode_xucred(const struct xucred_layout *layout, const void *answer, size_t length, struct sys_cred *out)
{
	/* Without a group there is no gid either: then nothing here is believed. */
	if (xucred_groups(layout, answer, length) == 0)
		return SYS_BAD_LENGTH;
	out->uid = word_at(answer, XUCRED_AT_UID);
	out->gid = word_at(answer, XUCRED_AT_GROUPS);
	out->pid = pid_at(answer, layout->pid);
	return 0;
}

int decode_xucred_groups(const struct xucred_layout *layout, const void *answer, size_t length, uint32_t *out,
			 size_t capacity, size_t *count)
{
	const size_t all = xucred_groups(layout, answer, length);

	if (all == 0)
		return SYS_BAD_LENGTH;
	if (!layout->complete_below_most || all == XUCRED_MOST_GROUPS)
		return SYS_MAYBE_INCOMPLETE;
	*count = all - 1;
	if (all - 1 > capacity)
		return ERANGE;
	for (size_t index = 1; index < all; index++)
		out[index - 1] = word_at(answer, XUCRED_AT_GROUPS + index * sizeof(*out));
	return 0;
}

/* How many groups there are; SIZE_MAX where the form contradicts itself. */
static size_t sender_groups(const struct sender_layout *layout, const void *bytes, size_t length)
{
	const size_t most = length < layout->groups ? 0 : (length - layout->groups) / sizeof(uint32_t);
	int32_t count;
	int16_t narrow;

	if (length < layout->groups || (layout->size != 0 && length != layout->size) ||
	    (layout->version != NO_FIELD && word_at(bytes, layout->version) != 0))
		return SIZE_MAX;
	memcpy(&count, (const uint8_t *)bytes + layout->count, sizeof(count));
	if (layout->count_width == sizeof(narrow)) {
		memcpy(&narrow, (const uint8_t *)bytes + layout->count, sizeof(narrow));
		count = narrow;
	}
	if (count < 0 || (size_t)count > most || (layout->most_groups != 0 && (size_t)count > layout->most_groups))
		return SIZE_MAX;
	/* The list is all of the rest, unless there is room for it that is always there. */
	if (layout->size == 0 && length != layout->groups + (size_t)count * sizeof(uint32_t))
		return SIZE_MAX;
	/* Without a group there is no effective gid either: then nothing here is believed. */
	return layout->effective_gid == NO_FIELD && count == 0 ? SIZE_MAX : (size_t)count;
}

int decode_sender(const struct sender_layout *layout, const void *bytes, size_t length, struct message *out)
{
	const size_t groups = sender_groups(layout, bytes, length);

	if (groups == SIZE_MAX)
		return SYS_BAD_LENGTH;
	out->pid = pid_at(bytes, layout->pid);
	out->uid = word_at(bytes, layout->uid);
	out->effective_uid = word_at(bytes, layout->effective_uid);
	out->gid = word_at(bytes, layout->gid);
	out->effective_gid =
		word_at(bytes, layout->effective_gid != NO_FIELD ? layout->effective_gid : layout->groups);
	out->group_count = 0;
	if (layout->most_groups != 0 && groups == layout->most_groups) {
		out->groups_status = SYS_MAYBE_INCOMPLETE;
	} else if (groups > MESSAGE_MOST_GROUPS) {
		out->groups_status = ERANGE;
	} else {
		out->groups_status = 0;
		out->group_count = (uint32_t)groups;
		memcpy(out->groups, (const uint8_t *)bytes + layout->groups, groups * sizeof(uint32_t));
	}
	return 0;
}

int decode_audit_token(const void *answer, size_t length, uint32_t out[8])
{
	if (length != DARWIN_AUDIT_TOKEN_SIZE)
		return SYS_BAD_LENGTH;
	memcpy(out, answer, DARWIN_AUDIT_TOKEN_SIZE);
	return 0;
}
