/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A TCP reset to an instance whose connection a NAT gateway no longer knows: the packet itself turns into it (RFC 9293,
 * section 3.10.7.1; VPC user guide, "NAT gateways": after the idle time-out it returns a RST to whoever goes on).
 */
#pragma once

#include "checksum.h"
#include "icmp_error.h"

struct reset {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
	struct ip_header ip;
	struct tcp_header tcp;
} __attribute__((packed));

/* What the segment takes of the sequence space: its payload, and one for a SYN or a FIN. */
static __always_inline __u32 segment_length(const struct packet *p, const struct tcp_header *tcp)
{
	return p->total_length - p->header_length - (tcp->offset >> 4) * 4 +
	       !!(tcp->flags & TCP_SYN) + !!(tcp->flags & TCP_FIN);
}

/* The segment that answers `tcp`; its checksum over itself and `pseudo`. */
static __always_inline void fill_reset(struct tcp_header *r, const struct packet *p,
				       const struct tcp_header *tcp, __u64 pseudo)
{
	const __u16 *words = (const void *)r;
	int i;

	r->source = tcp->destination;
	r->destination = tcp->source;
	r->offset = 5 << 4;
	if (tcp->flags & TCP_ACK) {
		r->sequence = tcp->acknowledgment;
		r->flags = TCP_RST;
	} else {
		r->acknowledgment = bpf_htonl(bpf_ntohl(tcp->sequence) + segment_length(p, tcp));
		r->flags = TCP_RST | TCP_ACK;
	}
	for (i = 0; i < 10; i++)
		pseudo += words[i];
	r->checksum = ~fold(pseudo);
}

/* So long that as much can go and come back as makes the kernel forget a checksum still to be filled in. */
static __always_inline int resize_for_reset(struct __sk_buff *skb, __u32 length)
{
	return bpf_skb_change_tail(skb, length + FORGOTTEN, 0) ||
	       bpf_skb_adjust_room(skb, -FORGOTTEN, BPF_ADJ_ROOM_NET, 0);
}

/* Rewrites the packet. Not 0 on failure. */
static __noinline int make_reset(struct __sk_buff *skb, struct packet *p)
{
	struct tcp_header tcp, answer = {};
	struct reset *r;

	if (!p || bpf_skb_load_bytes(skb, p->l4, &tcp, sizeof(tcp)) ||
	    resize_for_reset(skb, sizeof(*r)))
		return -1;
	r = (void *)p->buffer;
	__builtin_memset(r, 0, sizeof(*r));
	__builtin_memcpy(r->destination, p->source_mac, 6);
	__builtin_memcpy(r->source, p->destination_mac, 6);
	r->type = bpf_htons(ETH_P_IP);
	r->ip.version_ihl = 0x45;
	r->ip.total_length = bpf_htons(sizeof(r->ip) + sizeof(r->tcp));
	r->ip.fragment = bpf_htons(IP_DF);
	r->ip.ttl = 64;
	r->ip.protocol = IPPROTO_TCP;
	r->ip.source = p->ip.destination;
	r->ip.destination = p->ip.source;
	r->ip.checksum = header_checksum((void *)r + ETH_HLEN);
	fill_reset(&answer, p, &tcp,
		   pseudo_sum(r->ip.source, r->ip.destination, IPPROTO_TCP, sizeof(r->tcp)));
	r->tcp = answer;
	return bpf_skb_store_bytes(skb, 0, r, sizeof(*r), 0);
}

struct ipv6_reset {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
	struct ipv6_header ip;
	struct tcp_header tcp;
} __attribute__((packed));

/* The same to an IPv6 sender, whose connection went through NAT64. */
static __noinline int make_reset_ipv6(struct __sk_buff *skb, struct packet *p)
{
	__u64 pseudo = bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(struct tcp_header));
	struct ipv6_reset *r;
	struct tcp_header tcp, answer = {};
	const __u16 *words;
	int i;

	if (!p || bpf_skb_load_bytes(skb, p->l4, &tcp, sizeof(tcp)) ||
	    resize_for_reset(skb, sizeof(*r)))
		return -1;
	r = (void *)p->buffer;
	__builtin_memset(r, 0, sizeof(*r));
	__builtin_memcpy(r->destination, p->source_mac, 6);
	__builtin_memcpy(r->source, p->destination_mac, 6);
	r->type = bpf_htons(ETH_P_IPV6);
	r->ip.version_class_flow = bpf_htonl(0x60000000);
	r->ip.payload_length = bpf_htons(sizeof(r->tcp));
	r->ip.next = IPPROTO_TCP;
	r->ip.hop_limit = 64;
	r->ip.source = p->arrived.destination;
	r->ip.destination = p->arrived.source;
	words = (const void *)&r->ip.source;
	for (i = 0; i < 16; i++)
		pseudo += words[i];
	fill_reset(&answer, p, &tcp, pseudo);
	r->tcp = answer;
	return bpf_skb_store_bytes(skb, 0, r, sizeof(*r), 0);
}

/* The connection is over: drops the packet and tells the instance. Nobody answers a RST. */
static __noinline int refuse_with_reset(struct __sk_buff *skb, struct packet *p)
{
	if (!p)
		return TC_ACT_SHOT;
	if (p->tcp_flags & TCP_RST || (p->came_ipv6 ? make_reset_ipv6(skb, p) : make_reset(skb, p)))
		return drop_packet(skb, p, DROP_nat_connection_expired);
	return send_back(skb, p, DROP_nat_connection_expired, p->link);
}
