/*
 * Bytes as kernels write them: in the order of the processor that the tests
 * run on. 16 and 32 bits are spelled out for both orders, so that a big-endian
 * processor runs other bytes.
 */
#ifndef SOCKCRED_BYTES_H
#define SOCKCRED_BYTES_H

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define B2(high, low) low, high
#define B4(a, b, c, d) d, c, b, a
#else
#define B2(high, low) high, low
#define B4(a, b, c, d) a, b, c, d
#endif

#define ZERO B4(0, 0, 0, 0)
#define NO_ID B4(0xff, 0xff, 0xff, 0xff)
#define HIGH_ID B4(0xff, 0xff, 0xff, 0xfe) /* 4294967294, which is a real one */
#define UID_70000 B4(0, 1, 0x11, 0x70)
#define GID_100 B4(0, 0, 0, 100)
#define GID_80000 B4(0, 1, 0x38, 0x80)
#define PID_4242 B4(0, 0, 0x10, 0x92)

#define POISON UINT32_C(0xabababab)

#endif
