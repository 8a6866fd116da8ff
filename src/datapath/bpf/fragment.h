/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Fragments. In: only the first has ports; they are remembered, so that those that follow meet the same rules.
 * Out: what is over the gateway's MTU and may be fragmented, is (RFC 791).
 *
 *   deliver (packet rewritten) --clone, mark = target and i--> fragments link --> from_fragments: piece i --> target
 *           \--trimmed in place: piece 0 ---------------------------------------------------------------> target
 *
 * A program cannot cut one packet into several, but it can send clones of it; each cuts its own piece out on arrival.
 * Pieces after the first have no options (only a source route would matter, and none crosses the gateway).
 */
#pragma once

#include "icmp_error.h"
#include "translate.h"

#define PIECE 1480 /* payload of a piece without options */
#define MAX_PIECES 8
#define MARK_PIECE_BITS 4

#define TCP_FLAGS_END 14 /* bytes of a TCP header up to its flags, and with them */

/*
 * Remembers a first fragment's ports, or gives a later one those of its first: 0; or a reason to drop, of a piece that would
 * overwrite TCP's flags (RFC 3128), which in IPv6 may call itself something else.
 */
__noinline int fragment_ports(struct packet *p)
{
	struct fragment_key key = {};
	struct fragment_ports ports = {};
	const struct fragment_ports *known;

	if (!p || !(p->fragment & (IP_MF | IP_OFFSET)))
		return 0;
	key.link = p->link;
	key.source = p->arrived.source;
	key.destination = p->arrived.destination;
	key.id = p->fragment_id;
	/* The pieces of an IPv6 packet may name their first header as they like (RFC 8200, section 4.5). */
	key.protocol = p->is_ipv6 ? 0 : p->arrived.protocol;
	if (!p->is_later_fragment) {
		ports.source_port = p->flow.source_port;
		ports.destination_port = p->flow.destination_port;
		ports.type = p->flow.type;
		ports.code = p->flow.code;
		ports.protocol = p->flow.protocol;
		ports.transport = p->transport;
		bpf_map_update_elem(&first_fragments, &key, &ports, BPF_ANY);
		return 0;
	}
	known = bpf_map_lookup_elem(&first_fragments, &key);
	if (!known)
		return 0;
	p->flow.source_port = known->source_port;
	p->flow.destination_port = known->destination_port;
	p->flow.type = known->type;
	p->flow.code = known->code;
	p->flow.has_ports = 1;
	if (p->is_ipv6) {
		if (known->protocol == IPPROTO_TCP &&
		    (p->fragment & IP_OFFSET) * 8 < known->transport + TCP_FLAGS_END)
			return DROP_malformed;
		p->flow.protocol = known->protocol;
		p->flow.icmp = known->protocol == IPPROTO_ICMPV6 ? ICMP_V6 : ICMP_NONE;
	}
	/* What it is about stood in the first fragment: this one passes by a rule, and opens no connection either. */
	p->is_icmp_error = is_icmp_error(&p->flow);
	return 0;
}

/* Payload bytes in piece 0, whose header keeps the options: as many as fit, a multiple of 8. */
static __always_inline __u32 first_piece(__u32 header_length)
{
	return (GATEWAY_MTU - header_length) & ~7U;
}

/*
 * A transport checksum that the sender left to the device (it holds the pseudo-header's sum) must be complete before
 * the packet is cut. A true checksum that happens to look so is computed again, to the same value.
 */
static __always_inline int complete_checksum(struct __sk_buff *skb, struct packet *p)
{
	__u32 offset = checksum_offset(p->flow.protocol);
	__u32 length = p->total_length - p->header_length;
	__u16 pseudo, stored;
	__s64 sum;

	if (!offset || p->fragment & (IP_MF | IP_OFFSET))
		return 0;
	if (bpf_skb_load_bytes(skb, p->l4 + offset, &stored, 2))
		return -1;
	pseudo = fold(
		pseudo_sum(V4(p->flow.source), V4(p->flow.destination), p->flow.protocol, length));
	if (stored != pseudo)
		return 0;
	sum = sum_bytes(skb, p, p->l4, length, 0);
	if (sum < 0)
		return -1;
	stored = ~fold(sum);
	if (!stored)
		stored = 0xffff;
	return bpf_skb_store_bytes(skb, p->l4 + offset, &stored, 2, 0);
}

/* Piece 0, in place. */
static __always_inline int trim_to_first_piece(struct __sk_buff *skb, struct packet *p)
{
	__be16 length = bpf_htons(p->header_length + first_piece(p->header_length));
	__be16 fragment = bpf_htons(p->fragment | IP_MF);
	struct ip_header ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(ip), p->buffer, FORGOTTEN))
		return -1;
	if (bpf_skb_adjust_room(skb, -FORGOTTEN, BPF_ADJ_ROOM_NET, 0) ||
	    bpf_skb_adjust_room(skb, FORGOTTEN, BPF_ADJ_ROOM_NET, 0))
		return -1;
	if (bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(ip), p->buffer, FORGOTTEN, 0))
		return -1;
	if (bpf_skb_change_tail(skb, ETH_HLEN + p->header_length + first_piece(p->header_length),
				0))
		return -1;
	if (bpf_l3_csum_replace(skb, ETH_HLEN + 10, p->ip.total_length, length, 2) ||
	    bpf_l3_csum_replace(skb, ETH_HLEN + 10, p->ip.fragment, fragment, 2))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN + 2, &length, 2, 0) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN + 6, &fragment, 2, 0);
}

/* Sends the rewritten packet to the link `target` in pieces. */
static __noinline int send_in_pieces(struct __sk_buff *skb, struct packet *p, __u32 target)
{
	const struct settings *s = get_settings();
	__u32 i, rest;

	if (!p)
		return TC_ACT_SHOT;
	rest = p->total_length - p->header_length - first_piece(p->header_length);
	if (!s || target >> (32 - MARK_PIECE_BITS) || rest > (MAX_PIECES - 1) * PIECE ||
	    complete_checksum(skb, p))
		return drop_packet(skb, p, DROP_too_big);
	for (i = 1; i < MAX_PIECES; i++) {
		if ((i - 1) * PIECE >= rest)
			break;
		skb->mark = target << MARK_PIECE_BITS | i;
		if (bpf_clone_redirect(skb, s->fragments, BPF_F_INGRESS))
			return drop_packet(skb, p, DROP_too_big);
	}
	skb->mark = 0;
	if (trim_to_first_piece(skb, p))
		return drop_packet(skb, p, DROP_too_big);
	trace_verdict(skb, p, skb->cb[0], 0);
	return out_by(skb, target);
}

/* Takes `count` bytes away behind the 20 bytes of IP header; one call of the kernel takes at most 4095. */
static __always_inline int take_away(struct __sk_buff *skb, __u32 count)
{
	__u32 i, step;

	for (i = 0; i < MAX_PIECES * PIECE / 4000 + 1; i++) {
		if (!count)
			return 0;
		step = count > 4000 ? 4000 : count;
		if (bpf_skb_adjust_room(skb, -(__s32)step, BPF_ADJ_ROOM_NET, 0))
			return -1;
		count -= step;
	}
	return count != 0;
}

/* Makes the clone with `mark` its piece. 0, or a reason to drop. */
static __always_inline int cut_piece(struct __sk_buff *skb, __u32 piece)
{
	struct ip_header ip;
	__u32 header, payload, offset, length, fragment;

	if (!piece || piece >= MAX_PIECES || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return DROP_malformed;
	header = (ip.version_ihl & 15) * 4;
	payload = bpf_ntohs(ip.total_length) - header;
	offset = first_piece(header) + (piece - 1) * PIECE;
	if (header < sizeof(ip) || payload > 65535 || payload <= offset)
		return DROP_malformed;
	length = payload - offset < PIECE ? payload - offset : PIECE;
	fragment = bpf_ntohs(ip.fragment);
	fragment = (fragment & ~IP_OFFSET) | ((fragment & IP_OFFSET) + offset / 8) |
		   (payload - offset > length ? IP_MF : 0);
	if (take_away(skb, header - sizeof(ip) + offset) ||
	    bpf_skb_change_tail(skb, ETH_HLEN + sizeof(ip) + length, 0))
		return DROP_too_big;
	ip.version_ihl = 0x45;
	ip.total_length = bpf_htons(sizeof(ip) + length);
	ip.fragment = bpf_htons(fragment);
	ip.checksum = header_checksum(&ip);
	return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0) ? DROP_too_big : 0;
}
