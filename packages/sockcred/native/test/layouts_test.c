/*
 * Answers as other kernels write them, byte by byte, read by the decoders that
 * the files of those kernels use.
 */
#include "../layouts.h"
#include "bytes.h"
#include "testing.h"

#include <errno.h>
#include <string.h>

static void check_ids(const struct ids_layout *layout, const uint8_t *bytes, uint32_t uid, uint32_t gid, uint32_t pid)
{
	struct sys_cred cred = { POISON, POISON, POISON };
	uint8_t longer[64] = { 0 };

	/* A length of 4 is what another option with the same number would give. */
	memcpy(longer, bytes, 12);
	for (size_t length = 0; length <= sizeof(longer); length++) {
		if (length == 12)
			continue;
		CHECK_EQUAL(decode_ids(layout, longer, length, &cred), SYS_BAD_LENGTH);
		CHECK(cred.uid == POISON && cred.gid == POISON && cred.pid == POISON);
	}
	CHECK_EQUAL(decode_ids(layout, bytes, 12, &cred), 0);
	CHECK_EQUAL(cred.uid, uid);
	CHECK_EQUAL(cred.gid, gid);
	CHECK_EQUAL(cred.pid, pid);
}

static void three_ids_in_three_orders(void)
{
	const uint8_t linux_bytes[] = { PID_4242, UID_70000, GID_100 };
	const uint8_t linux_none[] = { ZERO, NO_ID, NO_ID };
	const uint8_t openbsd_bytes[] = { UID_70000, GID_100, PID_4242 };
	const uint8_t openbsd_high[] = { HIGH_ID, NO_ID, ZERO };
	const uint8_t netbsd_bytes[] = { PID_4242, UID_70000, GID_80000 };
	const uint8_t netbsd_root[] = { PID_4242, ZERO, ZERO };

	check_ids(&linux_ucred, linux_bytes, 70000, 100, 4242);
	check_ids(&linux_ucred, linux_none, SYS_NO_ID, SYS_NO_ID, 0);
	check_ids(&openbsd_sockpeercred, openbsd_bytes, 70000, 100, 4242);
	check_ids(&openbsd_sockpeercred, openbsd_high, UINT32_C(0xfffffffe), SYS_NO_ID, 0);
	check_ids(&netbsd_unpcbid, netbsd_bytes, 70000, 80000, 4242);
	check_ids(&netbsd_unpcbid, netbsd_root, 0, 0, 4242);
}

/* What each kernel with a struct xucred makes of the same head and 16 groups. */
struct xucred_kind {
	const struct xucred_layout *layout;
	size_t size;
	uint32_t pid;
	int groups_are_told;
};
static const struct xucred_kind kinds[] = {
	{ &freebsd_xucred_lp64, 88, 4242, 1 },
	{ &freebsd_xucred_ilp32, 80, 4242, 1 },
	{ &dragonfly_xucred, 88, 0, 1 },
	{ &darwin_xucred, 76, 0, 0 },
};

/* version, uid, ngroups, 2 bytes of padding, then 16 groups: 76 bytes. */
#define HEAD(version, uid, ngroups) version, uid, ngroups, 0xee, 0xee
#define GROUPS_2_TO_15                                                                                             \
	B4(0, 0, 0, 2), B4(0, 0, 0, 3), B4(0, 0, 0, 4), B4(0, 0, 0, 5), B4(0, 0, 0, 6), B4(0, 0, 0, 7),            \
		B4(0, 0, 0, 8), B4(0, 0, 0, 9), B4(0, 0, 0, 10), B4(0, 0, 0, 11), B4(0, 0, 0, 12), B4(0, 0, 0, 13), \
		B4(0, 0, 0, 14), B4(0, 0, 0, 15)
#define GROUPS GID_80000, HIGH_ID, GROUPS_2_TO_15

/* The pid where each FreeBSD has it; what stands there elsewhere must not be read as one. */
static void end_of_xucred(uint8_t bytes[88], const struct xucred_kind *kind)
{
	const uint8_t pid[] = { PID_4242 };

	memset(bytes + 76, 0, 12);
	if (kind->layout == &freebsd_xucred_ilp32)
		memcpy(bytes + 76, pid, sizeof(pid));
	else if (kind->size == 88)
		memcpy(bytes + 80, pid, sizeof(pid));
}

static void check_xucred_refused(const struct xucred_kind *kind, const uint8_t *bytes, size_t length)
{
	struct sys_cred cred = { POISON, POISON, POISON };
	uint32_t groups[16] = { POISON };
	size_t count = 99;

	CHECK_EQUAL(decode_xucred(kind->layout, bytes, length, &cred), SYS_BAD_LENGTH);
	CHECK(cred.uid == POISON && cred.gid == POISON && cred.pid == POISON);
	CHECK_EQUAL(decode_xucred_groups(kind->layout, bytes, length, groups, 16, &count), SYS_BAD_LENGTH);
	CHECK(count == 99 && groups[0] == POISON);
}

static void xucred_is_believed_only_when_it_is_well_formed(void)
{
	uint8_t good[88] = { HEAD(ZERO, UID_70000, B2(0, 3)), GROUPS };
	uint8_t version_1[88] = { HEAD(B4(0, 0, 0, 1), UID_70000, B2(0, 3)), GROUPS };
	uint8_t version_high[88] = { HEAD(B4(1, 0, 0, 0), UID_70000, B2(0, 3)), GROUPS };
	uint8_t none[88] = { HEAD(ZERO, UID_70000, B2(0, 0)), GROUPS };
	uint8_t seventeen[88] = { HEAD(ZERO, UID_70000, B2(0, 17)), GROUPS };
	uint8_t negative[88] = { HEAD(ZERO, UID_70000, B2(0xff, 0xff)), GROUPS };
	uint8_t swapped[88] = { HEAD(ZERO, UID_70000, B2(3, 0)), GROUPS };
	uint8_t *const bad[] = { version_1, version_high, none, seventeen, negative, swapped };

	for (size_t each = 0; each < sizeof(kinds) / sizeof(*kinds); each++) {
		for (size_t index = 0; index < sizeof(bad) / sizeof(*bad); index++) {
			end_of_xucred(bad[index], &kinds[each]);
			check_xucred_refused(&kinds[each], bad[index], kinds[each].size);
		}
		end_of_xucred(good, &kinds[each]);
		for (size_t length = 0; length <= sizeof(good); length++)
			if (length != kinds[each].size)
				check_xucred_refused(&kinds[each], good, length);
	}
}

static void xucred_fields_are_each_in_their_place(void)
{
	uint8_t bytes[88] = { HEAD(ZERO, UID_70000, B2(0, 3)), GROUPS };
	uint8_t nobody[88] = { HEAD(ZERO, NO_ID, B2(0, 1)), NO_ID };
	struct sys_cred cred;

	for (size_t each = 0; each < sizeof(kinds) / sizeof(*kinds); each++) {
		end_of_xucred(bytes, &kinds[each]);
		CHECK_EQUAL(decode_xucred(kinds[each].layout, bytes, kinds[each].size, &cred), 0);
		CHECK_EQUAL(cred.uid, 70000);
		CHECK_EQUAL(cred.gid, 80000);
		CHECK_EQUAL(cred.pid, kinds[each].pid);
		/* FreeBSD before 13, and its 32-bit processes, leave the pid at 0. */
		CHECK_EQUAL(decode_xucred(kinds[each].layout, nobody, kinds[each].size, &cred), 0);
		CHECK_EQUAL(cred.uid, SYS_NO_ID);
		CHECK_EQUAL(cred.gid, SYS_NO_ID);
		CHECK_EQUAL(cred.pid, 0);
	}
}

static void unused_room_for_groups_is_no_group_and_a_full_list_is_none(void)
{
	uint8_t bytes[88] = { HEAD(ZERO, UID_70000, B2(0, 1)), GROUPS };
	const uint8_t counts[17][2] = {
		{ B2(0, 0) },  { B2(0, 1) },  { B2(0, 2) },  { B2(0, 3) },  { B2(0, 4) },  { B2(0, 5) },
		{ B2(0, 6) },  { B2(0, 7) },  { B2(0, 8) },  { B2(0, 9) },  { B2(0, 10) }, { B2(0, 11) },
		{ B2(0, 12) }, { B2(0, 13) }, { B2(0, 14) }, { B2(0, 15) }, { B2(0, 16) },
	};

	for (size_t each = 0; each < sizeof(kinds) / sizeof(*kinds); each++) {
		for (size_t all = 1; all <= 16; all++) {
			const int told = kinds[each].groups_are_told && all < 16;
			uint32_t groups[16];
			size_t count = 99;

			memset(groups, 0xab, sizeof(groups));
			memcpy(bytes + 8, counts[all], 2);
			CHECK_EQUAL(decode_xucred_groups(kinds[each].layout, bytes, kinds[each].size, groups, 16, &count),
				    told ? 0 : SYS_MAYBE_INCOMPLETE);
			CHECK_EQUAL(count, told ? all - 1 : 99);
			/* The first is the effective gid; then 4294967294, 2, 3, ... */
			for (size_t index = 0; told && index < count; index++)
				CHECK_EQUAL(groups[index], index == 0 ? UINT32_C(0xfffffffe) : index + 1);
			CHECK_EQUAL(groups[told ? all - 1 : 0], POISON);
			if (!told || all < 3)
				continue;
			/* Too little room: told how much is needed, and nothing written. */
			groups[0] = POISON;
			CHECK_EQUAL(decode_xucred_groups(kinds[each].layout, bytes, kinds[each].size, groups, all - 2,
							 &count),
				    ERANGE);
			CHECK_EQUAL(count, all - 1);
			CHECK_EQUAL(groups[0], POISON);
		}
	}
}

static void no_answer_of_macos_has_a_pid(void)
{
	/* Bytes after the end, where another kernel has its pid, are not read. */
	uint8_t bytes[88] = { HEAD(ZERO, UID_70000, B2(0, 3)), GROUPS };
	struct sys_cred cred = { POISON, POISON, POISON };

	memset(bytes + 76, 0x55, 12);
	CHECK_EQUAL(decode_xucred(&darwin_xucred, bytes, 76, &cred), 0);
	CHECK_EQUAL(cred.pid, 0);
	CHECK_EQUAL(decode_xucred(&dragonfly_xucred, bytes, 88, &cred), 0);
	CHECK_EQUAL(cred.pid, 0);
}

static void an_audit_token_is_eight_words(void)
{
	const uint8_t bytes[40] = {
		NO_ID,	  UID_70000, GID_80000, B4(0, 0, 0, 1), B4(0, 0, 0, 2), PID_4242,
		B4(0, 1, 0, 0), B4(0, 0, 2, 0),
	};
	const uint32_t expected[8] = { UINT32_MAX, 70000, 80000, 1, 2, 4242, 65536, 512 };
	uint32_t token[8];

	for (size_t length = 0; length <= sizeof(bytes); length++) {
		memset(token, 0xab, sizeof(token));
		CHECK_EQUAL(decode_audit_token(bytes, length, token), length == 32 ? 0 : SYS_BAD_LENGTH);
		CHECK_EQUAL(token[0], length == 32 ? UINT32_MAX : POISON);
	}
	CHECK_EQUAL(decode_audit_token(bytes, 32, token), 0);
	for (size_t index = 0; index < 8; index++)
		CHECK_EQUAL(token[index], expected[index]);
}

const struct test_case layout_cases[] = {
	{ "three-ids", three_ids_in_three_orders },
	{ "xucred-form", xucred_is_believed_only_when_it_is_well_formed },
	{ "xucred-fields", xucred_fields_are_each_in_their_place },
	{ "xucred-groups", unused_room_for_groups_is_no_group_and_a_full_list_is_none },
	{ "macos-pid", no_answer_of_macos_has_a_pid },
	{ "audit-token", an_audit_token_is_eight_words },
	{ NULL, NULL },
};
