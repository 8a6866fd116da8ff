/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Flow logs: what passed, or was refused, at an interface that somebody logs, added up for each flow until user space takes
 * it (datapath/flow-log.ts). Interfaces that nobody logs pay for a look at three words, once for each packet that meets the
 * stages; the packets of those that are logged all meet them, since the fast path counts no flows.
 *
 * Two tables take turns: `flow_window` is moved by user space, which then reads the one that rests. In most of a
 * table an interface takes no more than a quarter of what is left; the rest is for interfaces with few flows (`has_share`). So
 * a scan by one interface, or by many, leaves room for the others. An interface that finds no room is noted.
 *
 *   sender, egress     REJECT by its security group or network ACL; else ACCEPT once a way for it is found. A packet that no
 *                      route leads anywhere was never on the way: nothing.
 *   receiver, ingress  REJECT by its network ACL or security group; ACCEPT when it is handed over.
 *
 * A NAT gateway's interface has both: what comes to it, before translation, and what it sends on, after.
 * Each tells the next hop: of egress the interface that the packet goes to, of ingress the one that it comes from.
 *
 * Metadata, DNS, ARP, DHCP and forged packets are not logged, as at AWS (VPC user guide, "Flow log limitations").
 */
#pragma once

#include "interface.h"

/* Whether a flow log of the interface, its subnet or its VPC covers it. What is down sends and receives nothing. */
static __always_inline int is_logged(const struct interface *eni)
{
	const struct subnet *subnet;
	const struct vpc *vpc;

	if (!(eni->flags & INTERFACE_UP))
		return 0;
	if (eni->flags & INTERFACE_FLOW_LOG)
		return 1;
	subnet = find_subnet(eni->subnet);
	if (subnet && subnet->flags & SUBNET_FLOW_LOG)
		return 1;
	vpc = find_vpc(eni->vpc);
	return vpc && vpc->flags & VPC_FLOW_LOG;
}

/* The headers that each segment has of a packet that its sender left whole. */
static __always_inline __u32 segment_headers(struct __sk_buff *skb, const struct packet *p)
{
	__u8 offset = 0;

	if (p->flow.protocol != IPPROTO_TCP)
		return p->header_length + 8;
	bpf_skb_load_bytes(skb, p->l4 + 12, &offset, 1);
	return p->header_length + (offset >> 4) * 4;
}

/* What there is of a packet, in packets and bytes as they go over a wire. */
static __always_inline void measure(struct __sk_buff *skb, const struct packet *p,
				    struct flow_record *into)
{
	__u32 size = skb->gso_size, headers, data;

	into->packets = 1;
	into->bytes = p->total_length;
	if (!size)
		return;
	headers = segment_headers(skb, p);
	data = p->total_length - headers;
	if (p->total_length <= headers || data <= size)
		return;
	into->packets = (data + size - 1) / size;
	into->bytes += (into->packets - 1) * headers;
}

static __always_inline __u32 records_in(const struct flow_share *share, __u32 window)
{
	__u64 taken = *(const volatile __u64 *)&share->taken;

	return taken >> 32 == window ? taken : 0;
}

static __always_inline void take_record(struct flow_share *share, __u32 window)
{
	__u64 *taken = &share->taken, was = *(volatile __u64 *)taken;

	/* A packet that was on its way when its window ended. */
	if ((__s32)(window - (__u32)(was >> 32)) < 0)
		return;
	/* The window's first begins anew. When another CPU has just done so, this one adds to it. */
	if (was >> 32 != window &&
	    __sync_val_compare_and_swap(taken, was, (__u64)window << 32 | 1) == was)
		return;
	__sync_fetch_and_add(taken, 1);
}

/* Whether an interface may have one more record in this window: few in any case, and more while there is plenty. */
static __always_inline int has_share(const struct flow_share *own, const struct flow_share *all,
				     __u32 window)
{
	const struct settings *s = get_settings();
	__u32 has = records_in(own, window), taken = records_in(all, window);

	if (!s)
		return 0;
	if (has < s->flow_record_share)
		return 1;
	return taken < s->flow_records_shared && has < (s->flow_records_shared - taken) / 4;
}

static __always_inline void add_to_record(struct flow_record *row, const struct flow_record *more)
{
	__sync_fetch_and_add(&row->packets, more->packets);
	__sync_fetch_and_add(&row->bytes, more->bytes);
	if (row->last < more->last)
		row->last = more->last;
	row->next_hop = more->next_hop;
	if (more->tcp_flags & ~row->tcp_flags)
		__sync_fetch_and_or(&row->tcp_flags, more->tcp_flags);
}

/*
 * Adds the packet to the flows of the interface p->logged, whose slot is p->log_slot.
 * `what`: egress << 16 | enum flow_action << 8 | enum traffic_path.
 */
__noinline int flow_log_write(struct __sk_buff *skb, struct packet *p, __u32 what)
{
	struct flow_record_key key = {};
	struct flow_record more = {};
	struct flow_record *row;
	struct flow_share *own, *all;
	__u32 zero = 0, together = ALL_SHARES, window, odd,
	      *current = bpf_map_lookup_elem(&flow_window, &zero);

	if (!p || !current)
		return 0;
	window = *current;
	odd = window & 1;
	key.source = p->logged.source;
	key.destination = p->logged.destination;
	key.interface = p->log_slot;
	key.protocol = p->logged.protocol;
	key.egress = what >> 16;
	key.action = what >> 8;
	key.path = what;
	if (key.protocol == IPPROTO_TCP || key.protocol == IPPROTO_UDP) {
		key.source_port = p->logged.source_port;
		key.destination_port = p->logged.destination_port;
	}
	measure(skb, p, &more);
	more.first = more.last = p->now;
	more.next_hop = p->log_hop;
	if (key.protocol == IPPROTO_TCP && !p->is_later_fragment) {
		more.tcp_flags = p->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST);
		if (more.tcp_flags & TCP_SYN)
			more.tcp_flags |= p->tcp_flags & TCP_ACK;
	}
	row = odd ? bpf_map_lookup_elem(&flow_records_b, &key)
		  : bpf_map_lookup_elem(&flow_records_a, &key);
	if (row) {
		add_to_record(row, &more);
		return 0;
	}
	own = bpf_map_lookup_elem(&flow_shares, &key.interface);
	all = bpf_map_lookup_elem(&flow_shares, &together);
	if (!own || !all)
		return 0;
	if (has_share(own, all, window)) {
		if (!(odd ? bpf_map_update_elem(&flow_records_b, &key, &more, BPF_NOEXIST)
			  : bpf_map_update_elem(&flow_records_a, &key, &more, BPF_NOEXIST))) {
			take_record(own, window);
			take_record(all, window);
			return 0;
		}
		/* Another processor was first, or there is no room. */
		row = odd ? bpf_map_lookup_elem(&flow_records_b, &key)
			  : bpf_map_lookup_elem(&flow_records_a, &key);
		if (row) {
			add_to_record(row, &more);
			return 0;
		}
	}
	own->skipped[odd] = window + 1;
	all->skipped[odd] = window + 1;
	return 0;
}

#define FLOW_EGRESS(action, path) (1U << 16 | (action) << 8 | (path))
#define FLOW_INGRESS(action) ((__u32)(action) << 8)

/* The traffic path of a packet that no gateway carries. */
static __always_inline __u32 path_inside(const struct packet *p)
{
	return p->way == WAY_PEERING	      ? PATH_PEERING
	       : p->way == WAY_REMOTE_PEERING ? PATH_REMOTE_PEERING
					      : PATH_INSIDE;
}

/*
 * What leaves p->source at `slot`, which a route leads somewhere, or which its group or ACL refused. For a packet to the
 * internet gateway, flow_log_gateway adds the rest once it is known.
 */
static __always_inline void flow_log_out(struct __sk_buff *skb, struct packet *p, __u32 slot,
					 int refused)
{
	if (!is_logged(&p->source))
		return;
	p->may_keep = 0;
	p->logged = p->flow;
	p->log_slot = slot;
	p->log_hop = refused || p->way == WAY_GATEWAY || p->way == WAY_EGRESS_ONLY ? 0
										   : p->target_slot;
	if (refused)
		flow_log_write(skb, p, FLOW_EGRESS(FLOW_REJECT, PATH_NONE));
	else if (p->way == WAY_GATEWAY || p->way == WAY_EGRESS_ONLY)
		p->log_waits = 1;
	else
		flow_log_write(skb, p, FLOW_EGRESS(FLOW_ACCEPT, path_inside(p)));
}

/* What the gateway said of it. */
static __always_inline void flow_log_gateway(struct __sk_buff *skb, struct packet *p, int reason)
{
	int blocked = reason == DROP_block_public_access;

	if (!p->log_waits)
		return;
	p->log_waits = 0;
	flow_log_write(skb, p,
		       blocked ? FLOW_EGRESS(FLOW_REJECT_BPA, PATH_NONE)
			       : FLOW_EGRESS(FLOW_ACCEPT, PATH_GATEWAY));
}

/* What Block Public Access keeps from p->target. */
static __always_inline void flow_log_blocked(struct __sk_buff *skb, struct packet *p)
{
	if (!is_logged(&p->target))
		return;
	p->logged = p->flow;
	p->log_slot = p->target_slot;
	p->log_hop = 0;
	flow_log_write(skb, p, FLOW_INGRESS(FLOW_REJECT_BPA));
}

/* What comes to p->target: `refused` by its ACL or group, else handed over. */
static __always_inline void flow_log_in(struct __sk_buff *skb, struct packet *p, int refused)
{
	if (!p->log_in)
		return;
	p->may_keep = 0;
	p->logged = p->flow;
	p->log_slot = p->target_slot;
	p->log_hop = p->sender;
	flow_log_write(skb, p, FLOW_INGRESS(refused ? FLOW_REJECT : FLOW_ACCEPT));
}

/* What comes to the NAT gateway p->target: refused by its ACL, else let in, whatever the gateway makes of it. */
static __always_inline void flow_log_at_nat(struct __sk_buff *skb, struct packet *p, int refused)
{
	p->log_in = is_logged(&p->target);
	flow_log_in(skb, p, refused);
	p->log_in = 0;
}
