/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stage deliver: the MTU, then the bytes (the view's addresses, the Ethernet header), then out, past the neighbour's
 * queue straight into the other namespace.
 */
#pragma once

#include "ipv6_flow_cache.h"
#include "flow_log.h"
#include "fragment.h"
#include "interface.h"
#include "nat64_write.h"

/*
 * The IP length of the longest packet that this becomes on the wire: a segment, when the sender left cutting to the device. Of what
 * NAT64 makes IPv4 of, IPv4's.
 */
static __always_inline __u32 wire_length(struct __sk_buff *skb, const struct packet *p)
{
	__u32 length = skb->gso_size ? segment_headers(skb, p) + skb->gso_size : p->total_length;

	return p->nat64 && p->came_ipv6 ? length - p->header_length + sizeof(struct ip_header) : length;
}

static __always_inline __u32 longest_on_way(const struct packet *p)
{
	if (p->through_gateway)
		return GATEWAY_MTU;
	if (p->hops)
		return NAT_MTU;
	return p->way == WAY_REMOTE_PEERING ? REMOTE_PEERING_MTU : INSIDE_MTU;
}

static __always_inline int write_macs(struct __sk_buff *skb, const __u8 *source, const __u8 *destination)
{
	__u8 macs[12];

	__builtin_memcpy(macs, destination, 6);
	__builtin_memcpy(macs + 6, source, 6);
	return bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0);
}

/* Only the services' addresses are translated. */
static __always_inline int write_ipv6_addresses(struct __sk_buff *skb, struct packet *p)
{
	if (!same_address(&p->arrived.source, &p->flow.source) && translate_ipv6(skb, p, &p->flow.source, IPV6_SOURCE_AT))
		return -1;
	if (same_address(&p->arrived.destination, &p->flow.destination))
		return 0;
	return translate_ipv6(skb, p, &p->flow.destination, IPV6_DESTINATION_AT);
}

static __always_inline int write_addresses(struct __sk_buff *skb, struct packet *p)
{
	if (p->nat64)
		return nat64_write(skb, p);
	if (p->is_ipv6)
		return write_ipv6_addresses(skb, p);
	return (p->hops && write_ttl(skb, p->hop_limit - p->hops)) || translate(skb, p, p->ip.source, V4(p->flow.source), IP_SOURCE_AT) ||
	       translate(skb, p, p->ip.destination, V4(p->flow.destination), IP_DESTINATION_AT) || (p->translated && translate_ports(skb, p));
}

/* Rewrites, counts, and hands the packet to the peer of `link`. p->target_slot: the interface that it is for, or 0. */
static __always_inline int hand_over(struct __sk_buff *skb, struct packet *p, __u32 link, const __u8 *source, const __u8 *destination)
{
	__u32 wire = wire_length(skb, p);
	__u32 mtu = longest_on_way(p);
	const struct flow_entry *flow;
	int cut = 0;

	if (wire > mtu) {
		if (p->fragment & IP_DF)
			return refuse_too_big(skb, p, mtu);
		if (!p->through_gateway || skb->gso_size || p->nat64)
			return drop_packet(skb, p, DROP_too_big);
		cut = 1;
	}
	flow_log_in(skb, p, 0);
	if (p->is_ipv6 && !p->nat64)
		keep_ipv6_flow(p, link, mtu);
	flow = p->is_ipv6 || p->nat64 || cut || !headers_at_hand(skb) ? 0 : note_flow(p, link, mtu, source, destination);
	if (flow ? rewrite_plain(skb, flow) : write_addresses(skb, p) || write_macs(skb, source, destination))
		return drop_packet(skb, p, DROP_malformed);
	if (p->link)
		count_sent(p->link, p->bytes);
	if (p->target_slot)
		count_received(p->target_slot, p->bytes);
	if (cut)
		return send_in_pieces(skb, p, link);
	trace_verdict(skb, p, skb->cb[0], 0);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(link, 0);
}

/* To the interface p->target. */
static __noinline int deliver(struct __sk_buff *skb, struct packet *p)
{
	int checked;

	if (!p)
		return TC_ACT_SHOT;
	p->charge = p->target_slot;
	if (!(p->target.flags & INTERFACE_UP))
		return drop_packet(skb, p, p->target.flags & INTERFACE_ENDPOINT ? DROP_endpoint_without_service : DROP_destination_down);
	checked = p->target.flags & INTERFACE_SOURCE_DEST_CHECK;
	if (p->way == WAY_INTERFACE && checked && !owns_address(&p->target, p->target_slot, &p->flow.destination))
		return drop_packet(skb, p, DROP_destination_check);
	report(skb, VERDICT_DELIVER, 0, p->target_slot);
	return hand_over(skb, p, p->target_slot, router_mac, p->target.mac);
}

/* To the internet, out of the uplink. */
static __noinline int leave(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();

	if (!p || !s)
		return TC_ACT_SHOT;
	p->target_slot = 0;
	report(skb, VERDICT_INTERNET, 0, s->uplink);
	return hand_over(skb, p, s->uplink, s->uplink_mac, s->uplink_peer_mac);
}

/* To the services' link. Its length is no concern: it stays inside. */
static __noinline int leave_to_services(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();

	if (!p || !s)
		return TC_ACT_SHOT;
	p->may_keep = 0;
	report(skb, VERDICT_SERVICE, 0, s->services);
	return hand_over(skb, p, s->services, s->services_mac, s->services_peer_mac);
}
