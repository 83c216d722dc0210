/*
 * What other kernels put beside a message about its sender, byte by byte, read
 * by the decoder that the files of those kernels use.
 */
#include "../layouts.h"
#include "bytes.h"
#include "testing.h"

#include <errno.h>
#include <string.h>

#define UID_70001 B4(0, 1, 0x11, 0x71)
#define GID_80001 B4(0, 1, 0x38, 0x81)
#define COUNT(number) B4(0, 0, 0, number)

static struct message told;

static int decode(const struct sender_layout *layout, const uint8_t *bytes, size_t length)
{
	memset(&told, 0xab, sizeof(told));
	return decode_sender(layout, bytes, length, &told);
}

/* uid 70000, effective 70001, gid 80000, effective 80001. */
static void check_ids(uint32_t pid, uint32_t group_count)
{
	CHECK_EQUAL(told.pid, pid);
	CHECK_EQUAL(told.uid, 70000);
	CHECK_EQUAL(told.effective_uid, 70001);
	CHECK_EQUAL(told.gid, 80000);
	CHECK_EQUAL(told.effective_gid, 80001);
	CHECK_EQUAL(told.groups_status, 0);
	CHECK_EQUAL(told.group_count, group_count);
	CHECK_EQUAL(told.groups[group_count], POISON);
}

/* Nothing but the one length is an answer. */
static void check_lengths(const struct sender_layout *layout, const uint8_t *bytes, size_t room, size_t length)
{
	for (size_t other = 0; other <= room; other++) {
		if (other == length)
			continue;
		CHECK_EQUAL(decode(layout, bytes, other), SYS_BAD_LENGTH);
		CHECK_EQUAL(told.uid, POISON);
		CHECK_EQUAL(told.pid, POISON);
		CHECK_EQUAL(told.groups_status, POISON);
	}
	CHECK_EQUAL(decode(layout, bytes, length), 0);
}

static void cmsgcred_fields(void)
{
	uint8_t bytes[120] = {
		PID_4242, UID_70000, UID_70001, GID_80000, B2(0, 3), 0xee, 0xee, GID_80001, HIGH_ID, GID_100,
	};
	const uint8_t counts[][2] = { { B2(0, 0) }, { B2(0, 17) }, { B2(0xff, 0xff) }, { B2(3, 0) } };

	CHECK_EQUAL(decode(&bsd_cmsgcred, bytes, 84), 0);
	check_ids(4242, 3);
	CHECK_EQUAL(told.groups[0], 80001);
	CHECK_EQUAL(told.groups[1], UINT32_C(0xfffffffe));
	CHECK_EQUAL(told.groups[2], 100);
	check_lengths(&bsd_cmsgcred, bytes, sizeof(bytes), 84);
	/* Without groups there is no effective gid; the other counts are none. */
	for (size_t index = 0; index < sizeof(counts) / sizeof(*counts); index++) {
		memcpy(bytes + 16, counts[index], 2);
		CHECK_EQUAL(decode(&bsd_cmsgcred, bytes, 84), SYS_BAD_LENGTH);
		CHECK_EQUAL(told.uid, POISON);
	}
}

static void sockcred_fields(void)
{
	const uint8_t freebsd[60] = {
		UID_70000, UID_70001, GID_80000, GID_80001, COUNT(2), HIGH_ID, GID_100,
	};
	const uint8_t freebsd_none[20] = { UID_70000, UID_70001, GID_80000, GID_80001, ZERO };
	const uint8_t netbsd[60] = {
		PID_4242, UID_70000, UID_70001, GID_80000, GID_80001, COUNT(2), HIGH_ID, GID_100,
	};
	const uint8_t netbsd_none[24] = { PID_4242, UID_70000, UID_70001, GID_80000, GID_80001, ZERO };

	check_lengths(&freebsd_sockcred, freebsd, sizeof(freebsd), 28);
	check_ids(0, 2);
	CHECK_EQUAL(told.groups[0], UINT32_C(0xfffffffe));
	CHECK_EQUAL(told.groups[1], 100);
	CHECK_EQUAL(decode(&freebsd_sockcred, freebsd_none, sizeof(freebsd_none)), 0);
	check_ids(0, 0);
	check_lengths(&netbsd_sockcred, netbsd, sizeof(netbsd), 32);
	check_ids(4242, 2);
	CHECK_EQUAL(told.groups[0], UINT32_C(0xfffffffe));
	CHECK_EQUAL(told.groups[1], 100);
	CHECK_EQUAL(decode(&netbsd_sockcred, netbsd_none, sizeof(netbsd_none)), 0);
	check_ids(4242, 0);
}

static void sockcred2_fields(void)
{
	uint8_t bytes[60] = {
		ZERO, PID_4242, UID_70000, UID_70001, GID_80000, GID_80001, COUNT(2), HIGH_ID, GID_100,
	};
	const uint8_t versions[][4] = { { B4(0, 0, 0, 1) }, { B4(1, 0, 0, 0) }, { NO_ID } };
	const uint8_t negative[] = { NO_ID };

	check_lengths(&freebsd_sockcred2, bytes, sizeof(bytes), 36);
	check_ids(4242, 2);
	CHECK_EQUAL(told.groups[0], UINT32_C(0xfffffffe));
	CHECK_EQUAL(told.groups[1], 100);
	for (size_t index = 0; index < sizeof(versions) / sizeof(*versions); index++) {
		memcpy(bytes, versions[index], 4);
		CHECK_EQUAL(decode(&freebsd_sockcred2, bytes, 36), SYS_BAD_LENGTH);
		CHECK_EQUAL(told.uid, POISON);
	}
	memset(bytes, 0, 4);
	memcpy(bytes + 24, negative, 4);
	CHECK_EQUAL(decode(&freebsd_sockcred2, bytes, 36), SYS_BAD_LENGTH);
	CHECK_EQUAL(decode(&freebsd_sockcred2, bytes, 24), SYS_BAD_LENGTH);
}

/* One layout with ids that do not matter here and so many groups: 0, 1, 2, ... */
static int with_groups(const struct sender_layout *layout, size_t count)
{
	uint8_t bytes[300] = { 0 };
	const int32_t wide = (int32_t)count;
	const int16_t narrow = (int16_t)count;

	if (layout->count_width == 2)
		memcpy(bytes + layout->count, &narrow, sizeof(narrow));
	else
		memcpy(bytes + layout->count, &wide, sizeof(wide));
	for (uint32_t index = 0; index < count; index++)
		memcpy(bytes + layout->groups + 4 * index, &index, 4);
	return decode(layout, bytes, layout->size != 0 ? layout->size : layout->groups + 4 * count);
}

static void full_lists_are_none(void)
{
	const struct sender_layout *const capped[] = { &bsd_cmsgcred, &freebsd_sockcred, &freebsd_sockcred2 };

	for (size_t each = 0; each < sizeof(capped) / sizeof(*capped); each++) {
		CHECK_EQUAL(with_groups(capped[each], 15), 0);
		CHECK_EQUAL(told.groups_status, 0);
		CHECK_EQUAL(told.group_count, 15);
		CHECK_EQUAL(told.groups[14], 14);
		CHECK_EQUAL(with_groups(capped[each], 16), 0);
		CHECK_EQUAL(told.groups_status, SYS_MAYBE_INCOMPLETE);
		CHECK_EQUAL(told.group_count, 0);
		CHECK_EQUAL(told.groups[0], POISON);
		CHECK_EQUAL(with_groups(capped[each], 17), SYS_BAD_LENGTH);
		CHECK_EQUAL(told.uid, POISON);
	}
	/* NetBSD's is whole, however long; here there is room for 32. */
	CHECK_EQUAL(with_groups(&netbsd_sockcred, 32), 0);
	CHECK_EQUAL(told.groups_status, 0);
	CHECK_EQUAL(told.group_count, 32);
	CHECK_EQUAL(told.groups[31], 31);
	CHECK_EQUAL(with_groups(&netbsd_sockcred, 33), 0);
	CHECK_EQUAL(told.uid, 0);
	CHECK_EQUAL(told.groups_status, ERANGE);
	CHECK_EQUAL(told.group_count, 0);
	CHECK_EQUAL(told.groups[0], POISON);
}

const struct test_case sender_cases[] = {
	{ "cmsgcred-fields", cmsgcred_fields },
	{ "sockcred-fields", sockcred_fields },
	{ "sockcred2-fields", sockcred2_fields },
	{ "sender-groups", full_lists_are_none },
	{ NULL, NULL },
};
