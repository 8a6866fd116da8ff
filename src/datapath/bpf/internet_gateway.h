/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage internet_gateway: one-to-one NAT on the view, and what the internet cannot carry. It keeps no state.
 *
 * Out:  gateway attached? -> public access blocked? -> public address? -> destination carried by the internet? -> source becomes public
 * In:   ours? -> mapped? -> gateway attached? -> source possible on the internet? -> destination becomes private ->
 *       public access blocked? -> the gateway's own route table, where it has one
 * A destination in our own pools never leaves: it comes in again at once (hairpin), seen from the public source.
 *
 * Genkan does not change the TTL, here or inside the VPC: a gateway is no hop that a traceroute shows, as on AWS.
 */
#pragma once

#include "interface.h"
#include "network_acl.h"

/* The place of a public address in `public_addresses`, or NO_POOL. */
static __always_inline __u32 pool_index(const struct settings *s, __be32 ip)
{
	int i;

	for (i = 0; i < MAX_POOLS; i++) {
		const struct pool *pool = &s->pools[i];
		__u32 offset;

		if (i >= s->pool_count)
			break;
		if ((ip & pool->mask) != pool->base)
			continue;
		offset = bpf_ntohl(ip) - bpf_ntohl(pool->base);
		if (offset < pool->size)
			return pool->first + offset;
	}
	return NO_POOL;
}

/* RFC 1918, link-local, and 240.0.0.0/4 (with broadcast): nothing on the internet has these. Host order. */
static __always_inline int is_private(__u32 ip)
{
	return WITHIN(ip, 0x0a000000, 8) || WITHIN(ip, 0xac100000, 12) ||
	       WITHIN(ip, 0xc0a80000, 16) || WITHIN(ip, 0xa9fe0000, 16) ||
	       WITHIN(ip, 0xf0000000, 4);
}

/* RFC 6598. */
static __always_inline int is_shared(__u32 ip)
{
	return WITHIN(ip, 0x64400000, 10);
}

static __always_inline int gateway_attached(__u32 vpc_slot, __u32 gateway)
{
	const struct vpc *vpc = find_vpc(vpc_slot);

	return vpc && vpc->internet_gateway && (!gateway || vpc->internet_gateway == gateway);
}

/* The public address mapped to the packet's source address. */
static __always_inline __be32 public_source(const struct packet *p)
{
	const struct address *row;

	if (V4(p->flow.source) == p->source.private_ip)
		return p->source.public_ip;
	row = find_address(p->source.vpc, &p->flow.source);
	return row ? row->public_ip : 0;
}

/* Changes the view's source, and in an ICMP error that of the packet inside, which went the other way. */
static __always_inline void view_source(struct packet *p, __be32 to)
{
	if (p->inner_ip && V4(p->inner.destination) == V4(p->flow.source))
		V4(p->inner.destination) = to;
	V4(p->flow.source) = to;
}

static __always_inline void view_destination(struct packet *p, __be32 to)
{
	if (p->inner_ip && V4(p->inner.source) == V4(p->flow.destination))
		V4(p->inner.source) = to;
	V4(p->flow.destination) = to;
}

/*
 * VPC Block Public Access, as the subnet has it of the interface that the gateway meets (VPC user guide, "Block public access to
 * VPCs and subnets"). What comes in is spared at NAT gateways where only ingress is blocked: they let nothing begin.
 */
static __always_inline int blocked_out(const struct interface *eni)
{
	const struct subnet *subnet = find_subnet(eni->subnet);

	return !subnet || subnet->flags & SUBNET_BLOCK_OUT;
}

static __always_inline int blocked_in(const struct interface *eni)
{
	const struct subnet *subnet = find_subnet(eni->subnet);

	if (!subnet)
		return 1;
	if (!(subnet->flags & SUBNET_BLOCK_IN))
		return 0;
	return !(eni->flags & INTERFACE_NAT_GATEWAY) || subnet->flags & SUBNET_BLOCK_OUT;
}

/* The gateway route table of p->target's VPC: whatever comes in may have to meet an appliance first. */
static __always_inline int route_at_gateway(struct packet *p)
{
	const struct vpc *vpc = find_vpc(p->target.vpc);
	const struct route *route;
	__u32 owner = p->target.vpc;

	if (!vpc || !vpc->gateway_route_table)
		return 0;
	route = find_route(vpc->gateway_route_table - 1, &p->flow.destination);
	if (!route)
		return DROP_no_route;
	if (route->target == ROUTE_LOCAL ||
	    (route->target == ROUTE_INTERFACE && route->slot == p->target_slot))
		return 0;
	if (route->target != ROUTE_INTERFACE)
		return DROP_blackhole;
	p->way = WAY_INTERFACE;
	p->target_slot = route->slot;
	if (!read_interface(p->target_slot, &p->target) || p->target.vpc != owner)
		return DROP_blackhole;
	p->charge = p->target_slot;
	return 0;
}

/* Outwards. Afterwards p->target_slot is NO_POOL when the packet leaves for the internet, else the place of a public address. */
__noinline int internet_gateway_out(struct packet *p)
{
	const struct settings *s = get_settings();
	__be32 public_ip;

	if (!p || !s)
		return DROP_tables_incomplete;
	if (!gateway_attached(p->source.vpc, p->gateway))
		return DROP_no_internet_gateway;
	if (blocked_out(&p->source))
		return DROP_block_public_access;
	public_ip = public_source(p);
	if (!public_ip)
		return DROP_no_public_ip;
	p->target_slot = pool_index(s, V4(p->flow.destination));
	if (p->target_slot == NO_POOL) {
		if (is_private(bpf_ntohl(V4(p->flow.destination))))
			return DROP_private_destination;
		if (is_shared(bpf_ntohl(V4(p->flow.destination))))
			return DROP_shared_destination;
	}
	view_source(p, public_ip);
	return 0;
}

/* What the internet cannot have sent. A hairpinned packet's source is one of ours by right. */
static __always_inline int impossible_source(const struct settings *s, const struct packet *p)
{
	__u32 source = bpf_ntohl(V4(p->flow.source));

	if (pool_index(s, V4(p->flow.source)) != NO_POOL)
		return DROP_own_source;
	if (is_private(source))
		return DROP_private_source;
	return is_shared(source) ? DROP_shared_source : 0;
}

/* Inwards, from the uplink or a hairpin. Fills p->target. */
__noinline int internet_gateway_in(struct packet *p)
{
	const struct settings *s = get_settings();
	const struct public_address *row;
	__be32 private_ip;
	__u32 index;
	int reason;

	if (!p || !s)
		return DROP_tables_incomplete;
	index = pool_index(s, V4(p->flow.destination));
	if (index == NO_POOL)
		return DROP_not_for_us;
	row = bpf_map_lookup_elem(&public_addresses, &index);
	if (!row || !row->interface)
		return DROP_public_ip_not_mapped;
	p->target_slot = row->interface;
	private_ip = row->private_ip;
	p->through_gateway = 1;
	p->group_identity = 0;
	p->same_subnet = 0;
	if (!read_interface(p->target_slot, &p->target) ||
	    !owns_ipv4(&p->target, p->target_slot, private_ip))
		return DROP_public_ip_not_mapped;
	p->charge = p->target_slot;
	if (!gateway_attached(p->target.vpc, 0))
		return DROP_no_internet_gateway;
	if (!p->link) {
		reason = impossible_source(s, p);
		if (reason)
			return reason;
	}
	view_destination(p, private_ip);
	if (blocked_in(&p->target))
		return DROP_block_public_access;
	return route_at_gateway(p);
}
