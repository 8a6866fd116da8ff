/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Checksums over whole packets, for the rare ones that Genkan makes itself: ICMP errors and fragments. */
#pragma once

#include "parse.h"

#define CHECKSUM_STEPS 20 /* of 512 bytes: more than INSIDE_MTU */

/* The one's complement sum of `length` bytes from `offset`, continued from `sum`; not folded, not inverted; negative: error. */
__noinline __s64 sum_bytes(struct __sk_buff *skb, struct packet *p, __u32 offset, __u32 length,
			   __u32 sum)
{
	__u32 i, j, size;
	__s64 result = sum;

	if (!p)
		return -1;
	for (i = 0; i < CHECKSUM_STEPS; i++) {
		if (!length)
			return result;
		size = length < sizeof(p->buffer) ? length : sizeof(p->buffer);
		if (size < sizeof(p->buffer))
			for (j = 0; j < sizeof(p->buffer) / 8; j++)
				((__u64 *)p->buffer)[j] = 0;
		/* 1 to 512, as it is already: but only so does the verifier of Linux 6.1 see it. */
		__asm__ volatile("" : "+r"(size));
		size = ((size - 1) & (sizeof(p->buffer) - 1)) + 1;
		if (bpf_skb_load_bytes(skb, offset, p->buffer, size))
			return -1;
		result = bpf_csum_diff(0, 0, (void *)p->buffer, sizeof(p->buffer), (__u32)result);
		if (result < 0)
			return -1;
		offset += size;
		length -= size;
	}
	return length ? -1 : result;
}

static __always_inline __u64 pseudo_sum(__be32 source, __be32 destination, __u8 protocol,
					__u32 length)
{
	return (__u64)source + destination + bpf_htons(protocol) + bpf_htons((__u16)length);
}

/* The checksum of an IP header without options. */
static __always_inline __u16 header_checksum(const struct ip_header *ip)
{
	const __u16 *words = (const void *)ip;
	__u64 sum = 0;
	int i;

	for (i = 0; i < 10; i++)
		if (i != 5)
			sum += words[i];
	return ~fold(sum);
}
