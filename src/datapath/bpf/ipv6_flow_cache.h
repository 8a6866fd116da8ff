/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The fast path of IPv6: as flow_cache.h, whose epochs and times it shares, with longer addresses and nothing to translate. A
 * function of its own, so that IPv4's fast path has nothing of it to carry. There are half as many places as IPv4's.
 */
#pragma once

#include "flow_cache.h"

/* The headers of a packet that it may take: at offset 14 of the frame, no extension header in between. */
struct ipv6_plain_headers {
	struct ipv6_header ip;
	__be32 ports;
	__be32 rest;
} __attribute__((packed));

static __always_inline int same_ipv6_key(const struct ipv6_flow_key *a,
					 const struct ipv6_flow_key *b)
{
	return a->ports == b->ports && a->link == b->link && a->protocol == b->protocol &&
	       same_address(&a->source, &b->source) &&
	       same_address(&a->destination, &b->destination);
}

static __always_inline __u32 ipv6_flow_place(const struct changes *c,
					     const struct ipv6_flow_key *key)
{
	__u64 hash = (address_half(&key->source, 0) ^ (__u64)c->seed << 32) * 0x9e3779b97f4a7c15ULL;

	hash ^= hash >> 29;
	hash = (hash + address_half(&key->source, 1)) * 0xbf58476d1ce4e5b9ULL;
	hash ^= hash >> 31;
	hash = (hash + address_half(&key->destination, 0)) * 0x94d049bb133111ebULL;
	hash ^= hash >> 30;
	hash = (hash + address_half(&key->destination, 1)) * 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 29;
	hash += ((__u64)key->ports << 32 | (key->link ^ key->protocol << 24 ^ c->seed)) *
		0xbf58476d1ce4e5b9ULL;
	hash ^= hash >> 32;
	hash *= 0x94d049bb133111ebULL;
	return bpf_get_smp_processor_id() * ((c->flow_mask >> 1) + 1) +
	       ((hash >> 32) & c->flow_mask >> 1);
}

static __always_inline struct ipv6_flow_entry *ipv6_flow_at(__u32 place)
{
	return bpf_map_lookup_elem(&ipv6_flows, &place);
}

/* The length of the transport's header, when the stages' parse would take the packet and nothing in it opens or ends a connection. */
static __always_inline __u32 plain_ipv6_transport(struct __sk_buff *skb,
						  const struct ipv6_plain_headers *h,
						  const void *end)
{
	__u32 length = sizeof(struct ipv6_header) + bpf_ntohs(h->ip.payload_length), transport;
	const struct tcp_header *tcp = (const void *)&h->ports;

	if (*(const __u8 *)h >> 4 != 6 || !h->ip.hop_limit || has_tail(skb, length) ||
	    length + ETH_HLEN > skb->len)
		return 0;
	if (h->ip.next == IPPROTO_UDP)
		return length >= sizeof(struct ipv6_header) + 8 ? 8 : 0;
	if (h->ip.next != IPPROTO_TCP || (const void *)(tcp + 1) > end ||
	    length < sizeof(struct ipv6_header) + sizeof(*tcp))
		return 0;
	transport = (tcp->offset >> 4) * 4;
	return transport >= sizeof(*tcp) && !(tcp->flags & (TCP_FIN | TCP_SYN | TCP_RST))
		       ? transport
		       : 0;
}

/* NOT_FAST with the packet untouched, or what the program returns. */
static __noinline int ipv6_fast_path(struct __sk_buff *skb, __u32 link)
{
	__u8 *macs = (void *)(long)skb->data;
	struct ipv6_plain_headers *h = (void *)(macs + ETH_HLEN);
	void *end = (void *)(long)skb->data_end;
	struct ipv6_flow_key key = { .link = link };
	const struct settings *s = get_settings();
	const struct changes *c = get_changes();
	const struct ipv6_flow_entry *flow;
	__u32 transport, place, length, bytes = skb->len;

	if (!s || !c || !c->flow_mask || skb->vlan_present || (void *)(h + 1) > end)
		return NOT_FAST;
	transport = plain_ipv6_transport(skb, h, end);
	if (!transport)
		return NOT_FAST;
	key.source = h->ip.source;
	key.destination = h->ip.destination;
	key.ports = h->ports;
	key.protocol = h->ip.next;
	place = ipv6_flow_place(c, &key);
	flow = ipv6_flow_at(place);
	if (!flow || !same_ipv6_key(&flow->key, &key))
		flow = ipv6_flow_at(place ^ 1);
	if (!flow || !same_ipv6_key(&flow->key, &key))
		return NOT_FAST;
	if (flow->epoch != epoch_of(c, flow->source_vpc, flow->target_vpc, link, flow->target_slot))
		return NOT_FAST;
	if (clock_now(s) >= flow->until || !same_macs(macs, flow->macs))
		return NOT_FAST;
	length = sizeof(struct ipv6_header) + bpf_ntohs(h->ip.payload_length);
	if (skb->gso_size)
		length = sizeof(struct ipv6_header) + transport + skb->gso_size;
	if (length > flow->mtu || trace_concerns(link, flow->target_slot))
		return NOT_FAST;
	copy_macs(macs, flow->new_macs);
	if (link)
		count_sent(link, bytes);
	if (flow->target_slot)
		count_received(flow->target_slot, bytes);
	report(skb, flow->target_slot ? VERDICT_DELIVER : VERDICT_INTERNET, 0, flow->link);
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(flow->link, 0);
}

static __always_inline struct ipv6_flow_entry *
choose_ipv6_place(const struct changes *c, const struct ipv6_flow_key *key, __u64 now)
{
	__u32 place = ipv6_flow_place(c, key);
	struct ipv6_flow_entry *one = ipv6_flow_at(place), *other = ipv6_flow_at(place ^ 1);

	if (!one || !other || same_ipv6_key(&one->key, key))
		return one;
	if (same_ipv6_key(&other->key, key) || other->until <= now)
		return other;
	return one->until <= now || now & (1 << 20) ? one : other;
}

/* Keeps what the stages decided for a plain packet that is about to leave by `link`, when it may be kept. */
static __noinline int keep_ipv6_flow(struct packet *p, __u32 link, __u32 mtu)
{
	struct ipv6_flow_key key = {};
	const struct changes *c = get_changes();
	struct ipv6_flow_entry *entry;
	__u64 epoch;

	if (!p || !c || p->header_length != sizeof(struct ipv6_header) ||
	    p->fragment & (IP_MF | IP_OFFSET))
		return 0;
	if (p->flow.protocol != IPPROTO_UDP && p->flow.protocol != IPPROTO_TCP)
		return 0;
	key.link = p->link;
	key.source = p->arrived.source;
	key.destination = p->arrived.destination;
	key.ports = bpf_htons(p->arrived.source_port) |
		    (__u32)bpf_htons(p->arrived.destination_port) << 16;
	key.protocol = p->flow.protocol;
	epoch = epoch_of(c, p->source.vpc, p->target.vpc, p->link, p->target_slot);
	/* The epoch first, then whether the tables stood still until now. */
	__asm__ volatile("" ::: "memory");
	if (!may_keep(p, c))
		return 0;
	entry = choose_ipv6_place(c, &key, p->now);
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
	__builtin_memcpy(entry->macs, p->destination_mac, 6);
	__builtin_memcpy(entry->macs + 6, p->source_mac, 6);
	if (p->target_slot) {
		__builtin_memcpy(entry->new_macs, p->target.mac, 6);
		__builtin_memcpy(entry->new_macs + 6, router_mac, 6);
	} else {
		const struct settings *s = get_settings();

		if (!s)
			return 0;
		__builtin_memcpy(entry->new_macs, s->uplink_peer_mac, 6);
		__builtin_memcpy(entry->new_macs + 6, s->uplink_mac, 6);
	}
	return 0;
}
