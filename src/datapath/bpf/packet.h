/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the stages know about the packet at hand, and small helpers. What user space knows too stands in tables.h and records.h, which
 * are generated from contract/.
 *
 * A packet is looked at through `struct packet`, a per-CPU scratch (programs at one CPU's ingress never nest).
 * Stages change the *view* in it (source, destination); the bytes are rewritten once, in deliver.h.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "records.h"

#define GATEWAY_MTU 1500 /* through the internet gateway, either way */
#define NAT_MTU 8500 /* through a NAT gateway (VPC user guide, "NAT gateway basics") */
#define REMOTE_PEERING_MTU 8500 /* to a VPC of another region */
#define INSIDE_MTU 9001 /* within a VPC */

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define SECOND 1000000000ULL

static const __u8 router_mac[6] = ROUTER_MAC;

struct ip_header {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__be32 source;
	__be32 destination;
};

struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledgment;
	__u8 offset;
	__u8 flags;
	__be16 window;
	__u16 checksum;
	__be16 urgent;
};
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 id;
	__be16 sequence;
};

struct arp_header {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender_ip[4];
	__u8 target_mac[6];
	__u8 target_ip[4];
};

struct ipv6_header {
	__be32 version_class_flow;
	__be16 payload_length;
	__u8 next;
	__u8 hop_limit;
	union address_bytes source;
	union address_bytes destination;
};

enum icmp_family { ICMP_NONE = 0, ICMP_V4 = 4, ICMP_V6 = 6 };

/* Addresses and ports of a packet. Ports are host order; ICMP: see parse.h. */
struct flow {
	union address_bytes source;
	union address_bytes destination;
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 has_ports; /* 0: a later fragment whose first one is unknown, or too little of an embedded packet */
	__u8 type; /* ICMP */
	__u8 code;
	__u8 icmp; /* enum icmp_family: the protocol is ICMP in IPv4, ICMPv6 in IPv6 */
	__u8 pad[3];
};

/* The IPv4 address of a view of which it is known that it has one. */
#define V4(address) ((address).word[3])

/* How the packet goes on after the source's subnet. */
enum way {
	WAY_LOCAL = 1,
	WAY_INTERFACE = 2,
	WAY_GATEWAY = 3,
	WAY_NAT = 4,
	WAY_PEERING = 5,
	WAY_EGRESS_ONLY = 6,
	WAY_REMOTE_PEERING = 7
};

/* The words of an overlay's header (overlay.h). */
struct overlay_words {
	__u32 target;
	__u32 sender;
	__u32 via;
	__u8 kind;
	__u8 way;
	__u8 flags;
	__u8 pad;
};

struct packet {
	__u32 link; /* index of the link it came in on: the interface's slot; 0 when it came from the internet */
	__u32 charge; /* the interface to whose counters a drop goes (0: the uplink's) */
	__u64 now; /* nanoseconds */
	__u32 bytes; /* of the frame, for the counters */
	__u32 sequence; /* of the tables' changes, when the packet came (flow_cache.h) */

	/* parse */
	struct ip_header ip; /* as it came; of IPv4 */
	struct flow flow; /* the view: what the stage at hand sees; translation changes it */
	struct flow inner; /* of the packet that an ICMP error carries */
	struct flow arrived; /* the same two before translation; as far as they were read */
	struct flow inner_arrived;
	__u32 header_length;
	__u32 total_length;
	__u32 l4; /* offset of the transport header in the frame */
	__u32 inner_ip; /* offset of the embedded IP header, 0: none */
	__u32 inner_l4; /* offset of the embedded transport header, 0: not there */
	__u32 transport; /* of a first fragment of IPv6: where the transport begins in what is divided */
	__u32 fragment_id; /* network order */
	__u16 fragment; /* host order: IPv4's flags and offset; no router cuts IPv6, so there IP_DF is always set */
	__u8 is_ipv6; /* the view; NAT64 changes it */
	__u8 came_ipv6; /* the bytes, as they came */
	__u8 traffic_class;
	__u8 segmented; /* a device is still to cut it */
	__u16 checksum; /* of TCP, UDP, ICMP and ICMPv6 the transport's as it came, network order */
	__u8 is_neighbour; /* neighbour discovery or multicast listener discovery (neighbour.h) */
	__u8 hop_limit; /* of IPv4 the TTL */
	__u8 is_later_fragment;
	__u8 is_icmp_error;
	__u8 destination_mac[6];
	__u8 source_mac[6];
	__u8 tcp_flags;

	/* admit, route */
	struct interface source; /* where it comes from; zero when from the internet */
	struct interface target; /* where it goes; zero when to the internet */
	__u32 target_slot;
	__u32 route_reason; /* why the route stage drops it; reported after the group and the ACL */
	__u32 gateway; /* slot plus one of the internet gateway that the route names */
	__u8 way;
	__u8 same_subnet;
	__u8 through_gateway;
	__u8 own_source; /* the source address is the sending interface's own */
	__u8 tracked; /* a connection remembers it */
	__u8 through_service; /* between a NAT or egress-only gateway and the interface at hand, whose groups track it in any case */
	__u8 may_keep; /* what is decided for it may hold for its flow */
	__u8 leaves; /* for the internet */
	__u8 translated; /* by a NAT gateway: ports too */
	__u8 nat64; /* its family changes on the way (nat64.h) */
	__u8 hops; /* NAT gateways that it passed, each of which takes one of its TTL */
	__u16 nat_port; /* what a NAT gateway puts in the place of the source's */
	__be32 nat_address;
	__u8 group_identity; /* both ends are interfaces of one VPC, or of two peered ones, that meet on private addresses */
	__u8 log_in; /* a flow log covers the receiver */
	__u8 log_waits; /* for what the gateway says of what the sender's flow log is to tell */
	__u32 log_slot; /* at which interface `logged` is to be told */
	__u32 log_hop; /* and which interface it goes to, or comes from; 0: none */
	__u32 sender; /* the interface that it comes straight from: also a NAT gateway's; 0: from the internet gateway */

	/* between machines (overlay.h) */
	__be32 outside; /* of a hairpin: the public address that it was for, */
	__be32 inner_outside; /* and the source of the packet inside, before they became private */
	__u8 kind; /* what it would be on the way to another machine; 0: local */
	__u8 over; /* it came from another machine */
	__u8 settled; /* another machine chose this one for it */
	__u8 passed_nat; /* a NAT gateway carried it, on another machine */
	__u8 sized; /* the sender's machine looked at its length */
	__u8 nat_known; /* its NAT connection has a row, which may have expired */
	__u8 pad_machine[2];
	__u32 too_long; /* the MTU that it is over */
	__u32 vni; /* the network identifier of the tunnel that it came through */
	struct overlay_words words; /* as it came */

	/* scratch for rule matching, ICMP errors and checksums */
	__u32 peer_is_target;
	__u64 peer[2]; /* the other side's address, two host-order halves */
	__u8 buffer[512];
	struct flow logged; /* the view as a flow log tells it; not cleared */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} scratch SEC(".maps");

static __always_inline const struct settings *get_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline __u64 clock_now(const struct settings *s)
{
	return s->now ? s->now : bpf_ktime_get_coarse_ns();
}

static __always_inline void map_ipv4(union address_bytes *to, __be32 from)
{
	to->word[0] = 0;
	to->word[1] = 0;
	to->word[2] = bpf_htonl(0xffff);
	to->word[3] = from;
}

static __always_inline int is_mapped(const union address_bytes *a)
{
	return !(a->word[0] | a->word[1]) && a->word[2] == bpf_htonl(0xffff);
}

static __always_inline int same_address(const union address_bytes *a, const union address_bytes *b)
{
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
		 (a->word[3] ^ b->word[3]));
}

/* The first or the second half of an address, host order. */
static __always_inline __u64 address_half(const union address_bytes *a, int second)
{
	return (__u64)bpf_ntohl(a->word[second * 2]) << 32 | bpf_ntohl(a->word[second * 2 + 1]);
}

static __always_inline int same_mac(const __u8 *a, const __u8 *b)
{
	return *(__u16 *)a == *(__u16 *)b && *(__u16 *)(a + 2) == *(__u16 *)(b + 2) &&
	       *(__u16 *)(a + 4) == *(__u16 *)(b + 4);
}

/* Whether a host-order address lies in a block. */
#define WITHIN(address, base, length) ((((address) ^ (base)) >> (32 - (length))) == 0)
