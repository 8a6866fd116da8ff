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
#include "overlay.h"

/*
 * The IP length of the longest packet that this becomes on the wire: a segment, when the sender left cutting to the device. For
 * a packet that NAT64 turns into IPv4 it is the length as IPv4.
 */
static __always_inline __u32 wire_length(struct __sk_buff *skb, const struct packet *p)
{
	__u32 length = skb->gso_size ? segment_headers(skb, p) + skb->gso_size : p->total_length;

	return p->nat64 && p->came_ipv6 ? length - p->header_length + sizeof(struct ip_header)
					: length;
}

static __always_inline __u32 longest_on_way(const struct packet *p)
{
	if (p->through_gateway)
		return GATEWAY_MTU;
	if (p->hops || p->passed_nat)
		return NAT_MTU;
	return p->way == WAY_REMOTE_PEERING ? REMOTE_PEERING_MTU : INSIDE_MTU;
}

/* Only the services' addresses are translated. */
static __always_inline int write_ipv6_addresses(struct __sk_buff *skb, struct packet *p)
{
	if (!same_address(&p->arrived.source, &p->flow.source) &&
	    translate_ipv6(skb, p, &p->flow.source, IPV6_SOURCE_AT))
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
	return (p->hops && write_ttl(skb, p->hop_limit - p->hops)) ||
	       translate(skb, p, p->ip.source, V4(p->flow.source), IP_SOURCE_AT) ||
	       translate(skb, p, p->ip.destination, V4(p->flow.destination), IP_DESTINATION_AT) ||
	       (p->translated && translate_ports(skb, p));
}

/* Rewrites, counts, and hands the packet to the peer of `link`, or to the gateways when that is the overlay. p->target_slot: the interface that it is for, or 0. */
static __always_inline int hand_over(struct __sk_buff *skb, struct packet *p, __u32 link,
				     const __u8 *source, const __u8 *destination)
{
	__u32 wire = wire_length(skb, p);
	__u32 mtu = longest_on_way(p);
	const struct flow_entry *flow;
	int cut = 0;

	if (wire > mtu && !p->sized) {
		if (p->fragment & IP_DF)
			return is_too_long(p, mtu);
		if (!p->through_gateway || skb->gso_size || p->nat64)
			return drop_packet(skb, p, DROP_too_big);
		cut = 1;
	}
	flow_log_in(skb, p, 0);
	if (p->is_ipv6 && !p->nat64)
		keep_ipv6_flow(p, link, mtu);
	flow = p->is_ipv6 || p->nat64 || cut || !headers_at_hand(skb)
		       ? 0
		       : note_flow(p, link, mtu, source, destination);
	if (flow ? rewrite_plain(skb, flow)
		 : write_addresses(skb, p) || write_macs(skb, source, destination))
		return drop_packet(skb, p, DROP_malformed);
	if (p->link && !p->over)
		count_sent(p->link, p->bytes);
	if (p->target_slot)
		count_received(p->target_slot, p->bytes);
	if (cut)
		return send_in_pieces(skb, p, link);
	trace_verdict(skb, p, skb->cb[0], 0);
	return out_by(skb, link);
}

/* To the interface p->target. */
static __noinline int deliver(struct __sk_buff *skb, struct packet *p)
{
	int checked;

	if (!p)
		return TC_ACT_SHOT;
	p->charge = p->target_slot;
	if (!(p->target.flags & INTERFACE_UP))
		return drop_packet(skb, p,
				   p->target.flags & INTERFACE_ENDPOINT
					   ? DROP_endpoint_without_service
					   : DROP_destination_down);
	checked = p->target.flags & INTERFACE_SOURCE_DEST_CHECK;
	if (p->way == WAY_INTERFACE && checked &&
	    !owns_address(&p->target, p->target_slot, &p->flow.destination))
		return drop_packet(skb, p, DROP_destination_check);
	report(skb, VERDICT_DELIVER, 0, p->target_slot);
	return hand_over(skb, p, p->target_slot, router_mac, p->target.mac);
}

/* To the internet, out of the uplink; from a machine without one, by the gateways. */
static __noinline int leave(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();
	__u32 link;
	__u8 macs[12];

	if (!p || !s)
		return TC_ACT_SHOT;
	p->target_slot = 0;
	link = s->uplink;
	__builtin_memcpy(macs, s->uplink_peer_mac, 6);
	__builtin_memcpy(macs + 6, s->uplink_mac, 6);
	if (!link) {
		link = s->overlay;
		if (!link || !s->gateways)
			return drop_packet(skb, p, DROP_no_uplink);
		if (wire_length(skb, p) > s->overlay_mtu && p->fragment & IP_DF)
			return is_too_long(p, s->overlay_mtu);
		p->may_keep = 0;
		overlay_header(macs, p, OVERLAY_INTERNET_OUT, 0);
	}
	report(skb, VERDICT_INTERNET, 0, link);
	return hand_over(skb, p, link, macs + 6, macs);
}

/*
 * To the interface p->target on another machine, which does what is the receiver's to do. What came from the internet goes as it came;
 * a hairpin as it would leave. How long it may be the receiver's machine asks, after its rules; but where a NAT gateway has changed the
 * bytes, nobody else could tell the sender.
 */
static __noinline int to_machine(struct __sk_buff *skb, struct packet *p, __u32 number)
{
	const struct settings *s = get_settings();
	const struct machine *machine = bpf_map_lookup_elem(&machines, &number);
	__u32 kind, wire, mtu;
	__u8 macs[12];

	if (!p || !s)
		return TC_ACT_SHOT;
	p->charge = p->target_slot;
	if (p->settled || !machine || !machine->address || !s->overlay)
		return drop_packet(skb, p, DROP_moved);
	kind = p->kind ? p->kind : OVERLAY_LOCAL;
	wire = wire_length(skb, p);
	mtu = s->overlay_mtu;
	if (p->hops && longest_on_way(p) < mtu && (p->fragment & IP_DF || p->nat64))
		mtu = longest_on_way(p);
	if (wire > mtu && p->fragment & IP_DF)
		return is_too_long(p, mtu);
	if (wire > mtu && p->nat64)
		return drop_packet(skb, p, DROP_too_big);
	overlay_header(macs, p, kind, p->target_slot);
	if (kind == OVERLAY_INTERNET_IN || (kind == OVERLAY_HAIRPIN && !p->translated)) {
		p->flow = p->arrived;
		p->inner = p->inner_arrived;
	} else if (kind == OVERLAY_HAIRPIN) {
		V4(p->flow.destination) = p->outside;
		V4(p->inner.source) = p->inner_outside;
	}
	if (write_addresses(skb, p) || write_macs(skb, macs + 6, macs))
		return drop_packet(skb, p, DROP_malformed);
	if (p->link && !p->over)
		count_sent(p->link, p->bytes);
	report(skb, VERDICT_MACHINE, 0, number);
	return through_tunnel(skb, machine->address,
			      kind == OVERLAY_INTERNET_IN ? VNI_INTERNET_IN
							  : vni_of(p->target.vpc));
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
