/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The overlay between the machines of a region: VXLAN (RFC 7348) on a device that takes each packet's ends from its metadata.
 *
 *   sender's machine    every stage of the sender's, then the bytes and this header --> tunnel to the receiver's machine
 *   receiver's machine  a member's? --> the header's words into struct packet --> every stage of the receiver's
 *
 * Every machine has the whole region's rows, so a slot means the same everywhere. What the receiver's machine can't know of what the
 * sender's decided stands in the inner Ethernet addresses, which are rewritten at delivery anyway:
 *
 *   destination  02 | kind, way (4 bits each) | target (20 bits), upper 12 bits of via
 *   source       02 | flags                   | sender (20 bits), lower 8 bits of via, 4 bits of 0
 *
 * `sender` is the interface that it began at (0: the internet), `via` the NAT gateway that it comes from (0: none). Kinds, flags and
 * network identifiers: contract/overlay.ts. Only what comes from a member's underlay address counts.
 */
#pragma once

#include "count.h"
#include "interface.h"

#define SLOT_MASK ((1U << OVERLAY_SLOT_BITS) - 1)

/* The number of the machine that an interface is on; 0: this one. */
static __always_inline __u32 machine_of(const struct settings *s, const struct interface *eni)
{
	return s->machine && eni->machine != s->machine ? eni->machine : 0;
}

static __always_inline void put_word(__u8 *to, __u32 word)
{
	to[0] = word >> 24;
	to[1] = word >> 16;
	to[2] = word >> 8;
	to[3] = word;
}

static __always_inline __u32 take_word(const __u8 *from)
{
	return (__u32)from[0] << 24 | (__u32)from[1] << 16 | (__u32)from[2] << 8 | from[3];
}

static __always_inline void write_overlay_words(__u8 *macs, const struct overlay_words *w)
{
	macs[0] = OVERLAY_MAC;
	macs[1] = w->kind << 4 | (w->way & 15);
	put_word(macs + 2, w->target << 12 | (w->via & SLOT_MASK) >> 8);
	macs[6] = OVERLAY_MAC;
	macs[7] = w->flags;
	put_word(macs + 8, w->sender << 12 | (w->via & 0xff) << 4);
}

static __always_inline void read_overlay_words(const __u8 *macs, struct overlay_words *w)
{
	__u32 to = take_word(macs + 2), from = take_word(macs + 8);

	w->kind = macs[1] >> 4;
	w->way = macs[1] & 15;
	w->flags = macs[7];
	w->target = to >> 12;
	w->sender = from >> 12;
	w->via = (to & 0xfff) << 8 | (from >> 4 & 0xff);
	w->pad = 0;
}

/* What the receiver's machine is to know of a packet of this kind, as 12 bytes. */
static __noinline int overlay_header(__u8 *macs, const struct packet *p, __u32 kind, __u32 target)
{
	struct overlay_words w = {
		.target = target,
		.sender = p->link,
		.via = p->sender == p->link ? 0 : p->sender,
		.kind = kind,
		.way = p->way,
	};

	w.flags = (p->group_identity ? OVERLAY_GROUP_IDENTITY : 0) |
		  (p->through_gateway ? OVERLAY_THROUGH_GATEWAY : 0) |
		  (p->through_service ? OVERLAY_THROUGH_SERVICE : 0) |
		  (p->same_subnet ? OVERLAY_SAME_SUBNET : 0) |
		  (p->hops || p->passed_nat ? OVERLAY_PASSED_NAT : 0) |
		  (p->nat64 || p->sized ? OVERLAY_SIZED : 0);
	write_overlay_words(macs, &w);
	return 0;
}

static __always_inline int write_macs(struct __sk_buff *skb, const __u8 *source,
				      const __u8 *destination)
{
	__u8 macs[12];

	__builtin_memcpy(macs, destination, 6);
	__builtin_memcpy(macs + 6, source, 6);
	return bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0);
}

/* The network identifier of what goes to an interface of the VPC. */
static __always_inline __u32 vni_of(__u32 vpc)
{
	return VNI_FIRST_VPC + vpc;
}

/* Through the tunnel to a machine's address, or to the gateways'. A test run reads the ends from cb. */
static __noinline int through_tunnel(struct __sk_buff *skb, __be32 address, __u32 vni)
{
	const struct settings *s = get_settings();
	struct bpf_tunnel_key key = { .tunnel_id = vni,
				      .remote_ipv4 = bpf_ntohl(address),
				      .tunnel_ttl = 64 };

	if (!s)
		return TC_ACT_SHOT;
	skb->cb[3] = address;
	skb->cb[4] = vni;
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX))
		return TC_ACT_SHOT;
	return bpf_redirect(s->overlay, 0);
}

/* Out of `link`, written as it leaves: of the overlay, to the gateways. */
static __noinline int out_by(struct __sk_buff *skb, __u32 link)
{
	const struct settings *s = get_settings();

	if (!s)
		return TC_ACT_SHOT;
	if (s->overlay && link == s->overlay)
		return through_tunnel(skb, s->gateways, VNI_INTERNET_OUT);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(link, 0);
}

/*
 * Whether the packet comes from a member, and its network identifier. A test run has no tunnel: with a fixed time, which only tests
 * have, its mark and its priority stand for the outer source and the identifier.
 */
static __noinline int from_member(struct __sk_buff *skb, struct packet *p)
{
	const struct settings *s = get_settings();
	struct bpf_tunnel_key tunnel = {};
	struct member_key key = {};

	if (!p || !s)
		return 0;
	if (s->now) {
		tunnel.remote_ipv4 = bpf_ntohl(skb->mark);
		tunnel.tunnel_id = skb->priority;
	} else if (bpf_skb_get_tunnel_key(skb, &tunnel, sizeof(tunnel), 0)) {
		return 0;
	}
	key.address = bpf_htonl(tunnel.remote_ipv4);
	p->vni = tunnel.tunnel_id;
	return bpf_map_lookup_elem(&members, &key) != 0;
}

/* An ICMP error, made here, for the interface p->target at `slot` on another machine. */
static __always_inline int back_to_machine(struct __sk_buff *skb, struct packet *p, __u32 slot)
{
	__u32 number = p->target.machine;
	const struct machine *machine = bpf_map_lookup_elem(&machines, &number);
	__u8 macs[12];

	if (!machine || !machine->address)
		return TC_ACT_SHOT;
	overlay_header(macs, p, OVERLAY_BACK, slot);
	if (bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0))
		return TC_ACT_SHOT;
	return through_tunnel(skb, machine->address, vni_of(p->target.vpc));
}

/* One for the internet, from a machine without an uplink. */
static __always_inline int back_to_gateways(struct __sk_buff *skb, struct packet *p,
					    const struct settings *s)
{
	__u8 macs[12];

	overlay_header(macs, p, OVERLAY_INTERNET_OUT, 0);
	if (!s->overlay || bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0))
		return TC_ACT_SHOT;
	return through_tunnel(skb, s->gateways, VNI_INTERNET_OUT);
}
