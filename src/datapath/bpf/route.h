/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage route: where the packet goes. Looked up before the security group and the ACL, because a rule may name a
 * group, which the destination's interface tells; but a destination that cannot be reached is reported after them.
 *
 * Within the subnet there is no route to look up. Groups are recognised only between two interfaces of a VPC that
 * meet on their own private addresses, without an appliance on the way.
 */
#pragma once

#include "interface.h"
#include "nat64.h"

/* The interface behind a private address of the source's VPC. */
static __always_inline int route_local(struct packet *p)
{
	const struct address *row = find_address(p->source.vpc, &p->flow.destination);

	p->way = WAY_LOCAL;
	if (!row)
		return DROP_no_such_private_address;
	p->target_slot = row->interface;
	if (!read_interface(p->target_slot, &p->target) || p->target.vpc != p->source.vpc)
		return DROP_no_such_private_address;
	p->same_subnet = p->target.subnet == p->source.subnet;
	p->group_identity = p->own_source;
	return 0;
}

/* An appliance: an interface that takes packets for others. */
static __always_inline int route_interface(struct packet *p, __u32 slot)
{
	p->way = WAY_INTERFACE;
	if (slot == p->link)
		return DROP_route_loop;
	p->target_slot = slot;
	if (!read_interface(slot, &p->target) || p->target.vpc != p->source.vpc)
		return DROP_blackhole;
	p->same_subnet = p->target.subnet == p->source.subnet;
	return 0;
}

/* The interface of a regional gateway that is for the sender's zone; of a zonal one its only one. */
static __noinline int nat_gateway_in_zone(__u32 slot, __u32 zone)
{
	struct nat_gateway_key key = { .interface = slot };
	const struct nat_gateway *row = bpf_map_lookup_elem(&nat_gateways, &key);

	return row && row->flags & NAT_GATEWAY_REGIONAL ? row->zones[zone & (MAX_ZONES - 1)] : slot;
}

/* A NAT gateway, by its interface; of IPv6 it takes what NAT64 is for. It goes on from there by its own subnet's table (nat_gateway.h). */
static __always_inline int route_nat_gateway(struct packet *p, __u32 slot, __u32 zone)
{
	p->way = WAY_NAT;
	slot = nat_gateway_in_zone(slot, zone);
	p->target_slot = slot;
	if ((p->is_ipv6 && !is_nat64(&p->flow.destination)) || !read_interface(slot, &p->target) ||
	    !(p->target.flags & INTERFACE_NAT_GATEWAY) || p->target.vpc != p->source.vpc)
		return DROP_blackhole;
	p->same_subnet = p->target.subnet == p->source.subnet;
	return 0;
}

/* An interface of the VPC behind a peering connection: only from an address of the one VPC to an address of the other. */
static __noinline int route_peering(struct packet *p, __u32 peer)
{
	const struct address *row;

	if (!p)
		return DROP_tables_incomplete;
	if (!find_address(p->source.vpc, &p->flow.source))
		return DROP_peering_source;
	row = find_address(peer, &p->flow.destination);
	if (!row)
		return DROP_no_such_private_address;
	p->target_slot = row->interface;
	if (!read_interface(p->target_slot, &p->target) || p->target.vpc != peer)
		return DROP_no_such_private_address;
	p->same_subnet = 0;
	p->group_identity = p->own_source;
	return 0;
}

static __always_inline int route_by_table(struct packet *p)
{
	const struct subnet *subnet = find_subnet(p->source.subnet);
	const struct route *route;

	if (!subnet)
		return DROP_tables_incomplete;
	route = find_route(subnet->route_table, &p->flow.destination);
	if (!route)
		return DROP_no_route;
	switch (route->target) {
	case ROUTE_LOCAL:
		return route_local(p);
	case ROUTE_INTERFACE:
		return route_interface(p, route->slot);
	case ROUTE_NAT_GATEWAY:
		return route_nat_gateway(p, route->slot, subnet->zone);
	case ROUTE_PEERING:
		p->way = WAY_PEERING;
		return route_peering(p, route->slot);
	case ROUTE_REMOTE_PEERING:
		p->way = WAY_REMOTE_PEERING;
		return route_peering(p, route->slot);
	case ROUTE_INTERNET_GATEWAY:
		p->way = WAY_GATEWAY;
		p->through_gateway = 1;
		p->gateway = route->slot + 1;
		return 0;
	case ROUTE_NOTHING:
		return DROP_nothing_behind;
	case ROUTE_EGRESS_ONLY:
		if (!p->is_ipv6)
			return DROP_blackhole;
		p->way = WAY_EGRESS_ONLY;
		p->through_gateway = 1;
		return 0;
	default:
		return DROP_blackhole;
	}
}

__noinline int route(struct packet *p)
{
	if (!p)
		return DROP_tables_incomplete;
	if (p->same_subnet)
		return route_local(p);
	return route_by_table(p);
}
