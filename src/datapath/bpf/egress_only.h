/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The egress-only internet gateway, through which instances reach the internet and only answers come back (VPC user guide,
 * "Egress-only internet gateways"). It remembers exchanges beside those of security groups, with the same times (connection.h).
 */
#pragma once

#include "connection.h"
#include "fragment.h"

static __always_inline void egress_only_key(struct connection_key *key, __u32 slot,
					    const struct flow *flow, int inbound)
{
	connection_key(key, slot, flow, inbound);
	key->keeper = KEEPER_EGRESS_ONLY;
}

/* Whether the packet in an ICMP error belongs to an exchange that the gateway remembers; `inbound`: the error's way. */
static __always_inline int egress_only_related(struct packet *p, __u32 slot, int inbound)
{
	struct connection_key key;

	if (!p->inner.has_ports || !same_address(&p->inner.source, &p->flow.destination))
		return 0;
	egress_only_key(&key, slot, &p->inner, !inbound);
	return find_connection(&key, p->now) != 0;
}

/* Out of the egress-only gateway, from the interface at `slot`, which has the source address: 0, or the reason to drop. */
__noinline int egress_only_out(struct packet *p, __u32 slot)
{
	struct connection_key key;
	struct connection *c;
	__u32 flags;

	if (!p)
		return DROP_tables_incomplete;
	flags = p->source.flags;
	if (p->is_icmp_error)
		return egress_only_related(p, slot, 0) ? 0 : DROP_egress_only;
	egress_only_key(&key, slot, &p->flow, 0);
	c = find_connection(&key, p->now);
	p->tracked = 1;
	/* Another interface forwards the packet: the fast path would not look at this one's epoch, and its flags are not at hand. */
	if (slot != p->link) {
		p->may_keep = 0;
		flags = INTERFACE_IDLE_TIMEOUTS;
	}
	if (c && !is_reopened(c, p)) {
		refresh_connection(c, p, slot, flags, 0);
		return 0;
	}
	return is_icmp_answer(&p->flow) ? DROP_egress_only : open_connection(p, &key, flags, 0);
}

/* Back through it, to p->target. */
__noinline int egress_only_in(struct packet *p)
{
	struct connection_key key;
	struct connection *c;
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	reason = fragment_ports(p);
	if (reason)
		return reason;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	if (p->is_icmp_error)
		return egress_only_related(p, p->target_slot, 1) ? 0 : DROP_egress_only;
	egress_only_key(&key, p->target_slot, &p->flow, 1);
	c = find_connection(&key, p->now);
	if (!c || is_reopened(c, p))
		return DROP_egress_only;
	p->tracked = 1;
	p->through_service = 1;
	refresh_connection(c, p, p->target_slot, p->target.flags, 1);
	return 0;
}
