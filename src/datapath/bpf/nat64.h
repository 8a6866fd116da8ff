/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * NAT64: what a NAT gateway does to IPv6 packets for 64:ff9b::/96, whose last four bytes are an IPv4 address (RFC 6052), and to what
 * answers them (RFC 6146). Here the view changes its family (RFC 7915, sections 4 and 5); the bytes follow in nat64_write.h.
 *
 * Connections are those of nat_gateway.h: the inside's end is an IPv6 address, the other IPv4's.
 */
#pragma once

#include "connection.h"

#define NAT64_PREFIX 0x0064ff9bU

static __always_inline int is_nat64(const union address_bytes *a)
{
	return a->word[0] == bpf_htonl(NAT64_PREFIX) && !a->word[1] && !a->word[2];
}

static __always_inline void nat64_address(union address_bytes *to, __be32 ipv4)
{
	to->word[0] = bpf_htonl(NAT64_PREFIX);
	to->word[1] = 0;
	to->word[2] = 0;
	to->word[3] = ipv4;
}

/* "This network", loopback, multicast and above: no packet is for these. */
static __always_inline int is_no_destination(__u32 ip)
{
	return WITHIN(ip, 0x00000000, 8) || WITHIN(ip, 0x7f000000, 8) || ip >= 0xe0000000;
}

#define NO_COUNTERPART 0xffffU

/* An ICMPv6 type and code in IPv4's words (RFC 7915, section 5.2): type << 8 | code. Pointers into headers are not translated. */
static __always_inline __u32 icmp_of_icmpv6(__u8 type, __u8 code)
{
	switch (type) {
	case 128:
		return 8 << 8 | code;
	case 129:
		return 0 << 8 | code;
	case 1:
		return code == 1   ? 3 << 8 | 10
		       : code == 4 ? 3 << 8 | 3
		       : code <= 3 ? 3 << 8 | 1
				   : NO_COUNTERPART;
	case 2:
		return 3 << 8 | 4;
	case 3:
		return 11 << 8 | code;
	case 4:
		return code == 1 ? 3 << 8 | 2 : NO_COUNTERPART;
	default:
		return NO_COUNTERPART;
	}
}

/* And back (RFC 7915, section 4.2). "Protocol unreachable" points to the next header. */
static __always_inline __u32 icmpv6_of_icmp(__u8 type, __u8 code)
{
	switch (type) {
	case 8:
		return 128 << 8 | code;
	case 0:
		return 129 << 8 | code;
	case 3:
		switch (code) {
		case 2:
			return 4 << 8 | 1;
		case 3:
			return 1 << 8 | 4;
		case 4:
			return 2 << 8;
		case 9:
		case 10:
		case 13:
		case 15:
			return 1 << 8 | 1;
		default:
			return code <= 12 ? 1 << 8 : NO_COUNTERPART;
		}
	case 11:
		return 3 << 8 | code;
	default:
		return NO_COUNTERPART;
	}
}

/* A flow's protocol in the other family's words; 0: it has none. */
static __always_inline int nat64_protocol(struct flow *flow)
{
	__u32 said;

	if (!flow->icmp)
		return 1;
	said = flow->icmp == ICMP_V6 ? icmp_of_icmpv6(flow->type, flow->code)
				     : icmpv6_of_icmp(flow->type, flow->code);
	if (said == NO_COUNTERPART)
		return 0;
	flow->protocol = flow->icmp == ICMP_V6 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	flow->icmp = flow->icmp == ICMP_V6 ? ICMP_V4 : ICMP_V6;
	flow->type = said >> 8;
	flow->code = said;
	return 1;
}

/* Outwards: the view becomes IPv4's, from the gateway's address. 0: what it says has no counterpart. */
static __always_inline int nat64_out(struct packet *p, __be32 address)
{
	if (!nat64_protocol(&p->flow))
		return 0;
	if (p->is_icmp_error) {
		/* What came back, which this is about, is still named as the inside saw it. */
		if (!nat64_protocol(&p->inner))
			return 0;
		map_ipv4(&p->inner.source, p->inner.source.word[3]);
		map_ipv4(&p->inner.destination, address);
	}
	map_ipv4(&p->flow.destination, p->flow.destination.word[3]);
	map_ipv4(&p->flow.source, address);
	p->is_ipv6 = 0;
	p->nat64 = 1;
	return 1;
}

/* Back: the view becomes IPv6's, to the inside's address. 0: what it says has no counterpart. */
static __always_inline int nat64_in(struct packet *p, const union address_bytes *inside)
{
	if (!nat64_protocol(&p->flow))
		return 0;
	if (p->is_icmp_error) {
		if (!nat64_protocol(&p->inner))
			return 0;
		nat64_address(&p->inner.destination, V4(p->inner.destination));
		p->inner.source = *inside;
	}
	nat64_address(&p->flow.source, V4(p->flow.source));
	p->flow.destination = *inside;
	p->is_ipv6 = 1;
	p->nat64 = 1;
	return 1;
}

/*
 * Segments that a device is to cut: of a fragment; with options or extension headers, which no device leaves out of each; or of an
 * ICMP error, which no device cuts.
 */
static __always_inline int has_odd_segments(const struct packet *p)
{
	__u32 plain = p->came_ipv6 ? sizeof(struct ipv6_header) : sizeof(struct ip_header);

	return p->segmented &&
	       (p->fragment & (IP_MF | IP_OFFSET) || p->header_length != plain || p->is_icmp_error);
}

/* UDP without a checksum, which IPv6 must have, and of which not all bytes are at hand, or not yet (RFC 7915, section 4.5). */
static __always_inline int lacks_checksum(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_UDP && !p->is_later_fragment && !p->checksum &&
	       (p->segmented || p->fragment & IP_MF);
}
