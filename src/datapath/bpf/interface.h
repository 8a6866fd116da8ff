/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Reading an interface's row as a whole.
 *
 * The kernel writes an array element with memcpy, which another CPU may see half done. So a row holds two copies
 * and a count of its versions: the writer fills the copy that is not in use and then moves the count, which is
 * one byte that changes. A reader takes its copy and looks at the count again; it moved only if two writes fell
 * into these few nanoseconds. Every other array row is one word that matters at a time (see write.ts).
 */
#pragma once

#include "packet.h"

/* 0: no such interface, or its row could not be read. */
static __always_inline int read_interface(__u32 slot, struct interface *into)
{
	const volatile struct interface_row *row = bpf_map_lookup_elem(&interfaces, &slot);
	__u32 version;
	int i;

	if (!row)
		return 0;
	for (i = 0; i < 3; i++) {
		version = row->version;
		__builtin_memcpy(into, (const void *)&row->copy[version & 1], sizeof(*into));
		__asm__ volatile("" ::: "memory");
		if (row->version == version)
			return (into->flags & INTERFACE_PRESENT) != 0;
	}
	return 0;
}

/* By value: a key must lie on the stack for kernels before 6.2. */
static __always_inline const struct subnet *find_subnet(__u32 slot)
{
	return bpf_map_lookup_elem(&subnets, &slot);
}

static __always_inline const struct vpc *find_vpc(__u32 slot)
{
	return bpf_map_lookup_elem(&vpcs, &slot);
}

/* The row of a private address of a VPC. */
static __always_inline const struct address *find_address(__u32 vpc, __be32 ip)
{
	struct address_key key = { .vpc = vpc };

	map_ipv4((union address_bytes *)key.address, ip);
	return bpf_map_lookup_elem(&addresses, &key);
}

/* Whether the address is one of the interface's own. */
static __always_inline int owns_address(const struct interface *eni, __u32 slot, __be32 ip)
{
	const struct address *row;

	if (ip == eni->private_ip)
		return 1;
	if (!(eni->flags & INTERFACE_SECONDARY_ADDRESSES))
		return 0;
	row = find_address(eni->vpc, ip);
	return row && row->interface == slot;
}
