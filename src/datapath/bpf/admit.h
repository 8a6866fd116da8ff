/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage admit: is this the interface that the link says it is, with its own addresses? And ARP, which ends here.
 *
 * The VPC is routed, so every neighbour of an instance is the router: an ARP request for any address but the
 * interface's own is answered with ROUTER_MAC. A probe for the own address stays unanswered (RFC 5227: it is free).
 */
#pragma once

#include "count.h"
#include "interface.h"
#include "internet_gateway.h"
#include "parse.h"

static __always_inline int from_a_group_address(const __u8 *mac)
{
	return mac[0] & 1;
}

static __always_inline int is_broadcast_mac(const __u8 *mac)
{
	return *(__u16 *)mac == 0xffff && *(__u16 *)(mac + 2) == 0xffff &&
	       *(__u16 *)(mac + 4) == 0xffff;
}

/* Present, up, and the frame carries its MAC address. Fills p->source. */
static __always_inline int admit_interface(struct packet *p)
{
	if (!read_interface(p->link, &p->source))
		return DROP_unknown_interface;
	if (!(p->source.flags & INTERFACE_UP))
		return DROP_interface_down;
	if (!same_mac(p->source_mac, p->source.mac))
		return DROP_spoofed_mac;
	return 0;
}

/* IPv6 is for subnets that have a block of it. */
static __always_inline int offers_ipv6(const struct packet *p)
{
	const struct subnet *subnet = find_subnet(p->source.subnet);

	if (!subnet)
		return DROP_tables_incomplete;
	return subnet->ipv6_length ? 0 : DROP_ipv6_not_offered;
}

static __always_inline int admit_ipv6(struct packet *p)
{
	const struct subnet *subnet;
	int reason = offers_ipv6(p);

	if (reason)
		return reason;
	p->own_source = owns_address(&p->source, p->link, &p->flow.source);
	if (!p->own_source && p->source.flags & INTERFACE_SOURCE_DEST_CHECK)
		return DROP_spoofed_source;
	if (is_multicast_ipv6(&p->flow.destination))
		return DROP_multicast;
	if (from_a_group_address(p->destination_mac))
		return is_broadcast_mac(p->destination_mac) ? DROP_broadcast : DROP_multicast;
	subnet = find_subnet(p->source.subnet);
	if (!subnet)
		return DROP_tables_incomplete;
	p->same_subnet = in_subnet(subnet, &p->flow.destination);
	return 0;
}

__noinline int admit(struct packet *p)
{
	const struct subnet *subnet;
	__u32 destination;
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	reason = admit_interface(p);
	if (reason)
		return reason;
	if (p->is_ipv6)
		return admit_ipv6(p);
	p->own_source = owns_address(&p->source, p->link, &p->flow.source);
	if (!p->own_source && p->source.flags & INTERFACE_SOURCE_DEST_CHECK)
		return DROP_spoofed_source;
	destination = bpf_ntohl(V4(p->flow.destination));
	if (WITHIN(destination, 0xe0000000, 4))
		return DROP_multicast;
	if (destination == 0xffffffff)
		return DROP_broadcast;
	subnet = find_subnet(p->source.subnet);
	if (!subnet || subnet->length > 32)
		return DROP_tables_incomplete;
	p->same_subnet = in_subnet(subnet, &p->flow.destination);
	if (p->same_subnet && (destination | subnet_mask(subnet)) == 0xffffffff)
		return DROP_broadcast;
	if (from_a_group_address(p->destination_mac))
		return is_broadcast_mac(p->destination_mac) ? DROP_broadcast : DROP_multicast;
	return 0;
}

/* Turns an ARP request in place into the answer that `ip` is at `mac`. */
static __always_inline int answer_arp(struct __sk_buff *skb, const struct arp_header *request,
				      const __u8 *mac)
{
	struct {
		__u8 destination[6];
		__u8 source[6];
		__be16 type;
		struct arp_header arp;
	} __attribute__((packed)) answer = { .type = bpf_htons(ETH_P_ARP) };

	__builtin_memcpy(answer.destination, request->sender_mac, 6);
	__builtin_memcpy(answer.source, mac, 6);
	answer.arp = *request;
	answer.arp.operation = bpf_htons(2);
	__builtin_memcpy(answer.arp.sender_mac, mac, 6);
	__builtin_memcpy(answer.arp.sender_ip, request->target_ip, 4);
	__builtin_memcpy(answer.arp.target_mac, request->sender_mac, 6);
	__builtin_memcpy(answer.arp.target_ip, request->sender_ip, 4);
	return bpf_skb_store_bytes(skb, 0, &answer, sizeof(answer), 0);
}

static __always_inline int absorb(struct __sk_buff *skb)
{
	report(skb, VERDICT_ABSORB, 0, 0);
	return TC_ACT_SHOT;
}

/* A well-formed request, Ethernet and IPv4, whose sender's hardware address is the frame's. */
static __always_inline int read_arp_request(struct __sk_buff *skb, struct packet *p,
					    struct arp_header *arp)
{
	__u8 macs[12];

	if (bpf_skb_load_bytes(skb, 0, macs, 12) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, arp, sizeof(*arp)))
		return DROP_malformed;
	if (arp->hardware != bpf_htons(1) || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->hardware_length != 6 || arp->protocol_length != 4)
		return DROP_malformed;
	__builtin_memcpy(p->source_mac, macs + 6, 6);
	return 0;
}

static __always_inline __be32 load_ip(const __u8 *bytes)
{
	__be32 ip;

	__builtin_memcpy(&ip, bytes, 4);
	return ip;
}

/* Turns the request around, or counts it as malformed. */
static __always_inline int send_arp_answer(struct __sk_buff *skb, struct packet *p,
					   const struct arp_header *request, const __u8 *mac,
					   __u32 link)
{
	if (answer_arp(skb, request, mac))
		return drop_packet(skb, p, DROP_malformed);
	report(skb, VERDICT_ARP, 0, link);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(link, 0);
}

/* ARP from an instance. Always final: an answer, silence, or a counted drop. */
static __noinline int arp_from_eni(struct __sk_buff *skb, struct packet *p)
{
	struct arp_header arp;
	__be32 sender, target;
	int reason;

	if (!p)
		return TC_ACT_SHOT;
	reason = read_arp_request(skb, p, &arp);
	if (!reason)
		reason = admit_interface(p);
	if (!reason && !same_mac(arp.sender_mac, p->source.mac))
		reason = DROP_spoofed_mac;
	if (reason)
		return drop_packet(skb, p, reason);
	sender = load_ip(arp.sender_ip);
	target = load_ip(arp.target_ip);
	if (sender && !owns_ipv4(&p->source, p->link, sender) &&
	    p->source.flags & INTERFACE_SOURCE_DEST_CHECK)
		return drop_packet(skb, p, DROP_spoofed_source);
	if (arp.operation != bpf_htons(1) || sender == target ||
	    owns_ipv4(&p->source, p->link, target))
		return absorb(skb);
	return send_arp_answer(skb, p, &arp, router_mac, p->link);
}

/* ARP from the internet's side: the gateway answers for the addresses of its pools. */
static __noinline int arp_from_uplink(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();
	struct arp_header arp;

	if (!p || !s)
		return TC_ACT_SHOT;
	if (read_arp_request(skb, p, &arp))
		return drop_packet(skb, p, DROP_malformed);
	if (arp.operation != bpf_htons(1) || pool_index(s, load_ip(arp.target_ip)) == NO_POOL)
		return absorb(skb);
	return send_arp_answer(skb, p, &arp, s->uplink_mac, s->uplink);
}

/* ARP from the services: every alias is behind this link. */
static __noinline int arp_from_services(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();
	struct arp_header arp;

	if (!p || !s)
		return TC_ACT_SHOT;
	if (read_arp_request(skb, p, &arp))
		return drop_packet(skb, p, DROP_malformed);
	if (arp.operation != bpf_htons(1) || load_ip(arp.target_ip) == load_ip(arp.sender_ip))
		return absorb(skb);
	return send_arp_answer(skb, p, &arp, s->services_mac, s->services);
}
