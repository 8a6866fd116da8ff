/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * ICMP errors that Genkan itself sends: "fragmentation needed" (type 3 code 4, RFC 1191), "time to live exceeded" (type 11, RFC 792),
 * and IPv6's "packet too big" and "hop limit exceeded" (RFC 4443, sections 3.2 and 3.3). The packet itself turns into the message to
 * its sender. It carries the first 548 bytes of what was sent, so that the message has 576 at most (RFC 1812, section 4.3.2.3); of
 * IPv6, 1232 and 1280.
 */
#pragma once

#include "checksum.h"
#include "count.h"
#include "interface.h"
#include "nat64.h"
#include "overlay.h"

#define ICMP_QUOTE 548
#define ICMP_OVERHEAD (sizeof(struct ip_header) + sizeof(struct icmp_header))

/*
 * A veth carries packets whose transport checksum is still to be filled in, by whichever device sends them to a wire;
 * here that would write into the middle of the message. Taking away more than lies before the transport header makes
 * the kernel forget it, so 80 bytes behind the IP header (the longest options plus a transport header) go and come back.
 */
#define FORGOTTEN 80

struct message {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
	struct ip_header ip;
	struct icmp_header icmp;
	__u8 quote[sizeof(struct ip_header) + FORGOTTEN];
} __attribute__((packed));

/* What a message says: its type and code, and what stands in its last four bytes. */
struct complaint {
	__u8 type;
	__u8 code;
	__u16 pad;
	__u32 rest;
};

/* How much of the packet the message carries; and how much must be there for the kernel to forget its checksum. */
static __always_inline __u32 quote_length(const struct packet *p, __u32 most)
{
	return p->total_length < most ? p->total_length : most;
}

static __always_inline __u32 working_length(__u32 quote, __u32 header)
{
	return quote < header + FORGOTTEN ? header + FORGOTTEN : quote;
}

/* Rewrites the packet to the message, from `router`. Not 0 on failure. */
static __noinline int make_error(struct __sk_buff *skb, struct packet *p, __be32 router,
				 const struct complaint *what)
{
	struct message *m;
	__s64 sum;
	__u16 checksum;
	__u32 quote, work;

	if (!p || !what)
		return -1;
	quote = quote_length(p, ICMP_QUOTE);
	work = working_length(quote, sizeof(struct ip_header));
	if (bpf_skb_change_tail(skb, ETH_HLEN + work, 0))
		return -1;
	m = (void *)p->buffer;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, m->quote, sizeof(m->quote)))
		return -1;
	if (bpf_skb_adjust_room(skb, -FORGOTTEN, BPF_ADJ_ROOM_NET, 0) ||
	    bpf_skb_adjust_room(skb, FORGOTTEN + ICMP_OVERHEAD, BPF_ADJ_ROOM_NET, 0))
		return -1;
	__builtin_memcpy(m->destination, p->source_mac, 6);
	__builtin_memcpy(m->source, p->destination_mac, 6);
	m->type = bpf_htons(ETH_P_IP);
	m->ip.version_ihl = 0x45;
	m->ip.tos = 0xc0; /* internetwork control, RFC 1812 section 4.3.2.5 */
	m->ip.total_length = bpf_htons(ICMP_OVERHEAD + quote);
	m->ip.id = 0;
	m->ip.fragment = bpf_htons(IP_DF);
	m->ip.ttl = 64;
	m->ip.protocol = IPPROTO_ICMP;
	m->ip.source = router;
	m->ip.destination = p->ip.source;
	m->ip.checksum = header_checksum((void *)m + ETH_HLEN);
	m->icmp.type = what->type;
	m->icmp.code = what->code;
	m->icmp.checksum = 0;
	m->icmp.id = bpf_htons(what->rest >> 16);
	m->icmp.sequence = bpf_htons(what->rest & 0xffff);
	if (bpf_skb_store_bytes(skb, 0, m, sizeof(*m), 0))
		return -1;
	if (work != quote && bpf_skb_change_tail(skb, ETH_HLEN + ICMP_OVERHEAD + quote, 0))
		return -1;
	sum = sum_bytes(skb, p, ETH_HLEN + sizeof(struct ip_header),
			sizeof(struct icmp_header) + quote, 0);
	if (sum < 0)
		return -1;
	checksum = ~fold(sum);
	return bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(struct ip_header) + 2, &checksum, 2, 0);
}

#define ICMPV6_QUOTE 1232
#define ICMPV6_OVERHEAD (sizeof(struct ipv6_header) + sizeof(struct icmp_header))

struct ipv6_message {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
	struct ipv6_header ip;
	struct icmp_header icmp;
	__u8 quote[sizeof(struct ipv6_header) + FORGOTTEN];
} __attribute__((packed));

/* The same of ICMPv6. */
static __noinline int make_error_ipv6(struct __sk_buff *skb, struct packet *p,
				      const union address_bytes *router,
				      const struct complaint *what)
{
	struct ipv6_message *m;
	const __u16 *words;
	__u64 pseudo = 0;
	__u32 quote, work;
	__u16 checksum;
	__s64 sum;
	int i;

	if (!p || !router || !what)
		return -1;
	quote = quote_length(p, ICMPV6_QUOTE);
	work = working_length(quote, sizeof(struct ipv6_header));
	if (bpf_skb_change_tail(skb, ETH_HLEN + work, 0))
		return -1;
	m = (void *)p->buffer;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, m->quote, sizeof(m->quote)))
		return -1;
	if (bpf_skb_adjust_room(skb, -FORGOTTEN, BPF_ADJ_ROOM_NET, 0) ||
	    bpf_skb_adjust_room(skb, FORGOTTEN + ICMPV6_OVERHEAD, BPF_ADJ_ROOM_NET, 0))
		return -1;
	__builtin_memcpy(m->destination, p->source_mac, 6);
	__builtin_memcpy(m->source, p->destination_mac, 6);
	m->type = bpf_htons(ETH_P_IPV6);
	m->ip.version_class_flow = bpf_htonl(0x60000000);
	m->ip.payload_length = bpf_htons(sizeof(struct icmp_header) + quote);
	m->ip.next = IPPROTO_ICMPV6;
	m->ip.hop_limit = 64;
	m->ip.source = *router;
	m->ip.destination = p->arrived.source;
	m->icmp.type = what->type;
	m->icmp.code = what->code;
	m->icmp.checksum = 0;
	m->icmp.id = bpf_htons(what->rest >> 16);
	m->icmp.sequence = bpf_htons(what->rest & 0xffff);
	words = (const void *)&m->ip.source;
	for (i = 0; i < 16; i++)
		pseudo += words[i];
	pseudo += bpf_htons(IPPROTO_ICMPV6) + bpf_htons(sizeof(struct icmp_header) + quote);
	if (bpf_skb_store_bytes(skb, 0, m, sizeof(*m), 0))
		return -1;
	if (work != quote && bpf_skb_change_tail(skb, ETH_HLEN + ICMPV6_OVERHEAD + quote, 0))
		return -1;
	sum = sum_bytes(skb, p, ETH_HLEN + sizeof(struct ipv6_header),
			sizeof(struct icmp_header) + quote, fold(pseudo));
	if (sum < 0)
		return -1;
	checksum = ~fold(sum);
	return bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(struct ipv6_header) + 2, &checksum, 2, 0);
}

/* The address that tells a sender so: its subnet's router, the first of the block, or whom the sender wrote to. */
static __always_inline int tell_too_big(struct __sk_buff *skb, struct packet *p,
					const struct subnet *subnet, __u32 mtu)
{
	union address_bytes router = p->arrived.destination;
	struct complaint what = { .type = 3, .code = 4, .rest = mtu };

	if (!p->came_ipv6)
		return make_error(skb, p, subnet ? subnet->router : p->ip.destination, &what);
	if (subnet) {
		router = subnet->ipv6_block;
		router.word[3] |= bpf_htonl(1);
	}
	what.type = 2;
	what.code = 0;
	/* Its header takes 20 bytes more than what NAT64 makes of it. */
	if (p->nat64)
		what.rest += 20;
	return make_error_ipv6(skb, p, &router, &what);
}

/* The packet, dropped for `reason`, has become a message: back to where it came in, which may be at another machine. */
static __always_inline int send_back(struct __sk_buff *skb, struct packet *p, __u32 reason,
				     __u32 link)
{
	count_drop(p->charge, reason, p->bytes);
	report(skb, VERDICT_ERROR, reason, p->link);
	trace_verdict(skb, p, VERDICT_ERROR, reason);
	if (p->over) {
		const struct settings *s = get_settings();

		if (!s)
			return TC_ACT_SHOT;
		if (p->link && read_interface(p->link, &p->target) && machine_of(s, &p->target))
			return back_to_machine(skb, p, p->link);
		if (!p->link && !s->uplink)
			return back_to_gateways(skb, p, s);
		if (!p->link && write_macs(skb, s->uplink_mac, s->uplink_peer_mac))
			return TC_ACT_SHOT;
	}
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(link, 0);
}

/* What deliver.h returns of a packet that is too long: whoever called it tells the sender, on a stack that has room again. */
#define TOO_LONG (-2)

static __always_inline int is_too_long(struct packet *p, __u32 mtu)
{
	p->too_long = mtu;
	return TOO_LONG;
}

/*
 * The packet is too big for p->too_long and may not be fragmented: drops it and tells its sender. An instance hears it from
 * its subnet's router; a host on the internet from the public address that it wrote to. No error about an error.
 */
static __noinline int refuse_too_big(struct __sk_buff *skb, struct packet *p)
{
	const struct subnet *subnet = 0;
	const struct settings *s = get_settings();
	__u32 back;

	if (!p)
		return TC_ACT_SHOT;
	if (!s || p->is_icmp_error || p->is_later_fragment || (!p->link && !p->through_gateway))
		return drop_packet(skb, p, DROP_too_big);
	if (p->link) {
		/* p->source may be a NAT gateway by now; the target is no longer needed. */
		subnet = read_interface(p->link, &p->target) ? find_subnet(p->target.subnet) : 0;
		if (!subnet)
			return drop_packet(skb, p, DROP_tables_incomplete);
	}
	if (tell_too_big(skb, p, subnet, p->too_long))
		return drop_packet(skb, p, DROP_too_big);
	back = p->link ? p->link : s->uplink;
	return send_back(skb, p, DROP_too_big, back);
}

/*
 * A NAT gateway, which the packet came to with its last hop, tells the instance so by its private address (VPC user guide,
 * "Troubleshoot NAT gateways": a traceroute shows it), to IPv6 as NAT64 has that. No error about an error.
 */
static __noinline int refuse_expired(struct __sk_buff *skb, struct packet *p)
{
	struct complaint what = { .type = 11 };
	union address_bytes router;

	if (!p)
		return TC_ACT_SHOT;
	if (p->is_icmp_error || p->is_later_fragment)
		return drop_packet(skb, p, DROP_nat_ttl);
	nat64_address(&router, p->target.private_ip);
	if (p->came_ipv6)
		what.type = 3;
	if (p->came_ipv6 ? make_error_ipv6(skb, p, &router, &what)
			 : make_error(skb, p, p->target.private_ip, &what))
		return drop_packet(skb, p, DROP_nat_ttl);
	return send_back(skb, p, DROP_nat_ttl, p->link);
}
