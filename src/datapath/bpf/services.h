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

/* SERVICES_PASS, 0 with the view translated to the alias, or a reason to drop. */
static __always_inline int services(struct packet *p)
{
	__u32 destination = bpf_ntohl(p->flow.destination);
	const struct vpc *vpc;
	int at_vpc = p->flow.destination == p->source.dns;

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
		vpc = find_vpc(p->source.vpc);
		if (!vpc || !(vpc->flags & VPC_DNS_SUPPORT))
			return DROP_dns_disabled;
	}
	if (p->flow.source != p->source.private_ip)
		return DROP_no_such_service;
	p->flow.source = bpf_htonl((at_vpc ? ALIAS_BASE_DNS : ALIAS_BASE) + p->link);
	if (at_vpc)
		p->flow.destination = bpf_htonl(DNS_IP);
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
	__u32 source = bpf_ntohl(p->flow.source);
	__u32 destination = bpf_ntohl(p->flow.destination);
	int at_vpc = WITHIN(destination, ALIAS_BASE_DNS, ALIAS_LENGTH);

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
	p->flow.destination = p->target.private_ip;
	if (at_vpc)
		p->flow.source = p->target.dns;
	if (source == METADATA_IP && limit_hops(skb, p))
		return DROP_malformed;
	return 0;
}
