/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * "Fragmentation needed" (ICMP type 3 code 4, RFC 1191) and IPv6's "packet too big" (RFC 4443, section 3.2): the packet itself
 * turns into the message to its sender. It carries the first 548 bytes of what was sent, so that the message has 576 (RFC 1812,
 * section 4.3.2.3); of IPv6, 1232 and 1280.
 */
#pragma once

#include "checksum.h"
#include "count.h"
#include "interface.h"

#define ICMP_QUOTE 548
#define ICMP_OVERHEAD (sizeof(struct ip_header) + sizeof(struct icmp_header))

/*
 * A veth carries packets whose transport checksum is still to be filled in, by whichever device sends them to a wire;
 * here that would write into the middle of the message. Taking away more than lies before the transport header makes
 * the kernel forget it, so 80 bytes behind the IP header (the longest options plus a transport header) go and come back.
 */
#define FORGOTTEN 80

struct message {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
	struct ip_header ip;
	struct icmp_header icmp;
	__u8 quote[sizeof(struct ip_header) + FORGOTTEN];
} __attribute__((packed));

/* Rewrites the packet to the message, from `router`, framed from `mac`. Not 0 on failure. */
static __noinline int make_too_big(struct __sk_buff *skb, struct packet *p, __be32 router, __u32 mtu)
{
	struct message *m;
	__s64 sum;
	__u16 checksum;

	if (!p)
		return -1;
	if (bpf_skb_change_tail(skb, ETH_HLEN + ICMP_QUOTE, 0))
		return -1;
	m = (void *)p->buffer;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, m->quote, sizeof(m->quote)))
		return -1;
	if (bpf_skb_adjust_room(skb, -FORGOTTEN, BPF_ADJ_ROOM_NET, 0) ||
	    bpf_skb_adjust_room(skb, FORGOTTEN + ICMP_OVERHEAD, BPF_ADJ_ROOM_NET, 0))
		return -1;
	__builtin_memcpy(m->destination, p->source_mac, 6);
	__builtin_memcpy(m->source, p->destination_mac, 6);
	m->type = bpf_htons(ETH_P_IP);
	m->ip.version_ihl = 0x45;
	m->ip.tos = 0xc0; /* internetwork control, RFC 1812 section 4.3.2.5 */
	m->ip.total_length = bpf_htons(ICMP_OVERHEAD + ICMP_QUOTE);
	m->ip.id = 0;
	m->ip.fragment = bpf_htons(IP_DF);
	m->ip.ttl = 64;
	m->ip.protocol = IPPROTO_ICMP;
	m->ip.source = router;
	m->ip.destination = p->ip.source;
	m->ip.checksum = header_checksum((void *)m + ETH_HLEN);
	m->icmp.type = 3;
	m->icmp.code = 4;
	m->icmp.checksum = 0;
	m->icmp.id = 0;
	m->icmp.sequence = bpf_htons(mtu);
	if (bpf_skb_store_bytes(skb, 0, m, sizeof(*m), 0))
		return -1;
	sum = sum_bytes(skb, p, ETH_HLEN + sizeof(struct ip_header), sizeof(struct icmp_header) + ICMP_QUOTE, 0);
	if (sum < 0)
		return -1;
	checksum = ~fold(sum);
	return bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(struct ip_header) + 2, &checksum, 2, 0);
}

#define ICMPV6_QUOTE 1232
#define ICMPV6_OVERHEAD (sizeof(struct ipv6_header) + sizeof(struct icmp_header))

struct ipv6_message {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
	struct ipv6_header ip;
	struct icmp_header icmp;
	__u8 quote[sizeof(struct ipv6_header) + FORGOTTEN];
} __attribute__((packed));

/* "Packet too big" of ICMPv6 (RFC 4443, section 3.2), with as much of the packet as makes 1280 bytes. Not 0 on failure. */
static __noinline int make_too_big_ipv6(struct __sk_buff *skb, struct packet *p, const union address_bytes *router, __u32 mtu)
{
	struct ipv6_message *m;
	const __u16 *words;
	__u64 pseudo = 0;
	__u16 checksum;
	__s64 sum;
	int i;

	if (!p || !router)
		return -1;
	if (bpf_skb_change_tail(skb, ETH_HLEN + ICMPV6_QUOTE, 0))
		return -1;
	m = (void *)p->buffer;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, m->quote, sizeof(m->quote)))
		return -1;
	if (bpf_skb_adjust_room(skb, -FORGOTTEN, BPF_ADJ_ROOM_NET, 0) ||
	    bpf_skb_adjust_room(skb, FORGOTTEN + ICMPV6_OVERHEAD, BPF_ADJ_ROOM_NET, 0))
		return -1;
	__builtin_memcpy(m->destination, p->source_mac, 6);
	__builtin_memcpy(m->source, p->destination_mac, 6);
	m->type = bpf_htons(ETH_P_IPV6);
	m->ip.version_class_flow = bpf_htonl(0x60000000);
	m->ip.payload_length = bpf_htons(sizeof(struct icmp_header) + ICMPV6_QUOTE);
	m->ip.next = IPPROTO_ICMPV6;
	m->ip.hop_limit = 64;
	m->ip.source = *router;
	m->ip.destination = p->arrived.source;
	m->icmp.type = 2;
	m->icmp.code = 0;
	m->icmp.checksum = 0;
	m->icmp.id = 0;
	m->icmp.sequence = bpf_htons(mtu);
	words = (const void *)&m->ip.source;
	for (i = 0; i < 16; i++)
		pseudo += words[i];
	pseudo += bpf_htons(IPPROTO_ICMPV6) + bpf_htons(sizeof(struct icmp_header) + ICMPV6_QUOTE);
	if (bpf_skb_store_bytes(skb, 0, m, sizeof(*m), 0))
		return -1;
	sum = sum_bytes(skb, p, ETH_HLEN + sizeof(struct ipv6_header), sizeof(struct icmp_header) + ICMPV6_QUOTE, fold(pseudo));
	if (sum < 0)
		return -1;
	checksum = ~fold(sum);
	return bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(struct ipv6_header) + 2, &checksum, 2, 0);
}

/* The address that tells a sender so: its subnet's router, the first of the block, or whom the sender wrote to. */
static __always_inline int tell_too_big(struct __sk_buff *skb, struct packet *p, const struct subnet *subnet, __u32 mtu)
{
	union address_bytes router = p->arrived.destination;

	if (!p->is_ipv6)
		return make_too_big(skb, p, subnet ? subnet->router : p->ip.destination, mtu);
	if (subnet) {
		router = *(const union address_bytes *)subnet->ipv6_block;
		router.word[3] |= bpf_htonl(1);
	}
	return make_too_big_ipv6(skb, p, &router, mtu);
}

/*
 * The packet is too big for `mtu` and may not be fragmented: drops it and tells its sender. An instance hears it from
 * its subnet's router; a host on the internet from the public address that it wrote to. No error about an error.
 */
static __always_inline int refuse_too_big(struct __sk_buff *skb, struct packet *p, __u32 mtu)
{
	const struct subnet *subnet = 0;
	const struct settings *s = get_settings();
	__u32 back;

	if (!s || p->is_icmp_error || p->is_later_fragment || (!p->link && !p->through_gateway))
		return drop_packet(skb, p, DROP_too_big);
	if (p->link) {
		/* p->source may be a NAT gateway by now; the target is no longer needed. */
		subnet = read_interface(p->link, &p->target) ? find_subnet(p->target.subnet) : 0;
		if (!subnet)
			return drop_packet(skb, p, DROP_tables_incomplete);
	}
	if (tell_too_big(skb, p, subnet, mtu))
		return drop_packet(skb, p, DROP_too_big);
	back = p->link ? p->link : s->uplink;
	count_drop(p->charge, DROP_too_big, p->bytes);
	report(skb, VERDICT_ERROR, DROP_too_big, p->link);
	trace_verdict(skb, p, VERDICT_ERROR, DROP_too_big);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(back, 0);
}
