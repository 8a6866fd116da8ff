/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage internet_gateway for IPv6, whose addresses are public by themselves: nothing is translated. And the egress-only internet
 * gateway, the only one that remembers (egress_only.h).
 *
 * Out:  by the internet gateway: attached? by either: public access blocked? the address an interface's? destination possible?
 * In:   a VPC's block? an interface's address? Then the receiver's own way back to the sender says which gateway it is:
 *       by the egress-only one only what belongs to an exchange that began inside; by the internet gateway whatever comes, when
 *       one is attached, and by its own route table.
 */
#pragma once

#include "egress_only.h"
#include "internet_gateway.h"

/* Unique local addresses (RFC 4193), link-local ones, and site-local ones (RFC 3879): nothing on the internet has these. */
static __always_inline int is_private_ipv6(const union address_bytes *ip)
{
	return (ip->bytes[0] & 0xfe) == 0xfc || (ip->bytes[0] == 0xfe && ip->bytes[1] & 0x80);
}

/* Outwards, by the one gateway or the other. Afterwards p->target_slot is NO_POOL when the packet leaves for the internet. */
__noinline int ipv6_gateway_out(struct packet *p)
{
	const struct address *row;

	if (!p)
		return DROP_tables_incomplete;
	if (p->way == WAY_GATEWAY && !gateway_attached(p->source.vpc, p->gateway))
		return DROP_no_internet_gateway;
	if (blocked_out(&p->source))
		return DROP_block_public_access;
	row = find_address(p->source.vpc, &p->flow.source);
	if (!row)
		return DROP_no_public_ip;
	p->target_slot = find_ipv6_block(&p->flow.destination) ? 0 : NO_POOL;
	if (p->target_slot == NO_POOL && is_private_ipv6(&p->flow.destination))
		return DROP_private_destination;
	return p->way == WAY_GATEWAY ? 0 : egress_only_out(p, row->interface);
}

/* Whether p->target's own way to the packet's source is the egress-only gateway. */
static __always_inline int comes_by_egress_only(const struct packet *p)
{
	const struct subnet *subnet = find_subnet(p->target.subnet);
	const struct route *route = subnet ? find_route(subnet->route_table, &p->flow.source) : 0;

	return route && route->target == ROUTE_EGRESS_ONLY;
}

/* Inwards, from the uplink or from another VPC. Fills p->target. */
__noinline int ipv6_gateway_in(struct packet *p)
{
	const struct address *row;
	const struct settings *s = get_settings();
	const struct route *block;
	int egress_only;
	__u32 vpc;

	if (!p || !s)
		return DROP_tables_incomplete;
	block = find_ipv6_block(&p->flow.destination);
	if (!block)
		return DROP_not_for_us;
	vpc = block->slot;
	row = find_address(vpc, &p->flow.destination);
	if (!row)
		return DROP_public_ip_not_mapped;
	p->target_slot = row->interface;
	p->through_gateway = 1;
	p->group_identity = 0;
	p->same_subnet = 0;
	if (!read_interface(p->target_slot, &p->target) || p->target.vpc != vpc)
		return DROP_public_ip_not_mapped;
	p->charge = p->target_slot;
	egress_only = comes_by_egress_only(p);
	if (!egress_only && !gateway_attached(vpc, 0))
		return DROP_no_internet_gateway;
	if (!p->link && find_ipv6_block(&p->flow.source))
		return DROP_own_source;
	if (!p->link && is_private_ipv6(&p->flow.source))
		return DROP_private_source;
	if (egress_only ? blocked_out(&p->target) : blocked_in(&p->target))
		return DROP_block_public_access;
	if (!egress_only)
		return route_at_gateway(p);
	/* What left by it is remembered on the interface's machine. */
	return machine_of(s, &p->target) ? 0 : egress_only_in(p);
}
