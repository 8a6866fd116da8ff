/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The fast path: what the stages decided for a flow, repeated for its next packets without asking them again.
 *
 *   packet --plain TCP or UDP?--> flows[link, addresses, ports] --epoch the same? same second?--> rewrite --> out
 *                  |                        |                              |
 *                  +------------------------+------------------------------+------------> the stages
 *
 * An entry holds for one epoch, the sum of counters that only grow: one of the tables as a whole, one of each VPC
 * concerned (user space moves it after it has written a change there), one of each interface concerned (the program moves
 * it when a connection begins anew). A change in one VPC leaves the flows of every other alone.
 *
 * There is a table for each CPU, since no other then writes what one reads (nothing at one CPU's ingress nests): `flow_mask` plus
 * one entries, in which a flow has two places. A flood costs others their entries, and so time, never a connection.
 *
 * An entry must never come from tables that changed while the stages read them. User space makes `changes.sequence` odd
 * before it writes and even after it has moved the epochs: an entry is kept only when the sequence was even at the
 * packet's beginning and is the same at its end.
 *
 * Connections count idle time in whole seconds, so an entry of a tracked flow holds until the second ends; then one
 * packet goes through the stages and notes itself. UDP that is no stream yet is kept while one side goes on speaking (connection.h). What opens or ends a connection (SYN, FIN, RST) always does, and so do
 * all packets of interfaces that somebody watches (trace.h). Drops are not remembered here. An entry of an untracked flow
 * holds for a minute: what changed the tables and died before it moved the epochs has its way soon after, and nobody can
 * wait with an entry until a counter of 32 bits comes round again.
 */
#pragma once

#include "connection.h"
#include "count.h"
#include "parse.h"
#include "translate.h"

#define UNTRACKED_HOLDS (60 * SECOND)

static __always_inline __u32 vpc_epoch(__u32 slot)
{
	const volatile __u32 *epoch = bpf_map_lookup_elem(&epochs, &slot);

	return epoch ? *epoch : 0;
}

static __always_inline __u32 interface_epoch(__u32 slot)
{
	const volatile struct tracking *row = bpf_map_lookup_elem(&tracking, &slot);

	return row ? row->epoch : 0;
}

static __always_inline __u64 epoch_of(const struct changes *c, __u32 source_vpc, __u32 target_vpc,
				      __u32 source_slot, __u32 target_slot)
{
	return (__u64)c->epoch + vpc_epoch(source_vpc) + vpc_epoch(target_vpc) +
	       interface_epoch(source_slot) + interface_epoch(target_slot);
}

static __always_inline const struct changes *get_changes(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&changes, &zero);
}

/* The headers of a packet that the fast path may take: at offset 14 of the frame, nothing optional in between. */
struct plain_headers {
	struct ip_header ip;
	__be32 ports;
	__be32 rest; /* UDP: length and checksum; TCP: the sequence number */
};

/* Whether the stages' parse would take it, and nothing in it opens or ends a connection. `transport`: the header's bytes. */
static __always_inline int is_plain(struct __sk_buff *skb, const struct plain_headers *h,
				    const void *end, __u32 *transport)
{
	__u32 length = bpf_ntohs(h->ip.total_length);

	if (h->ip.version_ihl != 0x45 || !h->ip.ttl || has_tail(skb, length) ||
	    h->ip.fragment & bpf_htons(IP_MF | IP_OFFSET) || length + ETH_HLEN > skb->len)
		return 0;
	if (h->ip.protocol == IPPROTO_UDP) {
		*transport = 8;
		return length >= sizeof(struct ip_header) + 8;
	}
	if (h->ip.protocol == IPPROTO_TCP) {
		const struct tcp_header *tcp = (const void *)&h->ports;

		if ((const void *)(tcp + 1) > end ||
		    length < sizeof(struct ip_header) + sizeof(*tcp))
			return 0;
		*transport = (tcp->offset >> 4) * 4;
		return *transport >= sizeof(*tcp) && !(tcp->flags & (TCP_FIN | TCP_SYN | TCP_RST));
	}
	return 0;
}

static __always_inline int same_macs(const __u8 *a, const __u8 *b)
{
	return same_mac(a, b) && same_mac(a + 6, b + 6);
}

static __always_inline void copy_macs(__u8 *to, const __u8 *from)
{
	int i;

	for (i = 0; i < 12; i += 2)
		*(__u16 *)(to + i) = *(__u16 *)(from + i);
}

static __always_inline int same_key(const struct flow_key *a, const struct flow_key *b)
{
	return a->source == b->source && a->destination == b->destination && a->ports == b->ports &&
	       a->link == b->link && a->protocol == b->protocol;
}

/* The first of a flow's two places at this CPU; the other is its neighbour, at this one with its last bit turned. */
static __always_inline __u32 flow_place(const struct changes *c, const struct flow_key *key)
{
	__u64 hash = ((__u64)key->source << 32 | key->destination) * 0x9e3779b97f4a7c15ULL;

	hash ^= hash >> 29;
	hash += ((__u64)key->ports << 32 | (key->link ^ key->protocol << 24 ^ c->seed)) *
		0xbf58476d1ce4e5b9ULL;
	hash ^= hash >> 32;
	hash *= 0x94d049bb133111ebULL;
	return bpf_get_smp_processor_id() * (c->flow_mask + 1) + ((hash >> 32) & c->flow_mask);
}

static __always_inline struct flow_entry *flow_at(__u32 place)
{
	return bpf_map_lookup_elem(&flows, &place);
}

/* The flow's entry, when it has one that holds for this packet. */
static __always_inline const struct flow_entry *find_flow(struct __sk_buff *skb, __u32 link,
							  const __u8 *macs, __u32 transport)
{
	const struct plain_headers *h = (const void *)(macs + ETH_HLEN);
	struct flow_key key = { .link = link,
				.source = h->ip.source,
				.destination = h->ip.destination,
				.ports = h->ports,
				.protocol = h->ip.protocol };
	const struct settings *s = get_settings();
	const struct changes *c = get_changes();
	__u32 length = bpf_ntohs(h->ip.total_length), place;
	const struct flow_entry *flow;

	if (!s || !c || !c->flow_mask)
		return 0;
	place = flow_place(c, &key);
	flow = flow_at(place);
	if (!flow || !same_key(&flow->key, &key))
		flow = flow_at(place ^ 1);
	if (!flow || !same_key(&flow->key, &key))
		return 0;
	if (flow->epoch != epoch_of(c, flow->source_vpc, flow->target_vpc, link, flow->target_slot))
		return 0;
	if (h->ip.ttl <= flow->hops || clock_now(s) >= flow->until || !same_macs(macs, flow->macs))
		return 0;
	if (skb->gso_size)
		length = sizeof(struct ip_header) + transport + skb->gso_size;
	return length <= flow->mtu ? flow : 0;
}

/* Whether the headers of a plain packet lie where they can be written in place; of a packet in pieces they may not. */
static __always_inline int headers_at_hand(struct __sk_buff *skb)
{
	return (void *)(long)skb->data + ETH_HLEN + sizeof(struct plain_headers) <=
	       (void *)(long)skb->data_end;
}

/* One address of a plain packet, and the MACs, written straight into the bytes. Not 0 on failure. */
static __always_inline int rewrite_plain(struct __sk_buff *skb, const struct flow_entry *flow)
{
	__u8 *macs = (void *)(long)skb->data;
	struct plain_headers *h = (void *)(macs + ETH_HLEN);
	__u32 sum, checksum, udp;

	if ((void *)(h + 1) > (void *)(long)skb->data_end)
		return -1;
	copy_macs(macs, flow->new_macs);
	if (flow->from == flow->to)
		return 0;
	if (flow->field == IP_SOURCE_AT)
		h->ip.source = flow->to;
	else
		h->ip.destination = flow->to;
	h->ip.ttl -= flow->hops;
	sum = (__u16)~h->ip.checksum + (__u32)flow->header_delta;
	sum = (sum & 0xffff) + (sum >> 16);
	h->ip.checksum = ~((sum & 0xffff) + (sum >> 16));
	checksum =
		ETH_HLEN + sizeof(struct ip_header) + (flow->key.protocol == IPPROTO_TCP ? 16 : 6);
	udp = flow->key.protocol == IPPROTO_TCP ? 0 : BPF_F_MARK_MANGLED_0;
	if (flow->port_from != flow->port_to) {
		__be16 *ports = (__be16 *)&h->ports;

		ports[flow->field == IP_SOURCE_AT ? 0 : 1] = flow->port_to;
		if (bpf_l4_csum_replace(skb, checksum, flow->port_from, flow->port_to, 2 | udp))
			return -1;
	}
	/* The last that touches the packet: it may move. */
	return bpf_l4_csum_replace(skb, checksum, flow->from, flow->to, 4 | BPF_F_PSEUDO_HDR | udp);
}

#define NOT_FAST (-1)

/* NOT_FAST with the packet untouched, or what the program returns. */
static __always_inline int fast_path(struct __sk_buff *skb, __u32 link)
{
	__u8 *macs = (void *)(long)skb->data;
	struct plain_headers *h = (void *)(macs + ETH_HLEN);
	void *end = (void *)(long)skb->data_end;
	const struct flow_entry *flow;
	__u32 transport, bytes = skb->len;

	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present || (void *)(h + 1) > end)
		return NOT_FAST;
	if (!is_plain(skb, h, end, &transport) || !header_sum_is_right(&h->ip))
		return NOT_FAST;
	flow = find_flow(skb, link, macs, transport);
	if (!flow || trace_concerns(link, flow->target_slot))
		return NOT_FAST;
	if (rewrite_plain(skb, flow))
		return TC_ACT_SHOT;
	if (link)
		count_sent(link, bytes);
	if (flow->target_slot)
		count_received(flow->target_slot, bytes);
	report(skb, flow->target_slot ? VERDICT_DELIVER : VERDICT_INTERNET, 0, flow->link);
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(flow->link, 0);
}

/* What another address, and fewer hops, add to a header's checksum. The TTL is the first byte of its word. */
static __always_inline __u16 header_delta(__be32 from, __be32 to, __u32 hops)
{
	__be32 minus = ~from;

	return fold((__u64)minus + to + (hops ? (__u16)~bpf_htons(hops << 8) : 0));
}

/* Where to keep the flow: where it is, else where an entry no longer holds by the clock, else in one of its two places by turns. */
static __always_inline struct flow_entry *choose_place(const struct changes *c,
						       const struct flow_key *key, __u64 now)
{
	__u32 place = flow_place(c, key);
	struct flow_entry *one = flow_at(place), *other = flow_at(place ^ 1);

	if (!one || !other || same_key(&one->key, key))
		return one;
	if (same_key(&other->key, key) || other->until <= now)
		return other;
	return one->until <= now || now & (1 << 20) ? one : other;
}

/* Whether what the stages decided for this packet may be kept: the tables did not change meanwhile. */
static __always_inline int may_keep(const struct packet *p, const struct changes *c)
{
	return p->may_keep && c->flow_mask && !(p->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST)) &&
	       !(p->sequence & 1) && *(const volatile __u32 *)&c->sequence == p->sequence;
}

/*
 * What the stages decided for a plain packet, which is about to leave by `link`: to rewrite it by, and kept for those that
 * follow when it may be. Nothing for any other packet, and for a hairpin, which changes both addresses.
 */
static __always_inline const struct flow_entry *note_flow(struct packet *p, __u32 link, __u32 mtu,
							  const __u8 *source_mac,
							  const __u8 *destination_mac)
{
	struct flow_key key = { .link = p->link,
				.source = p->ip.source,
				.destination = p->ip.destination,
				.protocol = p->ip.protocol };
	const struct changes *c = get_changes();
	int source_changes = p->ip.source != V4(p->flow.source);
	struct flow_entry *entry = (void *)p->buffer;
	__u64 epoch;

	if (!c || p->header_length != sizeof(struct ip_header) || p->fragment & (IP_MF | IP_OFFSET))
		return 0;
	if (p->ip.protocol != IPPROTO_UDP && p->ip.protocol != IPPROTO_TCP)
		return 0;
	if (source_changes && p->ip.destination != V4(p->flow.destination))
		return 0;
	key.ports = bpf_htons(p->arrived.source_port) |
		    (__u32)bpf_htons(p->arrived.destination_port) << 16;
	epoch = epoch_of(c, p->source.vpc, p->target.vpc, p->link, p->target_slot);
	/* The epoch first, then whether the tables stood still until now. */
	__asm__ volatile("" ::: "memory");
	if (may_keep(p, c))
		entry = choose_place(c, &key, p->now);
	if (!entry)
		return 0;
	entry->key = key;
	entry->epoch = epoch;
	entry->until = p->tracked ? p->now - p->now % SECOND + SECOND : p->now + UNTRACKED_HOLDS;
	entry->source_vpc = p->source.vpc;
	entry->target_vpc = p->target.vpc;
	entry->target_slot = p->target_slot;
	entry->link = link;
	entry->mtu = mtu;
	entry->from = source_changes ? p->ip.source : p->ip.destination;
	entry->to = source_changes ? V4(p->flow.source) : V4(p->flow.destination);
	entry->port_from =
		bpf_htons(source_changes ? p->arrived.source_port : p->arrived.destination_port);
	entry->port_to = bpf_htons(source_changes ? p->flow.source_port : p->flow.destination_port);
	entry->field = source_changes ? IP_SOURCE_AT : IP_DESTINATION_AT;
	entry->hops = p->hops;
	entry->header_delta = header_delta(entry->from, entry->to, p->hops);
	__builtin_memcpy(entry->macs, p->destination_mac, 6);
	__builtin_memcpy(entry->macs + 6, p->source_mac, 6);
	__builtin_memcpy(entry->new_macs, destination_mac, 6);
	__builtin_memcpy(entry->new_macs + 6, source_mac, 6);
	return entry;
}
