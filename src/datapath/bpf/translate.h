/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * One address in the bytes: in the IP header, in the transport's checksum (its pseudo-header, RFC 1624), and in an ICMP
 * error the same address in the packet inside, with that packet's checksums, and the ICMP checksum over all of it.
 * A UDP checksum of zero (none) stays zero. And one port, or the identifier of an ICMP query, for NAT gateways.
 */
#pragma once

#include "packet.h"

#define IP_TTL_AT 8
#define IP_CHECKSUM_AT 10
#define IP_SOURCE_AT 12
#define IP_DESTINATION_AT 16
#define IPV6_SOURCE_AT 8
#define IPV6_DESTINATION_AT 24

/* The TTL of an IPv4 header, with its checksum. */
static __always_inline int write_ttl(struct __sk_buff *skb, __u8 ttl)
{
	__u16 before, after;

	if (bpf_skb_load_bytes(skb, ETH_HLEN + IP_TTL_AT, &before, 2))
		return -1;
	after = (before & bpf_htons(0x00ff)) | bpf_htons((__u16)ttl << 8);
	if (bpf_l3_csum_replace(skb, ETH_HLEN + IP_CHECKSUM_AT, before, after, 2))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN + IP_TTL_AT, &after, 2, 0);
}

/* Where a protocol has its checksum with pseudo-header; 0: it has none. */
static __always_inline __u32 checksum_offset(__u8 protocol)
{
	return protocol == IPPROTO_TCP					? 16
	       : protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ? 6
									: 0;
}

/* Changes a checksum inside an ICMP message for an address, and the message's own checksum for that change. */
static __always_inline int fix_inner_checksum(struct __sk_buff *skb, __u32 at, __u32 icmp_checksum,
					      __be32 from, __be32 to, __u32 size, int may_be_zero)
{
	__u16 before, after;

	if (bpf_skb_load_bytes(skb, at, &before, 2))
		return -1;
	if (may_be_zero && !before)
		return 0;
	if (bpf_l3_csum_replace(skb, at, from, to, size) || bpf_skb_load_bytes(skb, at, &after, 2))
		return -1;
	if (may_be_zero && !after) {
		after = 0xffff;
		if (bpf_skb_store_bytes(skb, at, &after, 2, 0))
			return -1;
	}
	return bpf_l4_csum_replace(skb, icmp_checksum, before, after, 2);
}

static __always_inline int translate_inner(struct __sk_buff *skb, struct packet *p, __be32 from,
					   __be32 to, __u32 field)
{
	__u32 address = p->inner_ip + (field == IP_SOURCE_AT ? IP_DESTINATION_AT : IP_SOURCE_AT);
	__u32 icmp_checksum = p->l4 + 2, transport = checksum_offset(p->inner.protocol);
	__be32 inside;

	if (bpf_skb_load_bytes(skb, address, &inside, 4))
		return -1;
	if (inside != from)
		return 0;
	if (bpf_skb_store_bytes(skb, address, &to, 4, 0) ||
	    bpf_l4_csum_replace(skb, icmp_checksum, from, to, 4))
		return -1;
	if (fix_inner_checksum(skb, p->inner_ip + IP_CHECKSUM_AT, icmp_checksum, from, to, 4, 0))
		return -1;
	if (!transport || !p->inner_l4 || p->inner_l4 + transport + 2 > ETH_HLEN + p->total_length)
		return 0;
	return fix_inner_checksum(skb, p->inner_l4 + transport, icmp_checksum, from, to, 4,
				  transport == 6);
}

/* `field`: IP_SOURCE_AT or IP_DESTINATION_AT. Not 0 on failure. */
static __noinline int translate(struct __sk_buff *skb, struct packet *p, __be32 from, __be32 to,
				__u32 field)
{
	__u32 transport;

	if (!p)
		return -1;
	if (from == to)
		return 0;
	if (bpf_l3_csum_replace(skb, ETH_HLEN + IP_CHECKSUM_AT, from, to, 4))
		return -1;
	if (bpf_skb_store_bytes(
		    skb, ETH_HLEN + (field == IP_SOURCE_AT ? IP_SOURCE_AT : IP_DESTINATION_AT), &to,
		    4, 0))
		return -1;
	if (p->is_later_fragment)
		return 0;
	if (p->inner_ip)
		return translate_inner(skb, p, from, to, field);
	transport = checksum_offset(p->flow.protocol);
	if (!transport)
		return 0;
	return bpf_l4_csum_replace(skb, p->l4 + transport, from, to,
				   4 | BPF_F_PSEUDO_HDR |
					   (transport == 6 ? BPF_F_MARK_MANGLED_0 : 0));
}

/* An IPv6 address of a whole packet of TCP or UDP. `at`: its offset in the IPv6 header. */
static __noinline int translate_ipv6(struct __sk_buff *skb, struct packet *p,
				     const union address_bytes *to, __u32 at)
{
	union address_bytes *from;
	__s64 delta;
	__u32 transport;

	if (!p || !to)
		return -1;
	from = (void *)p->buffer;
	transport = checksum_offset(p->flow.protocol);
	if (!transport || bpf_skb_load_bytes(skb, ETH_HLEN + at, from, 16))
		return -1;
	delta = bpf_csum_diff((void *)from, 16, (void *)to, 16, 0);
	if (delta < 0 || bpf_skb_store_bytes(skb, ETH_HLEN + at, to, 16, 0))
		return -1;
	return bpf_l4_csum_replace(skb, p->l4 + transport, 0, delta,
				   (transport == 6 ? BPF_F_MARK_MANGLED_0 : 0) | BPF_F_PSEUDO_HDR);
}

/* Where a protocol has its port, or an ICMP query its identifier, and its checksum. 0: it has none. */
static __always_inline __u32 port_offset(__u8 protocol, __u32 field)
{
	return protocol == IPPROTO_ICMP ? 4 : field == IP_SOURCE_AT ? 0 : 2;
}

static __always_inline __u32 port_checksum_offset(__u8 protocol)
{
	return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
}

/* The port in the packet that an ICMP error carries. `field`: which end's, of that packet. */
static __noinline int translate_inner_port(struct __sk_buff *skb, struct packet *p, __be16 from,
					   __be16 to, __u32 field)
{
	__u32 icmp_checksum, checksum;

	if (!p)
		return -1;
	if (from == to || !p->inner_l4)
		return 0;
	icmp_checksum = p->l4 + 2;
	checksum = port_checksum_offset(p->inner.protocol);
	if (bpf_skb_store_bytes(skb, p->inner_l4 + port_offset(p->inner.protocol, field), &to, 2,
				0) ||
	    bpf_l4_csum_replace(skb, icmp_checksum, from, to, 2))
		return -1;
	if (p->inner_l4 + checksum + 2 > ETH_HLEN + p->total_length)
		return 0;
	return fix_inner_checksum(skb, p->inner_l4 + checksum, icmp_checksum, from, to, 2,
				  p->inner.protocol == IPPROTO_UDP);
}

static __noinline int translate_port(struct __sk_buff *skb, struct packet *p, __be16 from,
				     __be16 to, __u32 field)
{
	if (!p)
		return -1;
	if (from == to || p->is_later_fragment)
		return 0;
	if (bpf_skb_store_bytes(skb, p->l4 + port_offset(p->flow.protocol, field), &to, 2, 0))
		return -1;
	return bpf_l4_csum_replace(skb, p->l4 + port_checksum_offset(p->flow.protocol), from, to,
				   2 | (p->flow.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0
									: 0));
}

/* What a NAT gateway changed besides the addresses. */
static __always_inline int translate_ports(struct __sk_buff *skb, struct packet *p)
{
	if (p->is_icmp_error) {
		if (translate_inner_port(skb, p, bpf_htons(p->inner_arrived.source_port),
					 bpf_htons(p->inner.source_port), IP_SOURCE_AT))
			return -1;
		/* The identifier is one, and stands for both. */
		return p->inner.protocol == IPPROTO_ICMP
			       ? 0
			       : translate_inner_port(skb, p,
						      bpf_htons(p->inner_arrived.destination_port),
						      bpf_htons(p->inner.destination_port),
						      IP_DESTINATION_AT);
	}
	if (translate_port(skb, p, bpf_htons(p->arrived.source_port),
			   bpf_htons(p->flow.source_port), IP_SOURCE_AT))
		return -1;
	return p->flow.protocol == IPPROTO_ICMP
		       ? 0
		       : translate_port(skb, p, bpf_htons(p->arrived.destination_port),
					bpf_htons(p->flow.destination_port), IP_DESTINATION_AT);
}
