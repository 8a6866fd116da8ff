/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage nat_gateway: many private addresses behind a NAT gateway's few (RFC 3022, RFC 5382, RFC 4787, RFC 5508).
 *
 *   out:   connection known? -> the same address and port as before
 *          else a new one: the gateway's addresses in turn, the next free port towards this destination
 *   back:  address, port and remote end known? -> the private address and port; else unsolicited, dropped
 *
 * Each connection has two entries in `nat_connections`: one keyed by what the inside sees, which holds the times, and one by
 * what the outside sees, which only points to the first. The outside's entry counts while the inside's says the same address
 * and port; so one that is left over from an earlier connection is harmless, and its port is free.
 *
 * NAT64 is the same with an IPv6 address inside (nat64.h).
 *
 * A NAT gateway is a hop: it takes one of the TTL, and tells the instance whose packet has none left (icmp_error.h). The only
 * fragments that it carries are UDP's.
 *
 * A port is claimed by changing `claim` in the outside's entry from what it was, which only one CPU can do. Ports go round
 * in a circle for each destination: in most cases the next one is free, and what was used longest ago comes next.
 */
#pragma once

#include "connection.h"
#include "internet_gateway.h"
#include "nat64.h"

#define NAT_FIRST_PORT 1024
#define NAT_PROBES \
	64 /* ports that one packet looks at before it gives up; the next one goes on from there */

static __always_inline const struct nat_gateway *find_nat_gateway(__u32 interface)
{
	struct nat_gateway_key key = { .interface = interface };

	return bpf_map_lookup_elem(&nat_gateways, &key);
}

/* The ICMP type of a request. Echo is the only ICMPv6 query, and counts as IPv4's echo request (8). */
static __always_inline __u16 nat_request_type(const struct flow *flow)
{
	return flow->icmp == ICMP_V6 ? 8 : icmp_request_type(flow);
}

/* A connection's ports, or what stands for them in ICMP; 0: a NAT gateway does not carry it. `from` is the sender's. */
static __always_inline int nat_ports_of(const struct flow *flow, __u16 *from, __u16 *to)
{
	if (flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP) {
		*from = flow->source_port;
		*to = flow->destination_port;
		return 1;
	}
	if (!is_icmp_query(flow))
		return 0;
	/* Whoever asks has the identifier; the other end answers to the request's type. */
	*from = is_icmp_answer(flow) ? nat_request_type(flow) : flow->source_port;
	*to = is_icmp_answer(flow) ? flow->source_port : nat_request_type(flow);
	return 1;
}

/* ICMPv6 is remembered as the ICMP that NAT64 makes of it. */
static __always_inline __u8 nat_protocol(const struct flow *flow)
{
	return flow->icmp ? IPPROTO_ICMP : flow->protocol;
}

/* The key must lie on the stack: kernel 6.1 takes none from the packet's scratch. */
static __always_inline struct nat_connection *live_inside(const struct nat_key *key, __u64 now)
{
	struct nat_connection *c = bpf_map_lookup_elem(&nat_connections, key);
	const struct connection_floor *floor =
		bpf_map_lookup_elem(&connection_floors, &key->interface);

	return c && floor && c->expires > now && c->created >= floor->born ? c : 0;
}

/* The inside's entry that the outside's points to and that says the same. Fills in the inside's key. */
static __always_inline struct nat_connection *nat_inside_of(const struct nat_key *outside,
							    const struct nat_connection *pointer,
							    struct nat_key *inside, __u64 now)
{
	struct nat_connection *c;

	*inside = *outside;
	inside->side = NAT_INSIDE;
	inside->local = pointer->address;
	inside->local_port = pointer->port;
	c = live_inside(inside, now);
	return c && same_address(&c->address, &outside->local) && c->port == outside->local_port
		       ? c
		       : 0;
}

static __always_inline void nat_refresh(struct nat_connection *c, const struct packet *p,
					int outside)
{
	if (p->flow.protocol == IPPROTO_TCP && !p->is_later_fragment && !p->is_icmp_error) {
		if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !outside)
			c->inside_fin = c->outside_fin = c->reset = 0;
		if (p->tcp_flags & TCP_RST)
			c->reset = 1;
		if (p->tcp_flags & TCP_FIN) {
			if (outside)
				c->outside_fin = 1;
			else
				c->inside_fin = 1;
		}
	}
	c->expires =
		p->now - p->now % SECOND +
		(c->reset || (c->inside_fin && c->outside_fin) ? TIMEOUT_NAT_CLOSED : TIMEOUT_NAT);
}

/* Whether the outside's key is free now and became this inside's. */
static __always_inline int nat_claim(const struct nat_key *outside, const struct nat_key *inside,
				     __u64 now)
{
	/* Either is needed, never both, and kernel 6.1 has no stack to spare here. */
	union {
		struct nat_connection fresh;
		struct nat_key other;
	} one;
	struct nat_connection *old = bpf_map_lookup_elem(&nat_connections, outside);
	__u32 claim;

	if (!old) {
		__builtin_memset(&one.fresh, 0, sizeof(one.fresh));
		one.fresh.address = inside->local;
		one.fresh.port = inside->local_port;
		return !bpf_map_update_elem(&nat_connections, outside, &one.fresh, BPF_NOEXIST);
	}
	claim = *(volatile __u32 *)&old->claim;
	if (nat_inside_of(outside, old, &one.other, now))
		return 0;
	if (__sync_val_compare_and_swap(&old->claim, claim, claim + 1) != claim)
		return 0;
	old->address = inside->local;
	old->port = inside->local_port;
	return 1;
}

/* Which machine has a port of a gateway's address; 0: no other than this one. In a region of one it is never asked. */
static __always_inline __u32 nat_block_machine(__u32 interface, __be32 address, __u32 port)
{
	struct nat_block_key key = { .interface = interface,
				     .address = address,
				     .block = port / NAT_BLOCK_PORTS };
	const struct nat_block *block = bpf_map_lookup_elem(&nat_blocks, &key);

	return block ? block->machine : 0;
}

/* Blocks that an address has. */
#define NAT_BLOCKS (65536 / NAT_BLOCK_PORTS)

/*
 * From `place` in the circle of ports on, the next place whose port this machine has; `ports`: it has none. In a region of one it has
 * them all.
 */
__noinline __u32 nat_own_place(__u32 interface, __u32 address, __u32 place)
{
	const struct settings *s = get_settings();
	__u32 i, ports;

	if (!s)
		return 65536;
	ports = s->nat_ports;
	if (!s->machine)
		return place;
	/* Its own block, each block behind it, and its own again from the beginning. */
	for (i = 0; i <= NAT_BLOCKS; i++) {
		__u32 at = ((place / NAT_BLOCK_PORTS + i) & (NAT_BLOCKS - 1)) * NAT_BLOCK_PORTS;

		if (at < ports &&
		    nat_block_machine(interface, address, NAT_FIRST_PORT + at) == s->machine)
			return i ? at : place;
	}
	return ports;
}

/*
 * The machine that remembers what a packet to the gateway p->target answers; 0: this one. It has the block of the port, which of an ICMP
 * query is its identifier.
 */
static __noinline __u32 nat_machine(struct packet *p)
{
	__u16 local = 0, remote = 0;
	const struct settings *s = get_settings();
	__u32 machine;
	int known;

	if (!p || !s || p->is_ipv6 || !p->flow.has_ports)
		return 0;
	if (p->is_icmp_error)
		known = p->inner.has_ports && nat_ports_of(&p->inner, &local, &remote);
	else
		known = nat_ports_of(&p->flow, &remote, &local);
	if (!known)
		return 0;
	machine = nat_block_machine(p->target_slot, V4(p->flow.destination), local);
	return machine == s->machine ? 0 : machine;
}

/* A port of the gateway's address that is free towards the destination, or 0. `inside` is in the scratch buffer. */
__noinline int nat_take_port(struct packet *p, __be32 address)
{
	const struct settings *s = get_settings();
	struct nat_key *inside, outside = {};
	__u32 i, next, first, ports, *known;

	if (!p || !s)
		return 0;
	ports = s->nat_ports;
	if (!ports || ports > 65536 - NAT_FIRST_PORT)
		return 0;
	inside = (void *)p->buffer;
	outside.interface = inside->interface;
	outside.side = NAT_OUTSIDE;
	map_ipv4(&outside.local, address);
	outside.remote = inside->remote;
	outside.remote_port = inside->remote_port;
	outside.protocol = inside->protocol;
	known = bpf_map_lookup_elem(&nat_ports, &outside);
	/* Where the circle begins differs from one flow to the other: a circle that was forgotten begins in many places. */
	first = known ? *known
		      : (bpf_ntohl(inside->remote) * 2654435761U +
			 (inside->remote_port ^ inside->local_port << 4) * 40503U +
			 bpf_ntohl(inside->local.word[3]) * 2246822519U) %
				ports;
	for (i = 0; i < NAT_PROBES; i++) {
		if (i >= ports)
			break;
		first = nat_own_place(outside.interface, address, first % ports);
		if (first >= ports)
			return 0;
		outside.local_port = NAT_FIRST_PORT + first;
		first++;
		if (nat_claim(&outside, inside, p->now))
			break;
	}
	/* When none was free, the next packet does not begin where this one did. */
	next = (first + (i >= NAT_PROBES || i >= ports)) % ports;
	first = outside.local_port;
	outside.local_port = 0;
	bpf_map_update_elem(&nat_ports, &outside, &next, BPF_ANY);
	return i < NAT_PROBES && i < ports ? first : 0;
}

/* Whether the gateway may remember the inside's key in the buffer: 0, or the reason to drop. */
__noinline int nat_has_room(struct packet *p)
{
	const struct settings *s = get_settings();
	struct nat_key inside; /* on the stack: kernel 6.1 takes no key from the packet's scratch */

	if (!p || !s)
		return DROP_tables_incomplete;
	inside = *(const struct nat_key *)p->buffer;
	p->nat_known = bpf_map_lookup_elem(&nat_connections, &inside) != 0;
	if (!p->nat_known && (limit_reached(inside.interface, s->nat_connection_limit) ||
			      (limit_reached(ALL_NAT_GATEWAYS, s->nat_connections_crowded) &&
			       limit_reached(inside.interface, s->nat_connection_share))))
		return DROP_nat_connections_full;
	return 0;
}

/* Remembers that the inside's key in the buffer has p->nat_address and p->nat_port: 0, or the reason to drop. */
__noinline int nat_remember(struct packet *p)
{
	struct nat_connection fresh = {};
	struct nat_key inside;
	struct tracking *row;

	if (!p)
		return DROP_tables_incomplete;
	inside = *(const struct nat_key *)p->buffer;
	map_ipv4(&fresh.address, p->nat_address);
	fresh.port = p->nat_port;
	fresh.created = p->now;
	nat_refresh(&fresh, p, 0);
	if (bpf_map_update_elem(&nat_connections, &inside, &fresh, BPF_ANY))
		return DROP_nat_connections_full;
	row = bpf_map_lookup_elem(&tracking, &inside.interface);
	if (row && !p->nat_known) {
		__u32 together = ALL_NAT_GATEWAYS;
		struct tracking *all = bpf_map_lookup_elem(&tracking, &together);

		__sync_fetch_and_add(&row->created, 1);
		if (all)
			__sync_fetch_and_add(&all->created, 1);
	}
	return 0;
}

/*
 * A new connection of the inside's key in the buffer: 0 and p->nat_address, p->nat_port; or the reason to drop. In parts, each with a
 * stack of its own.
 */
__noinline int nat_open(struct packet *p)
{
	const struct nat_gateway *gateway;
	__u32 i, place, count;
	int reason, port = 0;

	if (!p)
		return DROP_tables_incomplete;
	gateway = find_nat_gateway(((const struct nat_key *)p->buffer)->interface);
	if (!gateway || !gateway->count || gateway->count > MAX_NAT_ADDRESSES)
		return DROP_tables_incomplete;
	reason = nat_has_room(p);
	if (reason)
		return reason;
	count = gateway->count;
	/* The same host has the same address as long as it has ports left. */
	place = bpf_ntohl(((const struct nat_key *)p->buffer)->local.word[3]) % count;
	for (i = 0; i < MAX_NAT_ADDRESSES; i++) {
		if (i >= count)
			break;
		p->nat_address = gateway->addresses[(place + i) % count & (MAX_NAT_ADDRESSES - 1)];
		port = nat_take_port(p, p->nat_address);
		if (port)
			break;
	}
	if (!port)
		return DROP_nat_ports_exhausted;
	p->nat_port = port;
	return nat_remember(p);
}

/* An ICMP error from inside must be about a packet that came back through the gateway to the very instance that sends the error. */
static __always_inline int nat_error_out(struct packet *p)
{
	struct nat_key key = { .interface = p->target_slot, .side = NAT_INSIDE };
	const struct nat_connection *c;

	if (!p->inner_ip || !p->inner.has_ports ||
	    !same_address(&p->inner.source, &p->flow.destination) ||
	    !same_address(&p->inner.destination, &p->flow.source))
		return DROP_nat_no_connection;
	key.local = p->inner.destination;
	key.remote = p->inner.source.word[3];
	key.protocol = nat_protocol(&p->inner);
	if (!nat_ports_of(&p->inner, &key.remote_port, &key.local_port))
		return DROP_nat_no_connection;
	c = live_inside(&key, p->now);
	if (!c)
		return DROP_nat_no_connection;
	p->translated = 1;
	if (!p->is_ipv6)
		view_source(p, V4(c->address));
	else if (p->segmented || !nat64_out(p, V4(c->address)))
		return DROP_nat_protocol;
	if (p->inner.protocol == IPPROTO_ICMP)
		p->inner.source_port = p->inner.destination_port = c->port;
	else
		p->inner.destination_port = c->port;
	return 0;
}

/* What no NAT gateway carries, either way: pieces of anything but UDP, and what has no hop left. */
static __always_inline int nat_carries(struct packet *p)
{
	if (p->fragment & (IP_MF | IP_OFFSET) && p->flow.protocol != IPPROTO_UDP)
		return DROP_nat_fragment;
	if (p->hop_limit <= p->hops + 1)
		return DROP_nat_ttl;
	p->hops++;
	return 0;
}

/* Outwards, at the gateway p->target: the view's source becomes the gateway's. */
__noinline int nat_out(struct packet *p)
{
	struct nat_key key = { .side = NAT_INSIDE };
	struct nat_connection *c;
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	if (!find_address(p->target.vpc, &p->flow.source))
		return DROP_nat_source;
	if (p->is_ipv6 && is_no_destination(bpf_ntohl(p->flow.destination.word[3])))
		return DROP_nat64_destination;
	reason = nat_carries(p);
	if (reason)
		return reason;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	if (p->is_icmp_error)
		return nat_error_out(p);
	key.interface = p->target_slot;
	key.local = p->flow.source;
	key.remote = p->flow.destination.word[3];
	key.protocol = nat_protocol(&p->flow);
	if (!nat_ports_of(&p->flow, &key.local_port, &key.remote_port) ||
	    (p->is_ipv6 && has_odd_segments(p)))
		return DROP_nat_protocol;
	p->tracked = 1;
	p->translated = 1;
	c = is_icmp_answer(&p->flow) ? 0 : live_inside(&key, p->now);
	if (c) {
		p->nat_address = V4(c->address);
		p->nat_port = c->port;
		nat_refresh(c, p, 0);
	} else {
		if (is_icmp_answer(&p->flow) || p->is_later_fragment)
			return DROP_nat_no_connection;
		if (p->flow.protocol == IPPROTO_TCP &&
		    (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
			return DROP_nat_connection_expired;
		*(struct nat_key *)p->buffer = key;
		reason = nat_open(p);
		if (reason)
			return reason;
	}
	if (!p->is_ipv6)
		view_source(p, p->nat_address);
	else if (!nat64_out(p, p->nat_address))
		return DROP_nat_protocol;
	p->flow.source_port = p->nat_port;
	if (p->flow.protocol == IPPROTO_ICMP)
		p->flow.destination_port = p->nat_port;
	return 0;
}

/* Back to an IPv6 address: 0, or the reason to drop. */
static __always_inline int nat64_back(struct packet *p, const union address_bytes *inside)
{
	/* No error about a packet with options, nor through two NAT gateways. */
	if (has_odd_segments(p) ||
	    (p->is_icmp_error &&
	     (p->came_ipv6 || p->inner_l4 - p->inner_ip != sizeof(struct ip_header))))
		return DROP_nat_protocol;
	if (lacks_checksum(p))
		return DROP_nat64_checksum;
	return nat64_in(p, inside) ? 0 : DROP_nat_protocol;
}

/* Back, at the gateway p->target: the view's destination becomes the private one. */
__noinline int nat_in(struct packet *p)
{
	struct nat_key key = { .side = NAT_OUTSIDE }, inside;
	const struct nat_connection *pointer;
	const struct flow *flow;
	struct nat_connection *c;
	int known, reason;

	if (!p)
		return DROP_tables_incomplete;
	reason = nat_carries(p);
	if (reason)
		return reason;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	key.interface = p->target_slot;
	key.local = p->flow.destination;
	if (p->is_icmp_error) {
		/* About a packet that went out through the gateway. */
		if (!p->inner_ip || !p->inner.has_ports ||
		    !same_address(&p->inner.source, &p->flow.destination))
			return DROP_nat_no_connection;
		flow = &p->inner;
		key.remote = V4(flow->destination);
		known = nat_ports_of(flow, &key.local_port, &key.remote_port);
	} else {
		flow = &p->flow;
		key.remote = V4(flow->source);
		known = nat_ports_of(flow, &key.remote_port, &key.local_port);
	}
	key.protocol = flow->protocol;
	if (!known)
		return p->is_icmp_error ? DROP_nat_no_connection : DROP_nat_protocol;
	pointer = bpf_map_lookup_elem(&nat_connections, &key);
	if (!pointer)
		return DROP_nat_no_connection;
	c = nat_inside_of(&key, pointer, &inside, p->now);
	if (!c)
		return DROP_nat_no_connection;
	reason = is_mapped(&inside.local) ? 0 : nat64_back(p, &inside.local);
	if (reason)
		return reason;
	p->tracked = 1;
	p->translated = 1;
	if (is_mapped(&inside.local))
		view_destination(p, V4(inside.local));
	if (p->is_icmp_error) {
		p->inner.source_port = inside.local_port;
		if (p->inner.icmp)
			p->inner.destination_port = inside.local_port;
		return 0;
	}
	nat_refresh(c, p, 1);
	p->flow.destination_port = inside.local_port;
	if (p->flow.icmp)
		p->flow.source_port = inside.local_port;
	return 0;
}
