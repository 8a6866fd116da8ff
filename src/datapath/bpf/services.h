/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage services: the metadata service (169.254.169.254, TCP 80), DNS (169.254.169.253 and the VPC's +2
 * address, 53) and time (169.254.169.123, UDP 123). They are reached past route tables, security groups and network
 * ACLs, as on AWS, and by so many packets of an interface in a second.
 *
 * VPCs' ranges overlap, so an instance's address identifies nobody. On the way to the services the source becomes
 * an address that stands for the interface and for which of its first 31 addresses asked: one of 240.0.0.0/6, made of the
 * slot, the place among them, and a bit for DNS that was asked at the +2 address (whose destination becomes
 * 169.254.169.253). The way back undoes it. The range never leaves this link.
 */
#pragma once

#include "allowance.h"
#include "interface.h"
#include "translate.h"

#define METADATA_IP 0xa9fea9feU /* 169.254.169.254 */
#define DNS_IP 0xa9fea9fdU /* 169.254.169.253 */
#define TIME_IP 0xa9fea97bU /* 169.254.169.123 */
#define ALIAS_DNS (1U << ALIAS_DNS_BIT)
#define ALIAS_LENGTH (32 - 1 - ALIAS_DNS_BIT)

#define SERVICES_PASS (-1) /* not for a service: the next stage's */

static __always_inline int is_dns_port(const struct flow *flow)
{
	return (flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP) &&
	       flow->destination_port == 53;
}

enum service { SERVICE_METADATA, SERVICE_DNS, SERVICE_TIME };

/* Why the service does not take the packet; 0: it does. */
static __always_inline int refused_by(const struct packet *p, enum service service)
{
	const struct vpc *vpc;

	if (service == SERVICE_TIME)
		return p->flow.protocol == IPPROTO_UDP && p->flow.destination_port == 123
			       ? 0
			       : DROP_no_such_service;
	if (service == SERVICE_METADATA) {
		if (p->flow.protocol != IPPROTO_TCP || p->flow.destination_port != 80)
			return DROP_no_such_service;
		if (!(p->source.flags & INTERFACE_METADATA) ||
		    (p->is_ipv6 && !(p->source.flags & INTERFACE_METADATA_IPV6)))
			return DROP_metadata_disabled;
		return 0;
	}
	if (!is_dns_port(&p->flow))
		return DROP_no_such_service;
	vpc = find_vpc(p->source.vpc);
	return vpc && vpc->flags & VPC_DNS_SUPPORT ? 0 : DROP_dns_disabled;
}

#define NO_PLACE 0xffffffffU

/* Which of the interface's addresses sends, 0 the primary one; NO_PLACE: none that is answered. */
static __noinline __u32 asking_place(struct packet *p)
{
	struct asking_addresses_key key = {};
	const struct asking_addresses *row;
	__u32 i;

	if (!p)
		return NO_PLACE;
	if (p->is_ipv6 ? same_address(&p->flow.source, &p->source.ipv6)
		       : V4(p->flow.source) == p->source.private_ip)
		return 0;
	key.interface = p->link;
	key.ipv6 = p->is_ipv6;
	row = bpf_map_lookup_elem(&asking_addresses, &key);
	if (!row)
		return NO_PLACE;
#pragma clang loop unroll(disable)
	for (i = 1; i < MAX_ASKING_ADDRESSES; i++)
		if (same_address(&p->flow.source, &row->addresses[i & (MAX_ASKING_ADDRESSES - 1)]))
			return i;
	return NO_PLACE;
}

/* The address of p->target that is at a place, into the view's destination: 0, or a reason to drop. */
static __noinline int to_asking_place(struct packet *p, __u32 place)
{
	struct asking_addresses_key key = {};
	const struct asking_addresses *row;

	if (!p)
		return DROP_tables_incomplete;
	if (!place) {
		if (p->is_ipv6)
			p->flow.destination = p->target.ipv6;
		else
			V4(p->flow.destination) = p->target.private_ip;
		return 0;
	}
	key.interface = p->target_slot;
	key.ipv6 = p->is_ipv6;
	row = bpf_map_lookup_elem(&asking_addresses, &key);
	if (!row)
		return DROP_no_such_service;
	p->flow.destination = row->addresses[place & (MAX_ASKING_ADDRESSES - 1)];
	return is_unspecified(&p->flow.destination) ? DROP_no_such_service : 0;
}

/* fd00:ec2::/32, where AWS has these services for IPv6. What stands for an interface there: ALIAS_IPV6, 0, the place, the slot. */
#define SERVICES_IPV6 0xfd000ec2U

static __always_inline int ends_in(const union address_bytes *a, __u32 first, __u32 last)
{
	return a->word[0] == bpf_htonl(first) && !a->word[1] && !a->word[2] &&
	       a->word[3] == bpf_htonl(last);
}

/* The same for IPv6, at fd00:ec2::254, fd00:ec2::253 and fd00:ec2::123. */
static __noinline int services_ipv6(struct __sk_buff *skb, struct packet *p)
{
	const union address_bytes *to;
	enum service service;
	__u32 place;
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	to = &p->flow.destination;
	if (is_link_local(to) || is_link_local(&p->flow.source))
		return DROP_link_local;
	if (to->word[0] != bpf_htonl(SERVICES_IPV6))
		return SERVICES_PASS;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	if (ends_in(to, SERVICES_IPV6, 0x254))
		service = SERVICE_METADATA;
	else if (ends_in(to, SERVICES_IPV6, 0x253))
		service = SERVICE_DNS;
	else if (ends_in(to, SERVICES_IPV6, 0x123))
		service = SERVICE_TIME;
	else
		return DROP_no_such_service;
	reason = refused_by(p, service);
	if (reason)
		return reason;
	place = asking_place(p);
	if (place == NO_PLACE || p->fragment & (IP_MF | IP_OFFSET))
		return DROP_no_such_service;
	reason = over_allowance(skb, p);
	if (reason)
		return reason;
	p->flow.source.word[0] = bpf_htonl(ALIAS_IPV6);
	p->flow.source.word[1] = 0;
	p->flow.source.word[2] = bpf_htonl(place);
	p->flow.source.word[3] = bpf_htonl(p->link);
	return 0;
}

/* SERVICES_PASS, 0 with the view translated to the alias, or a reason to drop. */
static __noinline int services(struct __sk_buff *skb, struct packet *p)
{
	const struct vpc *vpc;
	__u32 destination, place;
	int at_vpc, reason;

	if (!p)
		return DROP_tables_incomplete;
	destination = bpf_ntohl(V4(p->flow.destination));
	vpc = find_vpc(p->source.vpc);
	at_vpc = vpc && vpc->dns && V4(p->flow.destination) == vpc->dns;
	if (!at_vpc && !WITHIN(destination, 0xa9fe0000, 16))
		return SERVICES_PASS;
	if (!at_vpc && destination != METADATA_IP && destination != DNS_IP &&
	    destination != TIME_IP)
		return DROP_link_local;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	reason = refused_by(p, at_vpc || destination == DNS_IP ? SERVICE_DNS
			       : destination == TIME_IP	       ? SERVICE_TIME
							       : SERVICE_METADATA);
	if (reason)
		return reason;
	place = asking_place(p);
	if (place == NO_PLACE)
		return DROP_no_such_service;
	if (p->link >> ALIAS_SLOT_BITS)
		return DROP_tables_incomplete;
	reason = over_allowance(skb, p);
	if (reason)
		return reason;
	V4(p->flow.source) = bpf_htonl(ALIAS_BASE | (at_vpc ? ALIAS_DNS : 0) |
				       place << ALIAS_SLOT_BITS | p->link);
	if (at_vpc)
		V4(p->flow.destination) = bpf_htonl(DNS_IP);
	return 0;
}

/* An answer of a service: 0 with the view translated back and p->target filled, or a reason to drop. */
static __always_inline int services_back(struct __sk_buff *skb, struct packet *p)
{
	__u32 source = bpf_ntohl(V4(p->flow.source));
	__u32 destination = bpf_ntohl(V4(p->flow.destination));
	int at_vpc = (destination & ALIAS_DNS) != 0;
	const struct vpc *vpc;
	int reason;

	if (source != METADATA_IP && source != DNS_IP && source != TIME_IP)
		return DROP_no_such_service;
	if (!WITHIN(destination, ALIAS_BASE, ALIAS_LENGTH) || (at_vpc && source != DNS_IP))
		return DROP_no_such_service;
	p->target_slot = destination & ((1U << ALIAS_SLOT_BITS) - 1);
	if (!read_interface(p->target_slot, &p->target))
		return DROP_unknown_interface;
	p->charge = p->target_slot;
	reason =
		to_asking_place(p, destination >> ALIAS_SLOT_BITS & ((1U << ALIAS_PLACE_BITS) - 1));
	if (reason)
		return reason;
	if (at_vpc) {
		vpc = find_vpc(p->target.vpc);
		if (!vpc || !vpc->dns)
			return DROP_tables_incomplete;
		V4(p->flow.source) = vpc->dns;
	}
	/* The metadata service's answers go as far as the instance's metadata options let them. */
	if (source == METADATA_IP && write_ttl(skb, p->target.hop_limit))
		return DROP_malformed;
	return 0;
}

/* The same for IPv6, of whole packets with a transport's checksum. */
static __always_inline int services_back_ipv6(struct __sk_buff *skb, struct packet *p)
{
	const union address_bytes *from = &p->flow.source;
	int metadata = ends_in(from, SERVICES_IPV6, 0x254);
	const struct interface *eni = &p->target;
	__u32 place;
	int reason;

	if (!metadata && !ends_in(from, SERVICES_IPV6, 0x253) &&
	    !ends_in(from, SERVICES_IPV6, 0x123))
		return DROP_no_such_service;
	if (!checksum_offset(p->flow.protocol) || p->fragment & (IP_MF | IP_OFFSET))
		return DROP_no_such_service;
	place = bpf_ntohl(p->flow.destination.word[2]);
	if (p->flow.destination.word[0] != bpf_htonl(ALIAS_IPV6) || p->flow.destination.word[1] ||
	    place >> ALIAS_PLACE_BITS)
		return DROP_no_such_service;
	p->target_slot = bpf_ntohl(p->flow.destination.word[3]);
	if (!read_interface(p->target_slot, &p->target))
		return DROP_unknown_interface;
	p->charge = p->target_slot;
	reason = to_asking_place(p, place);
	if (reason)
		return reason;
	if (metadata && bpf_skb_store_bytes(skb, ETH_HLEN + 7, &eni->hop_limit, 1, 0))
		return DROP_malformed;
	return 0;
}
