/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage services: the metadata service (169.254.169.254, TCP 80) and DNS (169.254.169.253 and the VPC's +2
 * address, 53). They are reached past route tables, security groups and network ACLs, as on AWS.
 *
 * VPCs' ranges overlap, so an instance's address identifies nobody. On the way to the services the source becomes
 * an address that stands for the interface: 100.64.0.0 + slot, or 100.96.0.0 + slot when DNS was asked at the +2
 * address (whose destination becomes 169.254.169.253). The way back undoes it. Both ranges never leave this link.
 */
#pragma once

#include "interface.h"
#include "translate.h"

#define METADATA_IP 0xa9fea9feU /* 169.254.169.254 */
#define DNS_IP 0xa9fea9fdU	/* 169.254.169.253 */
#define ALIAS_BASE 0x64400000U	/* 100.64.0.0/11 */
#define ALIAS_BASE_DNS 0x64600000U /* 100.96.0.0/11 */
#define ALIAS_LENGTH 11

#define SERVICES_PASS (-1) /* not for a service: the next stage's */

static __always_inline int is_dns_port(const struct flow *flow)
{
	return (flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP) && flow->destination_port == 53;
}

/* fd00:ec2::/32, where AWS has these services for IPv6; and what stands for an interface there: fd00:6b67:: + slot. */
#define SERVICES_IPV6 0xfd000ec2U
#define ALIAS_IPV6 0xfd006b67U

static __always_inline int ends_in(const union address_bytes *a, __u32 first, __u32 last)
{
	return a->word[0] == bpf_htonl(first) && !a->word[1] && !a->word[2] && a->word[3] == bpf_htonl(last);
}

/* The same for IPv6, at fd00:ec2::254 and fd00:ec2::253. */
static __always_inline int services_ipv6(struct packet *p)
{
	const union address_bytes *to = &p->flow.destination;
	const struct vpc *vpc;

	if (is_link_local(to) || is_link_local(&p->flow.source))
		return DROP_link_local;
	if (to->word[0] != bpf_htonl(SERVICES_IPV6))
		return SERVICES_PASS;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	if (ends_in(to, SERVICES_IPV6, 0x254)) {
		if (p->flow.protocol != IPPROTO_TCP || p->flow.destination_port != 80)
			return DROP_no_such_service;
		if (!(p->source.flags & INTERFACE_METADATA) || !(p->source.flags & INTERFACE_METADATA_IPV6))
			return DROP_metadata_disabled;
	} else {
		if (!ends_in(to, SERVICES_IPV6, 0x253) || !is_dns_port(&p->flow))
			return DROP_no_such_service;
		vpc = find_vpc(p->source.vpc);
		if (!vpc || !(vpc->flags & VPC_DNS_SUPPORT))
			return DROP_dns_disabled;
	}
	if (!same_address(&p->flow.source, (const union address_bytes *)p->source.ipv6) || p->fragment & (IP_MF | IP_OFFSET))
		return DROP_no_such_service;
	p->flow.source.word[0] = bpf_htonl(ALIAS_IPV6);
	p->flow.source.word[1] = 0;
	p->flow.source.word[2] = 0;
	p->flow.source.word[3] = bpf_htonl(p->link);
	return 0;
}

/* SERVICES_PASS, 0 with the view translated to the alias, or a reason to drop. */
static __always_inline int services(struct packet *p)
{
	__u32 destination = bpf_ntohl(V4(p->flow.destination));
	const struct vpc *vpc = find_vpc(p->source.vpc);
	int at_vpc = vpc && vpc->dns && V4(p->flow.destination) == vpc->dns;

	if (!at_vpc && !WITHIN(destination, 0xa9fe0000, 16))
		return SERVICES_PASS;
	if (!at_vpc && destination != METADATA_IP && destination != DNS_IP)
		return DROP_link_local;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	if (destination == METADATA_IP) {
		if (p->flow.protocol != IPPROTO_TCP || p->flow.destination_port != 80)
			return DROP_no_such_service;
		if (!(p->source.flags & INTERFACE_METADATA))
			return DROP_metadata_disabled;
	} else {
		if (!is_dns_port(&p->flow))
			return DROP_no_such_service;
		if (!vpc || !(vpc->flags & VPC_DNS_SUPPORT))
			return DROP_dns_disabled;
	}
	if (V4(p->flow.source) != p->source.private_ip)
		return DROP_no_such_service;
	V4(p->flow.source) = bpf_htonl((at_vpc ? ALIAS_BASE_DNS : ALIAS_BASE) + p->link);
	if (at_vpc)
		V4(p->flow.destination) = bpf_htonl(DNS_IP);
	return 0;
}

/* The metadata service's answers go as far as the instance's metadata options let them: their TTL is the hop limit. */
static __always_inline int limit_hops(struct __sk_buff *skb, struct packet *p)
{
	__u16 before, after;

	if (bpf_skb_load_bytes(skb, ETH_HLEN + 8, &before, 2))
		return -1;
	after = (before & bpf_htons(0x00ff)) | bpf_htons((__u16)p->target.hop_limit << 8);
	if (bpf_l3_csum_replace(skb, ETH_HLEN + 10, before, after, 2))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN + 8, &after, 2, 0);
}

/* An answer of a service: 0 with the view translated back and p->target filled, or a reason to drop. */
static __always_inline int services_back(struct __sk_buff *skb, struct packet *p)
{
	__u32 source = bpf_ntohl(V4(p->flow.source));
	__u32 destination = bpf_ntohl(V4(p->flow.destination));
	int at_vpc = WITHIN(destination, ALIAS_BASE_DNS, ALIAS_LENGTH);
	const struct vpc *vpc;

	if (source != METADATA_IP && source != DNS_IP)
		return DROP_no_such_service;
	if (!at_vpc && !WITHIN(destination, ALIAS_BASE, ALIAS_LENGTH))
		return DROP_no_such_service;
	if (at_vpc && source != DNS_IP)
		return DROP_no_such_service;
	p->target_slot = destination & ((1U << (32 - ALIAS_LENGTH)) - 1);
	if (!read_interface(p->target_slot, &p->target))
		return DROP_unknown_interface;
	p->charge = p->target_slot;
	V4(p->flow.destination) = p->target.private_ip;
	if (at_vpc) {
		vpc = find_vpc(p->target.vpc);
		if (!vpc || !vpc->dns)
			return DROP_tables_incomplete;
		V4(p->flow.source) = vpc->dns;
	}
	if (source == METADATA_IP && limit_hops(skb, p))
		return DROP_malformed;
	return 0;
}

/* The same for IPv6, of whole packets with a transport's checksum. */
static __always_inline int services_back_ipv6(struct __sk_buff *skb, struct packet *p)
{
	const union address_bytes *from = &p->flow.source;
	int metadata = ends_in(from, SERVICES_IPV6, 0x254);
	const struct interface *eni = &p->target;

	if (!metadata && !ends_in(from, SERVICES_IPV6, 0x253))
		return DROP_no_such_service;
	if (!checksum_offset(p->flow.protocol) || p->fragment & (IP_MF | IP_OFFSET))
		return DROP_no_such_service;
	if (p->flow.destination.word[0] != bpf_htonl(ALIAS_IPV6) || p->flow.destination.word[1] || p->flow.destination.word[2])
		return DROP_no_such_service;
	p->target_slot = bpf_ntohl(p->flow.destination.word[3]);
	if (!read_interface(p->target_slot, &p->target))
		return DROP_unknown_interface;
	p->charge = p->target_slot;
	p->flow.destination = *(const union address_bytes *)eni->ipv6;
	if (metadata && bpf_skb_store_bytes(skb, ETH_HLEN + 7, &eni->hop_limit, 1, 0))
		return DROP_malformed;
	return 0;
}
