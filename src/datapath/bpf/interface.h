/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Reading an interface's row as a whole.
 *
 * The kernel writes an array element with memcpy, which another CPU may see half done. So a row has a lock, which the
 * writer takes as well. It is held for the copying of its 112 bytes, by the first packet of a flow and not by those that
 * follow it on the fast path. Every other array row is one word that matters at a time (see write.ts).
 */
#pragma once

#include "packet.h"

/* 0: no such interface. */
static __always_inline int read_interface(__u32 slot, struct interface *into)
{
	struct interface_row *row = bpf_map_lookup_elem(&interfaces, &slot);

	if (!row)
		return 0;
	bpf_spin_lock(&row->lock);
	__builtin_memcpy(into, &row->row, sizeof(*into));
	bpf_spin_unlock(&row->lock);
	return (into->flags & INTERFACE_PRESENT) != 0;
}

/* By value: a key must lie on the stack for kernels before 6.2. */
static __always_inline const struct subnet *find_subnet(__u32 slot)
{
	const struct subnet *row = bpf_map_lookup_elem(&subnets, &slot);

	/* An absent row is all zero, which would read as a subnet that holds every address. */
	return row && row->length ? row : 0;
}

/* Host order. */
static __always_inline __u32 subnet_mask(const struct subnet *subnet)
{
	return subnet->length ? ~0U << ((32 - subnet->length) & 31) : 0;
}

/* Whether an address lies in an IPv6 block, which is a half at most; of length 0: never. */
static __always_inline int in_ipv6_block(const union address_bytes *block, __u32 length,
					 const union address_bytes *ip)
{
	return length &&
	       ((address_half(block, 0) ^ address_half(ip, 0)) >> ((64 - length) & 63)) == 0;
}

static __always_inline int in_subnet(const struct subnet *subnet, const union address_bytes *ip)
{
	if (!is_mapped(ip))
		return in_ipv6_block(&subnet->ipv6_block, subnet->ipv6_length, ip);
	return subnet->length <= 32 &&
	       (bpf_ntohl(V4(*ip)) & subnet_mask(subnet)) == bpf_ntohl(subnet->block);
}

static __always_inline const struct vpc *find_vpc(__u32 slot)
{
	return bpf_map_lookup_elem(&vpcs, &slot);
}

/* The row of an interface's address of a VPC: a private IPv4 address, or an IPv6 address. */
static __always_inline const struct address *find_address(__u32 vpc, const union address_bytes *ip)
{
	struct address_key key = { .vpc = vpc };

	key.address = *ip;
	return bpf_map_lookup_elem(&addresses, &key);
}

/* The route of a table to an address. */
static __always_inline const struct route *find_route(__u32 table, const union address_bytes *ip)
{
	struct route_key key = { .prefix_length = 160,
				 .route_table = is_mapped(ip) ? table : table | IPV6_ROUTES };

	key.address = *ip;
	return bpf_map_lookup_elem(&routes, &key);
}

/* The VPC whose block an IPv6 address lies in, as the slot of what is found; nothing: none of the region's. */
static __always_inline const struct route *find_ipv6_block(const union address_bytes *ip)
{
	struct route_key key = { .prefix_length = 160, .route_table = IPV6_BLOCKS };

	key.address = *ip;
	return bpf_map_lookup_elem(&routes, &key);
}

/* Whether the address is one of the interface's own. */
static __always_inline int owns_address(const struct interface *eni, __u32 slot,
					const union address_bytes *ip)
{
	const struct address *row;

	if (is_mapped(ip)) {
		if (V4(*ip) == eni->private_ip)
			return 1;
		if (!(eni->flags & INTERFACE_SECONDARY_ADDRESSES))
			return 0;
	}
	row = find_address(eni->vpc, ip);
	return row && row->interface == slot;
}

static __always_inline int owns_ipv4(const struct interface *eni, __u32 slot, __be32 ip)
{
	union address_bytes address;

	map_ipv4(&address, ip);
	return owns_address(eni, slot, &address);
}
