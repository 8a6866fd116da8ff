/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * NAT64 in the bytes (RFC 7915): the view, which nat64.h gave another family, becomes headers. First what the transport has of it
 * (ports, an ICMP header, checksums, by what changes in their sums), then room is made or taken, then the new headers are written.
 *
 * Options and extension headers are left out. IPv6 that was not in pieces, and becomes 1260 bytes or less, may be cut on its way,
 * since its sender would not send less; its identification is its checksum as it came, which differs from packet to packet.
 */
#pragma once

#include "checksum.h"
#include "translate.h"

#define NAT64_MAY_BE_CUT 1260

static __always_inline __u32 base_header(int is_ipv6)
{
	return is_ipv6 ? sizeof(struct ipv6_header) : sizeof(struct ip_header);
}

static __always_inline int in_pieces(const struct packet *p)
{
	return (p->fragment & (IP_MF | IP_OFFSET)) != 0;
}

/* What ICMPv6's checksum covers beside the message, and ICMP's does not. */
static __always_inline __s64 sum_of_ends(const struct flow *flow, __u32 length, __s64 sum)
{
	__be32 rest[2] = { bpf_htonl(length), bpf_htonl(IPPROTO_ICMPV6) };

	sum = bpf_csum_diff(0, 0, (void *)rest, sizeof(rest), (__u32)sum);
	return sum < 0 ? sum : bpf_csum_diff(0, 0, (void *)&flow->source, 32, (__u32)sum);
}

/* After minus before: what a checksum's sum grows by. */
static __always_inline __u32 minus(__s64 after, __s64 before)
{
	return fold((__u64)(__u32)after + (__u16)~fold((__u32)before));
}

/* The words that a transport's checksum has of both ends' addresses and, of TCP and UDP, ports. */
static __always_inline __u32 ends_grow(const struct flow *before, const struct flow *after)
{
	__s64 sum = bpf_csum_diff((void *)&before->source, 32, (void *)&after->source, 32, 0);

	return fold((__u32)sum);
}

static __always_inline __u32 ports_grow(const struct flow *before, const struct flow *after)
{
	__u64 sum = (__u64)bpf_htons(after->source_port) + bpf_htons(after->destination_port) +
		    (__u16)~bpf_htons(before->source_port) +
		    (__u16)~bpf_htons(before->destination_port);

	return fold(sum);
}

/* A checksum that grows by `more`. */
static __always_inline __u16 grown(__u16 checksum, __u32 more)
{
	return ~fold((__u64)(__u16)~checksum + more);
}

/* TCP and UDP. A checksum of zero (none) stays. */
static __always_inline int write_ports(struct __sk_buff *skb, struct packet *p)
{
	__u32 at = p->l4 + (p->flow.protocol == IPPROTO_TCP ? 16 : 6);
	__u32 udp = p->flow.protocol == IPPROTO_TCP ? 0 : BPF_F_MARK_MANGLED_0;
	__be16 ports[2] = { bpf_htons(p->flow.source_port), bpf_htons(p->flow.destination_port) };

	return bpf_skb_store_bytes(skb, p->l4, ports, sizeof(ports), 0) ||
	       bpf_l4_csum_replace(skb, at, 0, ports_grow(&p->arrived, &p->flow), udp) ||
	       bpf_l4_csum_replace(skb, at, 0, ends_grow(&p->arrived, &p->flow),
				   BPF_F_PSEUDO_HDR | udp);
}

/* The words of an ICMP query that change, and what the checksum has of the ends. */
static __always_inline int write_query(struct __sk_buff *skb, struct packet *p)
{
	struct icmp_header header;
	__u32 length = p->total_length - p->header_length;
	__s64 before, after;

	if (bpf_skb_load_bytes(skb, p->l4, &header, sizeof(header)))
		return -1;
	before = bpf_csum_diff(0, 0, (void *)&header, sizeof(header), 0);
	header.type = p->flow.type;
	header.code = p->flow.code;
	header.id = bpf_htons(p->flow.source_port);
	after = bpf_csum_diff(0, 0, (void *)&header, sizeof(header), 0);
	if (p->arrived.icmp == ICMP_V6)
		before = sum_of_ends(&p->arrived, length, before);
	if (p->flow.icmp == ICMP_V6)
		after = sum_of_ends(&p->flow, length, after);
	if (before < 0 || after < 0)
		return -1;
	header.checksum = grown(header.checksum, minus(after, before));
	return bpf_skb_store_bytes(skb, p->l4, &header, sizeof(header), 0);
}

/* What an ICMP error says of an MTU, for the other family, whose headers differ by 20 bytes (RFC 7915, sections 4.2 and 5.2). */
static __always_inline __u32 other_mtu(__u32 mtu, int to_ipv6)
{
	if (to_ipv6)
		return mtu + 20 < 1280 ? 1280 : mtu + 20 > NAT_MTU ? NAT_MTU : mtu + 20;
	return mtu > GATEWAY_MTU + 20 ? GATEWAY_MTU : mtu < 88 ? 68 : mtu - 20;
}

/* An ICMP error's header and the headers that it carries; the first 8 bytes of a transport's are always there. */
struct nat64_error {
	struct icmp_header icmp;
	union {
		struct {
			struct ip_header ip;
			__u8 l4[8];
		} ipv4;
		struct {
			struct ipv6_header ip;
			__u8 l4[8];
		} ipv6;
	};
};

struct nat64_errors {
	struct nat64_error before;
	struct nat64_error after;
};

static __always_inline void inner_header_ipv4(struct ip_header *to, const struct packet *p,
					      __u8 tos, __u8 ttl, __u32 payload)
{
	__builtin_memset(to, 0, sizeof(*to));
	to->version_ihl = 0x45;
	to->tos = tos;
	to->total_length = bpf_htons(sizeof(*to) + payload);
	to->fragment = bpf_htons(IP_DF);
	to->ttl = ttl;
	to->protocol = p->inner.protocol;
	to->source = V4(p->inner.source);
	to->destination = V4(p->inner.destination);
	to->checksum = header_checksum(to);
}

static __always_inline void inner_header_ipv6(struct ipv6_header *to, const struct packet *p,
					      __u8 tos, __u8 ttl, __u32 payload)
{
	to->version_class_flow = bpf_htonl(0x60000000 | (__u32)tos << 20);
	to->payload_length = bpf_htons(payload);
	to->next = p->inner.protocol;
	to->hop_limit = ttl;
	to->source = p->inner.source;
	to->destination = p->inner.destination;
}

/* The first 8 bytes of the transport that an error carries, and its checksum when that is among them. */
static __always_inline void write_inner_transport(__u8 *l4, const struct packet *p, __u32 payload)
{
	const struct flow *before = &p->inner_arrived, *after = &p->inner;
	__be16 *words = (void *)l4;

	if (after->icmp) {
		struct icmp_header *icmp = (void *)l4;
		__s64 was = bpf_csum_diff(0, 0, (void *)l4, 8, 0), is;

		icmp->type = after->type;
		icmp->code = after->code;
		icmp->id = bpf_htons(after->source_port);
		is = bpf_csum_diff(0, 0, (void *)l4, 8, 0);
		if (before->icmp == ICMP_V6)
			was = sum_of_ends(before, payload, was);
		if (after->icmp == ICMP_V6)
			is = sum_of_ends(after, payload, is);
		icmp->checksum = grown(icmp->checksum, minus(is, was));
		return;
	}
	words[0] = bpf_htons(after->source_port);
	words[1] = bpf_htons(after->destination_port);
	if (after->protocol == IPPROTO_UDP && words[3]) {
		words[3] = grown(words[3],
				 (__u64)ends_grow(before, after) + ports_grow(before, after));
		if (!words[3])
			words[3] = 0xffff;
	}
}

/* TCP's checksum within an error, when the error carries as much: not among its first 8 bytes. Adds what that changes to `*more`. */
static __always_inline int write_inner_tcp(struct __sk_buff *skb, const struct packet *p,
					   __u32 *more)
{
	__u16 before, after;

	if (p->inner.protocol != IPPROTO_TCP || p->inner_l4 + 18 > ETH_HLEN + p->total_length)
		return 0;
	if (bpf_skb_load_bytes(skb, p->inner_l4 + 16, &before, 2))
		return -1;
	after = grown(before, (__u64)ends_grow(&p->inner_arrived, &p->inner) +
				      ports_grow(&p->inner_arrived, &p->inner));
	*more = fold((__u64)after + (__u16)~before);
	return bpf_skb_store_bytes(skb, p->inner_l4 + 16, &after, 2, 0);
}

/* Fills both forms of an ICMP error's beginning into the buffer; its checksum is for the one to be. Not 0 on failure. */
__noinline int translate_error(struct __sk_buff *skb, struct packet *p)
{
	struct nat64_errors *e;
	int from6, to6;
	__u32 payload, more = 0, length, mtu;
	__s64 was, is;
	__u8 tos, ttl;

	if (!p)
		return -1;
	e = (void *)p->buffer;
	from6 = p->came_ipv6;
	to6 = p->is_ipv6;
	/* None goes through two NAT gateways (nat64_back). */
	if (from6 == to6)
		return -1;
	__builtin_memset(e, 0, sizeof(*e));
	if (from6) {
		if (bpf_skb_load_bytes(skb, p->l4, &e->before, 56))
			return -1;
		tos = bpf_ntohl(e->before.ipv6.ip.version_class_flow) >> 20;
		ttl = e->before.ipv6.ip.hop_limit;
		payload = bpf_ntohs(e->before.ipv6.ip.payload_length);
	} else {
		if (bpf_skb_load_bytes(skb, p->l4, &e->before, 36))
			return -1;
		tos = e->before.ipv4.ip.tos;
		ttl = e->before.ipv4.ip.ttl;
		payload = (__u16)(bpf_ntohs(e->before.ipv4.ip.total_length) -
				  sizeof(struct ip_header));
	}
	length = p->total_length - p->header_length;
	was = bpf_csum_diff(0, 0, (void *)&e->before, sizeof(e->before), 0);
	if (from6)
		was = sum_of_ends(&p->arrived, length, was);
	e->after.icmp = e->before.icmp;
	e->after.icmp.type = p->flow.type;
	e->after.icmp.code = p->flow.code;
	e->after.icmp.id = 0;
	e->after.icmp.sequence = 0;
	if (to6 ? p->flow.type == 2 : p->flow.type == 3 && p->flow.code == 4) {
		/* IPv6 says it in 32 bits, IPv4 in 16. */
		mtu = bpf_ntohs(e->before.icmp.sequence);
		if (from6 && e->before.icmp.id)
			mtu = 0xffff;
		e->after.icmp.sequence = bpf_htons(other_mtu(mtu, to6));
	}
	if (to6 && p->flow.type == 4)
		e->after.icmp.sequence = bpf_htons(6); /* where an IPv6 header says what follows */
	if (to6) {
		inner_header_ipv6(&e->after.ipv6.ip, p, tos, ttl, payload);
		__builtin_memcpy(e->after.ipv6.l4, from6 ? e->before.ipv6.l4 : e->before.ipv4.l4,
				 8);
		write_inner_transport(e->after.ipv6.l4, p, payload);
	} else {
		inner_header_ipv4(&e->after.ipv4.ip, p, tos, ttl, payload);
		__builtin_memcpy(e->after.ipv4.l4, from6 ? e->before.ipv6.l4 : e->before.ipv4.l4,
				 8);
		write_inner_transport(e->after.ipv4.l4, p, payload);
	}
	if (write_inner_tcp(skb, p, &more))
		return -1;
	is = bpf_csum_diff(0, 0, (void *)&e->after, sizeof(e->after), more);
	length += to6 ? 20 : -20;
	if (to6)
		is = sum_of_ends(&p->flow, length, is);
	if (was < 0 || is < 0)
		return -1;
	e->after.icmp.checksum = grown(e->before.icmp.checksum, minus(is, was));
	return 0;
}

/* An IPv4 header; `payload`: bytes behind it. */
static __always_inline int write_ipv4_header(struct __sk_buff *skb, struct packet *p, __u32 payload)
{
	struct {
		__be16 type;
		struct ip_header ip;
	} __attribute__((packed)) h = { .type = bpf_htons(ETH_P_IP) };
	__u32 length = sizeof(struct ip_header) + payload;

	h.ip.version_ihl = 0x45;
	h.ip.tos = p->traffic_class;
	h.ip.total_length = bpf_htons(length);
	if (in_pieces(p)) {
		h.ip.id = bpf_htons(bpf_ntohl(p->fragment_id));
		h.ip.fragment = bpf_htons(p->fragment & (IP_MF | IP_OFFSET));
	} else if (length <= NAT64_MAY_BE_CUT) {
		h.ip.id = p->checksum;
	} else {
		h.ip.fragment = bpf_htons(IP_DF);
	}
	h.ip.ttl = p->hop_limit - p->hops;
	h.ip.protocol = p->flow.protocol;
	h.ip.source = V4(p->flow.source);
	h.ip.destination = V4(p->flow.destination);
	h.ip.checksum = header_checksum((void *)&h + 2);
	return bpf_skb_store_bytes(skb, ETH_HLEN - 2, &h, sizeof(h), 0);
}

/* An IPv6 header, and a fragment's behind it where this is a piece. */
static __always_inline int write_ipv6_header(struct __sk_buff *skb, struct packet *p, __u32 payload)
{
	struct {
		__be16 type;
		struct ipv6_header ip;
		__u8 next;
		__u8 reserved;
		__be16 offset;
		__be32 id;
	} __attribute__((packed)) h = { .type = bpf_htons(ETH_P_IPV6) };
	__u32 pieces = in_pieces(p);

	h.ip.version_class_flow = bpf_htonl(0x60000000 | (__u32)p->traffic_class << 20);
	h.ip.payload_length = bpf_htons(payload + (pieces ? 8 : 0));
	h.ip.next = pieces ? NEXT_FRAGMENT : p->flow.protocol;
	h.ip.hop_limit = p->hop_limit - p->hops;
	h.ip.source = p->flow.source;
	h.ip.destination = p->flow.destination;
	if (!pieces)
		return bpf_skb_store_bytes(skb, ETH_HLEN - 2, &h, sizeof(h) - 8, 0);
	h.next = p->flow.protocol;
	h.offset = bpf_htons((p->fragment & IP_OFFSET) << 3 | (p->fragment & IP_MF ? 1 : 0));
	h.id = p->came_ipv6 ? p->fragment_id : bpf_htonl(bpf_ntohs(p->fragment_id));
	return bpf_skb_store_bytes(skb, ETH_HLEN - 2, &h, sizeof(h), 0);
}

/* Computes the checksum of a whole UDP packet that came without one: over IPv6 it must have one. */
static __always_inline int give_checksum(struct __sk_buff *skb, struct packet *p, __u32 payload)
{
	__u32 at = ETH_HLEN + sizeof(struct ipv6_header);
	const __u16 *words = (const void *)&p->flow.source;
	__u64 pseudo = bpf_htons(IPPROTO_UDP) + bpf_htons(payload);
	__u16 checksum;
	__s64 sum;
	int i;

	for (i = 0; i < 16; i++)
		pseudo += words[i];
	sum = sum_bytes(skb, p, at, payload, fold(pseudo));
	if (sum < 0)
		return -1;
	checksum = ~fold(sum);
	if (!checksum)
		checksum = 0xffff;
	return bpf_skb_store_bytes(skb, at + 6, &checksum, 2, 0);
}

/* Room for the headers to be: `more` bytes behind the IP header, besides what the families' differ by. */
static __always_inline int reshape(struct __sk_buff *skb, struct packet *p, __s32 more)
{
	int from6 = p->came_ipv6, to6 = p->is_ipv6;

	if (from6 && !to6 && more &&
	    bpf_skb_adjust_room(skb, more, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO))
		return -1;
	if (from6 != to6 &&
	    bpf_skb_change_proto(skb, to6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP), 0))
		return -1;
	return to6 && more &&
	       bpf_skb_adjust_room(skb, more, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/* The whole packet, but for its MAC addresses. Not 0 on failure. */
__noinline int nat64_write(struct __sk_buff *skb, struct packet *p)
{
	__u32 payload, at;
	__s32 more = 0;

	if (!p)
		return -1;
	payload = p->total_length - p->header_length;
	if (p->is_icmp_error) {
		if (translate_error(skb, p))
			return -1;
		more = p->is_ipv6 ? 20 : -20;
		payload += more;
	} else if (p->is_later_fragment) {
		;
	} else if (p->flow.icmp ? write_query(skb, p) : write_ports(skb, p)) {
		return -1;
	}
	more += (__s32)base_header(p->came_ipv6) - (__s32)p->header_length;
	if (p->is_ipv6 && in_pieces(p))
		more += 8;
	if (reshape(skb, p, more))
		return -1;
	if (p->is_ipv6 ? write_ipv6_header(skb, p, payload) : write_ipv4_header(skb, p, payload))
		return -1;
	at = ETH_HLEN + base_header(p->is_ipv6);
	if (p->is_icmp_error) {
		const struct nat64_errors *e = (const void *)p->buffer;

		return p->is_ipv6 ? bpf_skb_store_bytes(skb, at, &e->after, 56, 0)
				  : bpf_skb_store_bytes(skb, at, &e->after, 36, 0);
	}
	if (p->is_ipv6 && p->flow.protocol == IPPROTO_UDP && !p->checksum && !in_pieces(p))
		return give_checksum(skb, p, payload);
	return 0;
}
