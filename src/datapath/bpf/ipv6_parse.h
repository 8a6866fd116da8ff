/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bytes to a view, for IPv6 (RFC 8200): the header, then the chain of extension headers up to the transport.
 *
 * Drops what no router would forward, and what would lead past the tables: routing headers with a hop to come, and those of type
 * 0 at all (RFC 5095); chains that are longer than MAX_EXTENSIONS, cut short, or divided between fragments (RFC 7112); addresses
 * that stand on no wire, IPv4 ones in IPv6's clothes (::ffff:0:0/96) among them: to the tables these are IPv4.
 */
#pragma once

#include "packet.h"

#define MAX_EXTENSIONS 8
#define NEXT_HOP_BY_HOP 0
#define NEXT_ROUTING 43
#define NEXT_FRAGMENT 44
#define NEXT_DESTINATION 60

static __always_inline int is_unspecified(const union address_bytes *a)
{
	return !(a->word[0] | a->word[1] | a->word[2] | a->word[3]);
}

static __always_inline int is_link_local(const union address_bytes *a)
{
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static __always_inline int is_multicast_ipv6(const union address_bytes *a)
{
	return a->bytes[0] == 0xff;
}

/* fe80::1, the router on every link. */
static __always_inline int is_router(const union address_bytes *a)
{
	return a->word[0] == bpf_htonl(0xfe800000) && !a->word[1] && !a->word[2] &&
	       a->word[3] == bpf_htonl(1);
}

/* ::, ::1, mapped IPv4. */
static __always_inline int is_nowhere(const union address_bytes *a)
{
	return is_mapped(a) || (!(a->word[0] | a->word[1] | a->word[2]) &&
				(!a->word[3] || a->word[3] == bpf_htonl(1)));
}

static __always_inline int is_extension(__u8 next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_FRAGMENT ||
	       next == NEXT_DESTINATION;
}

/* From the header to the transport, whose protocol and place it fills in: 0, or a reason to drop. */
static __noinline int walk_extensions(struct __sk_buff *skb, struct packet *p)
{
	__u32 at = ETH_HLEN + sizeof(struct ipv6_header), end, i, seen = 0, divided = 0;
	const __u8 *header;
	__u8 next;

	if (!p)
		return DROP_tables_incomplete;
	header = p->buffer;
	next = p->flow.protocol;
	end = ETH_HLEN + p->total_length;
	for (i = 0; i <= MAX_EXTENSIONS; i++) {
		__u32 size = 8;
		__u8 kind = next;

		if (!is_extension(kind))
			break;
		if (i == MAX_EXTENSIONS || (kind == NEXT_HOP_BY_HOP && i) || at + 8 > end ||
		    bpf_skb_load_bytes(skb, at, p->buffer, 8))
			return DROP_malformed;
		next = header[0];
		if (kind == NEXT_FRAGMENT) {
			__u16 field = bpf_ntohs(*(const __be16 *)(header + 2));

			/* One inside the other. */
			if (seen)
				return DROP_malformed;
			seen = 1;
			p->fragment |= field >> 3 | (field & 1 ? IP_MF : 0);
			p->fragment_id = *(const __u32 *)(header + 4);
			divided = at + 8;
			if (field >> 3) {
				at += 8;
				break;
			}
		} else {
			if (kind == NEXT_ROUTING && (!header[2] || header[3]))
				return DROP_malformed;
			size = (header[1] + 1) * 8;
		}
		at += size;
		if (at > end)
			return DROP_malformed;
	}
	p->l4 = at;
	p->transport = at - divided;
	p->header_length = at - ETH_HLEN;
	p->flow.protocol = next;
	return 0;
}

/* Neighbour discovery and listener reports. */
static __always_inline int is_neighbour_type(__u8 type)
{
	return (type >= 130 && type <= 137) || type == 143;
}

static __noinline int parse_ipv6(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6_header *ip;
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	ip = (void *)p->buffer;
	if (bpf_skb_load_bytes(skb, 0, p->destination_mac, 6) ||
	    bpf_skb_load_bytes(skb, 6, p->source_mac, 6) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, ip, sizeof(*ip)))
		return DROP_malformed;
	p->is_ipv6 = 1;
	p->came_ipv6 = 1;
	p->traffic_class = bpf_ntohl(ip->version_class_flow) >> 20;
	p->fragment = IP_DF;
	p->total_length = sizeof(*ip) + bpf_ntohs(ip->payload_length);
	p->header_length = sizeof(*ip);
	p->hop_limit = ip->hop_limit;
	p->flow.source = ip->source;
	p->flow.destination = ip->destination;
	p->flow.protocol = ip->next;
	if (p->buffer[0] >> 4 != 6 || p->total_length + ETH_HLEN > skb->len || !ip->hop_limit)
		return DROP_malformed;
	if (is_mapped(&p->flow.source) || is_mapped(&p->flow.destination))
		return DROP_malformed;
	p->arrived = p->flow;
	reason = walk_extensions(skb, p);
	if (reason)
		return reason;
	p->flow.icmp = p->flow.protocol == IPPROTO_ICMPV6 ? ICMP_V6 : ICMP_NONE;
	p->arrived = p->flow;
	return 0;
}

/* What is no neighbour discovery must have addresses that stand on a wire. */
static __always_inline int has_wrong_ipv6_ends(struct packet *p)
{
	p->is_neighbour = p->flow.icmp && p->flow.has_ports && is_neighbour_type(p->flow.type);
	if (is_multicast_ipv6(&p->flow.source) || is_nowhere(&p->flow.destination))
		return 1;
	return is_nowhere(&p->flow.source) && !(p->is_neighbour && is_unspecified(&p->flow.source));
}
