/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bytes to a view. Drops what no router would forward: wrong lengths or header checksum, addresses that never
 * appear on a wire (0.0.0.0/8, 127.0.0.0/8; multicast and 240.0.0.0/4 as a source), fragments made to
 * overwrite a transport header (RFC 1858, RFC 3128), a TTL of 0, and source routes, which would lead past the tables.
 * What follows the packet in its frame is cut off, but for Ethernet's padding.
 *
 * IPv6 has its beginning in ipv6_parse.h. Ports of an ICMP query stand for the exchange: both are the identifier. An ICMP error has none.
 */
#pragma once

#include "ipv6_parse.h"
#include "packet.h"

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* ICMPv6 says it with the first bit (RFC 4443, section 2.1). */
static __always_inline int is_icmp_error(const struct flow *flow)
{
	__u8 type = flow->type;

	if (flow->icmp == ICMP_V6)
		return type < 128;
	return flow->icmp && (type == 3 || type == 4 || type == 11 || type == 12);
}

/* ICMP queries and their answers carry an identifier: echo, timestamp, information, address mask; of ICMPv6 echo. */
static __always_inline int is_icmp_query(const struct flow *flow)
{
	__u8 type = flow->type;

	if (flow->icmp == ICMP_V6)
		return type == 128 || type == 129;
	return flow->icmp && (type == 0 || type == 8 || (type >= 13 && type <= 18));
}

/* The transport's part of a flow, from the first bytes of its header. */
static __always_inline void read_ports(struct flow *flow, const __u8 *l4)
{
	if (flow->icmp) {
		const struct icmp_header *icmp = (const void *)l4;

		flow->type = icmp->type;
		flow->code = icmp->code;
		if (is_icmp_query(flow))
			flow->source_port = flow->destination_port = bpf_ntohs(icmp->id);
	} else if (flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP) {
		const struct tcp_header *tcp = (const void *)l4;

		flow->source_port = bpf_ntohs(tcp->source);
		flow->destination_port = bpf_ntohs(tcp->destination);
	}
	flow->has_ports = 1;
}

/* The packet inside an ICMP error, as far as it is there. An error whose content is nonsense has no inner packet. */
static __always_inline void parse_inner(struct __sk_buff *skb, struct packet *p)
{
	struct ip_header *ip = (void *)p->buffer;
	__u32 at = p->l4 + sizeof(struct icmp_header);
	__u32 header;

	if (p->header_length + sizeof(struct icmp_header) + sizeof(*ip) > p->total_length)
		return;
	if (bpf_skb_load_bytes(skb, at, ip, sizeof(*ip)))
		return;
	header = (ip->version_ihl & 15) * 4;
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip))
		return;
	p->inner_ip = at;
	map_ipv4(&p->inner.source, ip->source);
	map_ipv4(&p->inner.destination, ip->destination);
	p->inner.protocol = ip->protocol;
	p->inner.icmp = ip->protocol == IPPROTO_ICMP ? ICMP_V4 : ICMP_NONE;
	if (ip->fragment & bpf_htons(IP_OFFSET))
		return;
	if (at - ETH_HLEN + header + 8 > p->total_length)
		return;
	if (bpf_skb_load_bytes(skb, at + header, p->buffer, 8))
		return;
	p->inner_l4 = at + header;
	read_ports(&p->inner, p->buffer);
}

/*
 * The same of IPv6. What the packet inside has in extension headers is not looked through: it has no ports then, and an error
 * about it passes by a rule or not at all.
 */
static __always_inline void parse_inner_ipv6(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6_header *ip = (void *)p->buffer;
	__u32 at = p->l4 + sizeof(struct icmp_header);

	if (p->header_length + sizeof(struct icmp_header) + sizeof(*ip) > p->total_length)
		return;
	if (bpf_skb_load_bytes(skb, at, ip, sizeof(*ip)) || p->buffer[0] >> 4 != 6)
		return;
	p->inner_ip = at;
	p->inner.source = ip->source;
	p->inner.destination = ip->destination;
	p->inner.protocol = ip->next;
	p->inner.icmp = ip->next == IPPROTO_ICMPV6 ? ICMP_V6 : ICMP_NONE;
	if (is_extension(ip->next) || at - ETH_HLEN + sizeof(*ip) + 8 > p->total_length)
		return;
	if (bpf_skb_load_bytes(skb, at + sizeof(*ip), p->buffer, 8))
		return;
	p->inner_l4 = at + sizeof(*ip);
	read_ports(&p->inner, p->buffer);
}

/* Whether the checksum of a header without options is right. */
static __always_inline int header_sum_is_right(const struct ip_header *ip)
{
	const __u16 *words = (const void *)ip;
	__u32 sum = 0;
	int i;

	for (i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

static __always_inline int bad_header_checksum(struct __sk_buff *skb, struct packet *p)
{
	__u64 *buffer = (__u64 *)p->buffer;
	__u32 length = p->header_length & 63;
	__s64 sum;
	int i;

	if (p->header_length == sizeof(struct ip_header))
		return !header_sum_is_right(&p->ip);
	for (i = 0; i < 8; i++)
		buffer[i] = 0;
	if (length < sizeof(struct ip_header) || bpf_skb_load_bytes(skb, ETH_HLEN, buffer, length))
		return 1;
	sum = bpf_csum_diff(0, 0, (void *)buffer, 64, 0);
	return sum < 0 || fold(sum) != 0xffff;
}

#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_LOOSE_ROUTE 131
#define OPTION_STRICT_ROUTE 137

/* Whether one of the header's options, which are in the buffer, is cut short or a source route (RFC 791, section 3.1). */
__noinline int bad_options(const struct packet *p)
{
	__u32 i, next = sizeof(struct ip_header), header;

	if (!p)
		return 1;
	header = p->header_length;
	for (i = sizeof(struct ip_header); i < 60; i++) {
		__u8 type = p->buffer[i], length = p->buffer[i + 1];

		if (i >= header)
			break;
		if (i != next)
			continue;
		if (type == OPTION_END)
			return 0;
		if (type == OPTION_NOTHING)
			length = 1;
		else if (type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE ||
			 i + 1 >= header || length < 2)
			return 1;
		next = i + length;
	}
	return next > header;
}

#define ETHERNET_LEAST 60

/* A frame that is longer than its packet, and than Ethernet's padding makes it. */
static __always_inline int has_tail(struct __sk_buff *skb, __u32 total_length)
{
	return skb->len > ETH_HLEN + total_length && skb->len > ETHERNET_LEAST;
}

static __always_inline int cut_tail(struct __sk_buff *skb, __u32 total_length)
{
	__u32 length = ETH_HLEN + total_length;

	return bpf_skb_change_tail(skb, length < ETHERNET_LEAST ? ETHERNET_LEAST : length, 0);
}

/* Addresses in host order. */
static __always_inline int never_on_a_wire(__u32 source, __u32 destination)
{
	return WITHIN(source, 0x00000000, 8) || WITHIN(source, 0x7f000000, 8) ||
	       source >= 0xe0000000 || WITHIN(destination, 0x00000000, 8) ||
	       WITHIN(destination, 0x7f000000, 8);
}

/* The transport header, or a reason to drop. */
static __noinline int parse_transport(struct __sk_buff *skb, struct packet *p)
{
	__u32 payload, offset;
	__u8 protocol;

	if (!p)
		return DROP_tables_incomplete;
	payload = p->total_length - p->header_length;
	offset = (p->fragment & IP_OFFSET) * 8;
	protocol = p->flow.protocol;
	if (offset + (p->is_ipv6 ? payload : p->total_length) > 65535)
		return DROP_malformed;
	if (offset) {
		if (protocol == IPPROTO_TCP && offset == 8)
			return DROP_malformed;
		p->is_later_fragment = 1;
		return 0;
	}
	if (protocol == IPPROTO_TCP) {
		struct tcp_header *tcp = (void *)p->buffer;

		if (payload < sizeof(*tcp) || bpf_skb_load_bytes(skb, p->l4, tcp, sizeof(*tcp)))
			return DROP_malformed;
		if ((tcp->offset >> 4) < 5)
			return DROP_malformed;
		p->tcp_flags = tcp->flags;
		p->checksum = tcp->checksum;
	} else if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE || p->flow.icmp) {
		if (payload < 8 || bpf_skb_load_bytes(skb, p->l4, p->buffer, 8))
			return DROP_malformed;
		p->checksum = ((const __u16 *)p->buffer)[p->flow.icmp ? 1 : 3];
	}
	read_ports(&p->flow, p->buffer);
	if (is_icmp_error(&p->flow)) {
		p->is_icmp_error = 1;
		if (p->is_ipv6)
			parse_inner_ipv6(skb, p);
		else
			parse_inner(skb, p);
		p->inner_arrived = p->inner;
	}
	p->arrived = p->flow;
	return 0;
}

static __noinline int parse_ipv4(struct __sk_buff *skb, struct packet *p)
{
	void *data, *end;
	struct ip_header *ip;

	if (!p)
		return DROP_tables_incomplete;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (data + ETH_HLEN + sizeof(*ip) > end) {
		if (bpf_skb_pull_data(skb, ETH_HLEN + sizeof(*ip)))
			return DROP_malformed;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		if (data + ETH_HLEN + sizeof(*ip) > end)
			return DROP_malformed;
	}
	__builtin_memcpy(p->destination_mac, data, 6);
	__builtin_memcpy(p->source_mac, data + 6, 6);
	ip = data + ETH_HLEN;
	p->ip = *ip;
	p->header_length = (ip->version_ihl & 15) * 4;
	p->total_length = bpf_ntohs(ip->total_length);
	p->fragment = bpf_ntohs(ip->fragment);
	if (ip->version_ihl >> 4 != 4 || p->header_length < sizeof(*ip) ||
	    p->total_length < p->header_length || p->total_length + ETH_HLEN > skb->len)
		return DROP_malformed;
	p->l4 = ETH_HLEN + p->header_length;
	p->fragment_id = p->ip.id;
	p->hop_limit = p->ip.ttl;
	p->traffic_class = p->ip.tos;
	map_ipv4(&p->flow.source, p->ip.source);
	map_ipv4(&p->flow.destination, p->ip.destination);
	p->flow.protocol = p->ip.protocol;
	p->flow.icmp = p->ip.protocol == IPPROTO_ICMP ? ICMP_V4 : ICMP_NONE;
	p->arrived = p->flow;
	if (bad_header_checksum(skb, p) || !p->ip.ttl)
		return DROP_malformed;
	if (p->header_length > sizeof(struct ip_header) && bad_options(p))
		return DROP_malformed;
	if (never_on_a_wire(bpf_ntohl(p->ip.source), bpf_ntohl(p->ip.destination)))
		return DROP_malformed;
	return 0;
}

/* Stage parse. ARP never comes here (see arp in admit.h). */
static __noinline int parse(struct __sk_buff *skb, struct packet *p)
{
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	if (skb->vlan_present)
		return DROP_not_ip;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		reason = parse_ipv6(skb, p);
	else if (skb->protocol == bpf_htons(ETH_P_IP))
		reason = parse_ipv4(skb, p);
	else
		return DROP_not_ip;
	if (reason)
		return reason;
	/* A frame that a device is to cut has nothing behind its packet, unless somebody put it there. */
	if (has_tail(skb, p->total_length) && (skb->gso_size || cut_tail(skb, p->total_length)))
		return DROP_malformed;
	reason = parse_transport(skb, p);
	if (!reason && p->is_ipv6 && has_wrong_ipv6_ends(p))
		return DROP_malformed;
	return reason;
}
