/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * IPv6's neighbour discovery (RFC 4861), which ends here as ARP does: every neighbour of an instance is the router, so a
 * solicitation for any address but the interface's own is answered with ROUTER_MAC. Whoever looks whether an address is free
 * (RFC 4862, section 5.4) hears nothing: it is. The rest, listener reports included, needs no answer.
 */
#pragma once

#include "admit.h"

#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136
#define SOLICITATION_LENGTH 24 /* type to target */

struct advertisement {
	__u8 to[6];
	__u8 from[6];
	__be16 type;
	struct ipv6_header ip;
	struct icmp_header icmp; /* the identifier and the sequence: flags */
	union address_bytes target;
	__u8 option[8]; /* the target's link-layer address */
} __attribute__((packed));

/* The target of a well-formed solicitation, else a reason to drop; 0 with `*asked` 0: something else that needs no answer. */
static __always_inline int read_solicitation(struct __sk_buff *skb, struct packet *p,
					     union address_bytes *target, int *asked)
{
	*asked = 0;
	/* Listener reports come with a hop limit of 1. */
	if (p->flow.type < 133 || p->flow.type > 137)
		return 0;
	if (p->hop_limit != 255 || p->flow.code)
		return DROP_malformed;
	if (p->flow.type != NEIGHBOUR_SOLICITATION)
		return 0;
	if (p->total_length - p->header_length < SOLICITATION_LENGTH ||
	    bpf_skb_load_bytes(skb, p->l4 + 8, target, 16))
		return DROP_malformed;
	if (target->bytes[0] == 0xff)
		return DROP_malformed;
	*asked = !is_unspecified(&p->flow.source) && !same_address(target, &p->flow.source);
	return 0;
}

/* Turns the packet into the advertisement that `target` is at `mac`, and sends it back. */
static __noinline int advertise(struct __sk_buff *skb, struct packet *p,
				const union address_bytes *target, __u32 link)
{
	const struct settings *s = get_settings();
	struct advertisement *a;
	const __u16 *words;
	const __u8 *mac;
	__u64 sum;
	int i;

	if (!p || !s || !target || bpf_skb_change_tail(skb, sizeof(*a), 0))
		return TC_ACT_SHOT;
	mac = link == s->uplink	    ? s->uplink_mac
	      : link == s->services ? s->services_mac
				    : router_mac;
	a = (void *)p->buffer;
	__builtin_memset(a, 0, sizeof(*a));
	__builtin_memcpy(a->to, p->source_mac, 6);
	__builtin_memcpy(a->from, mac, 6);
	a->type = bpf_htons(ETH_P_IPV6);
	a->ip.version_class_flow = bpf_htonl(0x60000000);
	a->ip.payload_length = bpf_htons(32);
	a->ip.next = IPPROTO_ICMPV6;
	a->ip.hop_limit = 255;
	a->ip.source = *target;
	a->ip.destination = p->flow.source;
	a->icmp.type = NEIGHBOUR_ADVERTISEMENT;
	a->icmp.id = bpf_htons(0xe000); /* from a router, solicited, overriding */
	a->target = *target;
	a->option[0] = 2;
	a->option[1] = 1;
	__builtin_memcpy(a->option + 2, mac, 6);
	words = (const void *)&a->ip.source;
	sum = bpf_htons(32) + bpf_htons(IPPROTO_ICMPV6);
	for (i = 0; i < 32; i++)
		sum += words[i];
	a->icmp.checksum = ~fold(sum);
	if (bpf_skb_store_bytes(skb, 0, a, sizeof(*a), 0))
		return TC_ACT_SHOT;
	report(skb, VERDICT_ARP, 0, link);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(link, 0);
}

/* From an instance. Always final: an answer, silence, or a counted drop. */
static __noinline int neighbour_from_eni(struct __sk_buff *skb, struct packet *p)
{
	union address_bytes target;
	int reason, asked;

	if (!p)
		return TC_ACT_SHOT;
	reason = admit_interface(p);
	if (!reason)
		reason = offers_ipv6(p);
	if (!reason)
		reason = read_solicitation(skb, p, &target, &asked);
	if (!reason && p->source.flags & INTERFACE_SOURCE_DEST_CHECK &&
	    !is_unspecified(&p->flow.source) && !is_link_local(&p->flow.source) &&
	    !owns_address(&p->source, p->link, &p->flow.source))
		reason = DROP_spoofed_source;
	if (reason)
		return drop_packet(skb, p, reason);
	if (!asked || owns_address(&p->source, p->link, &target))
		return absorb(skb);
	return advertise(skb, p, &target, p->link);
}

/* From the internet's side: the gateway answers for the VPCs' blocks, and for the router's own address there. */
static __noinline int neighbour_from_uplink(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();
	union address_bytes target;
	int reason, asked;

	if (!p || !s)
		return TC_ACT_SHOT;
	reason = read_solicitation(skb, p, &target, &asked);
	if (reason)
		return drop_packet(skb, p, reason);
	if (!asked || !(is_router(&target) || find_ipv6_block(&target)))
		return absorb(skb);
	return advertise(skb, p, &target, s->uplink);
}

/* From the services: everybody is behind this link. */
static __noinline int neighbour_from_services(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();
	union address_bytes target;
	int reason, asked;

	if (!p || !s)
		return TC_ACT_SHOT;
	reason = read_solicitation(skb, p, &target, &asked);
	if (reason)
		return drop_packet(skb, p, reason);
	return asked ? advertise(skb, p, &target, s->services) : absorb(skb);
}
