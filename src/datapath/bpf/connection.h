/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The memory of security groups: one entry per exchange and interface, keyed by what is seen at the interface.
 *
 * An ordinary hash and a limit per interface, not an LRU: one tenant's flood must not evict another's connections. Nor shut
 * them out: when the table is nearly full, only interfaces that have less than their share of it take more.
 * The program never removes an entry; one that has expired counts as absent and is taken over in place. User
 * space sweeps, and tells in `connection_floors` how many of those counted in `tracking` are gone.
 * Each flag is a byte of its own that only ever becomes 1, so that CPUs need no lock; `turns` only grows, and a turn that two
 * CPUs count at once may be counted once.
 *
 * Idle times count in whole seconds, from the start of the second in which the last packet came: so whatever follows in
 * the same second changes nothing, and need not be noted (flow_cache.h). But UDP is a stream only after its second exchange: until
 * then it matters who speaks, and `kept` says that packets of one side may be on the fast path, which end with the other's word.
 */
#pragma once

#include "packet.h"

/* Of UDP: a question, its answer, the next question, its answer. */
#define TURNS_OF_STREAM 3

/* The type of the request that an ICMP query or answer belongs to. */
static __always_inline __u16 icmp_request_type(const struct flow *flow)
{
	__u8 type = flow->type;

	if (flow->icmp == ICMP_V6)
		return type == 129 ? 128 : type;
	return type == 0 ? 8 : type == 14 ? 13 : type == 16 ? 15 : type == 18 ? 17 : type;
}

static __always_inline int is_icmp_answer(const struct flow *flow)
{
	return flow->icmp && icmp_request_type(flow) != flow->type;
}

/* The key of a flow at an interface; `inbound`: the flow comes towards the interface. */
static __always_inline void connection_key(struct connection_key *key, __u32 interface,
					   const struct flow *flow, int inbound)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->interface = interface;
	key->protocol = flow->protocol;
	key->local = inbound ? flow->destination : flow->source;
	key->remote = inbound ? flow->source : flow->destination;
	if (flow->icmp) {
		int asked_here = is_icmp_answer(flow) ? inbound : !inbound;

		key->local_port = flow->source_port;
		key->remote_port = icmp_request_type(flow) | (asked_here ? 0x100 : 0);
	} else {
		key->local_port = inbound ? flow->destination_port : flow->source_port;
		key->remote_port = inbound ? flow->source_port : flow->destination_port;
	}
}

/* Where an interface has idle timeouts of its own. Its row says whether, unless `flags` are another interface's. */
static __always_inline const struct idle_timeout *own_timeouts(__u32 interface, __u32 flags)
{
	struct idle_timeout_key key = { .interface = interface };

	return flags & INTERFACE_IDLE_TIMEOUTS ? bpf_map_lookup_elem(&idle_timeouts, &key) : 0;
}

static __always_inline __u64 connection_timeout(const struct connection *c, const struct flow *flow,
						const struct idle_timeout *own)
{
	if (flow->protocol == IPPROTO_UDP) {
		if (c->turns >= TURNS_OF_STREAM)
			return own ? own->udp_stream * SECOND : TIMEOUT_UDP_STREAM;
		return own ? own->udp * SECOND : TIMEOUT_UDP_SINGLE;
	}
	if (flow->protocol != IPPROTO_TCP)
		return flow->icmp ? TIMEOUT_ICMP : TIMEOUT_OTHER;
	if (c->reset || (c->local_fin && c->remote_fin))
		return TIMEOUT_TCP_CLOSED;
	if (c->local_fin || c->remote_fin)
		return TIMEOUT_TCP_CLOSING;
	if (!c->local_seen || !c->remote_seen)
		return TIMEOUT_TCP_OPENING;
	return own ? own->tcp_established * SECOND : TIMEOUT_TCP_ESTABLISHED;
}

/* Who speaks on a UDP flow that is no stream yet. Who has just begun to speak is heard once more before the fast path takes over. */
static __always_inline void take_turn(struct connection *c, struct packet *p, __u32 interface,
				      int inbound)
{
	__u8 answers = !inbound != !c->remote_first;
	struct tracking *row;

	if (c->turns >= TURNS_OF_STREAM)
		return;
	if (answers == (c->turns & 1)) {
		c->kept = 1;
		return;
	}
	c->turns++;
	if (c->turns >= TURNS_OF_STREAM)
		return;
	p->may_keep = 0;
	if (!c->kept)
		return;
	c->kept = 0;
	row = bpf_map_lookup_elem(&tracking, &interface);
	if (row)
		__sync_fetch_and_add(&row->epoch, 1);
}

/* Notes the packet on the connection of an interface, which has these flags. */
static __always_inline void refresh_connection(struct connection *c, struct packet *p,
					       __u32 interface, __u32 flags, int inbound)
{
	if (p->flow.protocol == IPPROTO_UDP)
		take_turn(c, p, interface, inbound);
	if (inbound)
		c->remote_seen = 1;
	else
		c->local_seen = 1;
	if (p->flow.protocol == IPPROTO_TCP && !p->is_later_fragment) {
		if (p->tcp_flags & TCP_RST)
			c->reset = 1;
		if (p->tcp_flags & TCP_FIN) {
			if (inbound)
				c->remote_fin = 1;
			else
				c->local_fin = 1;
		}
	}
	c->expires = p->now - p->now % SECOND +
		     connection_timeout(c, &p->flow, own_timeouts(interface, flags));
}

static __always_inline int noted_this_second(const struct connection *c, const struct packet *p,
					     const struct idle_timeout *own)
{
	return c->expires == p->now - p->now % SECOND + connection_timeout(c, &p->flow, own);
}

/* A connection that is over may be opened anew, and then the rules decide anew. */
static __always_inline int is_reopened(const struct connection *c, const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP && !p->is_later_fragment &&
	       (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	       (c->reset || c->local_fin || c->remote_fin);
}

/* The live connection of the key, or nothing. */
static __always_inline struct connection *find_connection(const struct connection_key *key,
							  __u64 now)
{
	struct connection *c = bpf_map_lookup_elem(&connections, key);
	const struct connection_floor *floor =
		bpf_map_lookup_elem(&connection_floors, &key->interface);

	return c && floor && c->expires > now && c->created >= floor->born ? c : 0;
}

static __always_inline int limit_reached(__u32 interface, __u32 limit)
{
	const struct tracking *row = bpf_map_lookup_elem(&tracking, &interface);
	const struct connection_floor *floor = bpf_map_lookup_elem(&connection_floors, &interface);

	return !row || !floor || row->created - floor->removed >= limit;
}

/*
 * Remembers a new exchange of an interface, which has these flags: 0, or the reason to drop. A UDP flow's first packet is not kept on
 * the fast path: most have but one, and an answer.
 */
static __always_inline int open_connection(struct packet *p, const struct connection_key *key,
					   __u32 flags, int inbound)
{
	const struct settings *s = get_settings();
	struct connection fresh = { .created = p->now, .remote_first = inbound };
	struct tracking *row = bpf_map_lookup_elem(&tracking, &key->interface);
	struct connection *old;
	struct tracking *all;
	__u32 together = ALL_INTERFACES;
	long error;

	all = bpf_map_lookup_elem(&tracking, &together);
	refresh_connection(&fresh, p, key->interface, flags, inbound);
	fresh.kept = 0;
	if (p->flow.protocol == IPPROTO_UDP) {
		p->may_keep = 0;
		/* What came by the internet gateway may have gone untracked, and be on the fast path, where nobody would hear its turns. */
		if (row && p->through_service)
			__sync_fetch_and_add(&row->epoch, 1);
	}
	old = bpf_map_lookup_elem(&connections, key);
	if (old) {
		/* Packets of this very second may be on the fast path for what the entry was until now. */
		if (row && noted_this_second(old, p, own_timeouts(key->interface, flags)))
			__sync_fetch_and_add(&row->epoch, 1);
		*old = fresh;
		return 0;
	}
	if (!s || limit_reached(key->interface, s->connection_limit))
		return DROP_connections_full;
	if (limit_reached(ALL_INTERFACES, s->connections_crowded) &&
	    limit_reached(key->interface, s->connection_share))
		return DROP_connections_full;
	error = bpf_map_update_elem(&connections, key, &fresh, BPF_NOEXIST);
	if (error == -17 /* EEXIST: another CPU was faster */)
		return 0;
	if (error)
		return DROP_connections_full;
	if (row && all) {
		__sync_fetch_and_add(&row->created, 1);
		__sync_fetch_and_add(&all->created, 1);
	}
	return 0;
}
