/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Generated from contract/records.ts and what it names by tools/generate-header.ts. Do not edit. */
/* clang-format off */
#pragma once

#include "tables.h"

#define ALL_INTERFACES 0
#define ALL_NAT_GATEWAYS 1
#define ALL_SHARES 0
#define NO_POOL 0xffffffffU
#define FROM_MACHINE 0x80000000U
#define TO_GATEWAYS 0xffffU
#define MAX_MACHINES 4096
#define NAT_BLOCK_PORTS 1024
#define OVERLAY_MAC 2
#define OVERLAY_SLOT_BITS 20
#define TRACE_SLOTS 8
#define TRACE_SNAP 256

/* How long idle connections are remembered, in nanoseconds; an interface may have others (`idle_timeouts`). */
#define TIMEOUT_TCP_OPENING (60 * SECOND)
#define TIMEOUT_TCP_ESTABLISHED (432000 * SECOND)
#define TIMEOUT_TCP_CLOSING (120 * SECOND)
#define TIMEOUT_TCP_CLOSED (10 * SECOND)
#define TIMEOUT_UDP_SINGLE (30 * SECOND)
#define TIMEOUT_UDP_STREAM (180 * SECOND)
#define TIMEOUT_ICMP (30 * SECOND)
#define TIMEOUT_OTHER (600 * SECOND)
#define TIMEOUT_NAT (350 * SECOND)
#define TIMEOUT_NAT_CLOSED (10 * SECOND)

enum verdict {
	VERDICT_NONE = 0,
	VERDICT_DROP = 1,
	VERDICT_DELIVER = 2,
	VERDICT_INTERNET = 3,
	VERDICT_SERVICE = 4,
	VERDICT_ARP = 5,
	VERDICT_ABSORB = 6,
	VERDICT_ERROR = 7,
	VERDICT_MACHINE = 8,
};

enum connection_keeper {
	KEEPER_GROUPS = 0,
	KEEPER_EGRESS_ONLY = 1,
};

enum nat_side {
	NAT_INSIDE = 0,
	NAT_OUTSIDE = 1,
};

enum flow_action {
	FLOW_ACCEPT = 0,
	FLOW_REJECT = 1,
	FLOW_REJECT_BPA = 2,
};

enum traffic_path {
	PATH_NONE = 0,
	PATH_INSIDE = 1,
	PATH_PEERING = 4,
	PATH_REMOTE_PEERING = 5,
	PATH_GATEWAY = 8,
};

enum overlay_kind {
	OVERLAY_LOCAL = 1,
	OVERLAY_INTERNET_OUT = 2,
	OVERLAY_INTERNET_IN = 3,
	OVERLAY_HAIRPIN = 4,
	OVERLAY_BACK = 5,
};

enum overlay_flags {
	OVERLAY_GROUP_IDENTITY = 1,
	OVERLAY_THROUGH_GATEWAY = 2,
	OVERLAY_THROUGH_SERVICE = 4,
	OVERLAY_SAME_SUBNET = 8,
	OVERLAY_PASSED_NAT = 16,
	OVERLAY_SIZED = 32,
};

enum overlay_vni {
	VNI_INTERNET_OUT = 1,
	VNI_INTERNET_IN = 2,
	VNI_FIRST_VPC = 16,
};

/* No byte is hidden padding: so a field of another size is found also where the struct's size stays. */
#pragma clang diagnostic push
#pragma clang diagnostic error "-Wpadded"

struct connection_key {
	__u32 interface;
	__u16 local_port;
	__u16 remote_port;
	union address_bytes local;
	union address_bytes remote;
	__u8 protocol;
	__u8 keeper;
	__u8 pad[2];
};
_Static_assert(sizeof(struct connection_key) == 44, "connection_key");

struct connection {
	__u64 expires;
	__u64 created;
	__u8 local_seen;
	__u8 remote_seen;
	__u8 local_fin;
	__u8 remote_fin;
	__u8 reset;
	__u8 remote_first;
	__u8 turns;
	__u8 kept;
};
_Static_assert(sizeof(struct connection) == 24, "connection");

struct tracking {
	__u32 created;
	__u32 epoch;
};
_Static_assert(sizeof(struct tracking) == 8, "tracking");

struct connection_floor {
	__u64 born;
	__u32 removed;
	__u32 pad;
};
_Static_assert(sizeof(struct connection_floor) == 16, "connection_floor");

struct nat_key {
	__u32 interface;
	union address_bytes local;
	__be32 remote;
	__u16 local_port;
	__u16 remote_port;
	__u8 protocol;
	__u8 side;
	__u8 pad[2];
};
_Static_assert(sizeof(struct nat_key) == 32, "nat_key");

struct nat_connection {
	__u64 expires;
	__u64 created;
	union address_bytes address;
	__u16 port;
	__u8 inside_fin;
	__u8 outside_fin;
	__u8 reset;
	__u8 pad[3];
	__u32 claim;
	__u32 more_pad;
};
_Static_assert(sizeof(struct nat_connection) == 48, "nat_connection");

struct flow_key {
	__u32 link;
	__be32 source;
	__be32 destination;
	__u32 ports;
	__u32 protocol;
};
_Static_assert(sizeof(struct flow_key) == 20, "flow_key");

struct ipv6_flow_key {
	__u32 link;
	union address_bytes source;
	union address_bytes destination;
	__u32 ports;
	__u32 protocol;
};
_Static_assert(sizeof(struct ipv6_flow_key) == 44, "ipv6_flow_key");

struct changes {
	__u32 sequence;
	__u32 epoch;
	__u32 flow_mask;
	__u32 seed;
};
_Static_assert(sizeof(struct changes) == 16, "changes");

struct flow_record_key {
	union address_bytes source;
	union address_bytes destination;
	__u32 interface;
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 egress;
	__u8 action;
	__u8 path;
};
_Static_assert(sizeof(struct flow_record_key) == 44, "flow_record_key");

struct flow_record {
	__u64 packets;
	__u64 bytes;
	__u64 first;
	__u64 last;
	__u32 tcp_flags;
	__u32 next_hop;
};
_Static_assert(sizeof(struct flow_record) == 40, "flow_record");

struct flow_share {
	__u64 taken;
	__u32 skipped[2];
};
_Static_assert(sizeof(struct flow_share) == 16, "flow_share");

struct drop_key {
	__u32 interface;
	__u32 reason;
};
_Static_assert(sizeof(struct drop_key) == 8, "drop_key");

struct packet_count {
	__u64 packets;
	__u64 bytes;
};
_Static_assert(sizeof(struct packet_count) == 16, "packet_count");

struct trace_control {
	__u64 until;
	__u32 verdicts;
	__u32 snap;
	__u32 count;
	__u32 slots[8];
	__u32 pad;
};
_Static_assert(sizeof(struct trace_control) == 56, "trace_control");

struct trace_event {
	__u64 time;
	__u32 ingress;
	__u32 target;
	__u32 charge;
	__u32 length;
	__u32 frame_length;
	__u32 captured;
	union address_bytes source;
	union address_bytes destination;
	union address_bytes source_after;
	union address_bytes destination_after;
	__u16 source_port;
	__u16 destination_port;
	__u16 reason;
	__u8 verdict;
	__u8 protocol;
	__u8 has_ports;
	__u8 type;
	__u8 code;
	__u8 pad[5];
	__u8 frame[256];
};
_Static_assert(sizeof(struct trace_event) == 368, "trace_event");

struct fragment_key {
	__u32 link;
	union address_bytes source;
	union address_bytes destination;
	__u32 id;
	__u8 protocol;
	__u8 pad[3];
};
_Static_assert(sizeof(struct fragment_key) == 44, "fragment_key");

struct fragment_ports {
	__u16 source_port;
	__u16 destination_port;
	__u8 type;
	__u8 code;
	__u8 protocol;
	__u8 pad;
	__u16 transport;
	__u16 pad2;
};
_Static_assert(sizeof(struct fragment_ports) == 12, "fragment_ports");

struct link_local_count {
	__u32 second;
	__u32 packets;
};
_Static_assert(sizeof(struct link_local_count) == 8, "link_local_count");

struct machine {
	__be32 address;
	__u32 flags;
};
_Static_assert(sizeof(struct machine) == 8, "machine");

struct member_key {
	__be32 address;
};
_Static_assert(sizeof(struct member_key) == 4, "member_key");

struct member {
	__u32 machine;
};
_Static_assert(sizeof(struct member) == 4, "member");

struct nat_block_key {
	__u32 interface;
	__be32 address;
	__u32 block;
};
_Static_assert(sizeof(struct nat_block_key) == 12, "nat_block_key");

struct nat_block {
	__u32 machine;
};
_Static_assert(sizeof(struct nat_block) == 4, "nat_block");

struct flow_entry {
	struct flow_key key;
	__u32 target_slot;
	__u64 epoch;
	__u64 until;
	__u32 source_vpc;
	__u32 target_vpc;
	__u32 link;
	__be32 from;
	__be32 to;
	__be16 port_from;
	__be16 port_to;
	__u16 header_delta;
	__u16 mtu;
	__u8 macs[12];
	__u8 new_macs[12];
	__u8 field;
	__u8 hops;
	__u16 machine;
};
_Static_assert(sizeof(struct flow_entry) == 96, "flow_entry");

struct ipv6_flow_entry {
	struct ipv6_flow_key key;
	__u32 target_slot;
	__u64 epoch;
	__u64 until;
	__u32 source_vpc;
	__u32 target_vpc;
	__u32 link;
	__u16 mtu;
	__u16 machine;
	__u8 macs[12];
	__u8 new_macs[12];
};
_Static_assert(sizeof(struct ipv6_flow_entry) == 104, "ipv6_flow_entry");

struct traffic_count {
	struct packet_count sent;
	struct packet_count received;
};
_Static_assert(sizeof(struct traffic_count) == 32, "traffic_count");

#pragma clang diagnostic pop

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct tracking);
} tracking SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct connection_floor);
} connection_floors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nat_key);
	__type(value, struct nat_connection);
} nat_connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct nat_key);
	__type(value, __u32);
} nat_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct flow_entry);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct ipv6_flow_entry);
} ipv6_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct changes);
} changes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} epochs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_record_key);
	__type(value, struct flow_record);
} flow_records_a SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_record_key);
	__type(value, struct flow_record);
} flow_records_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct flow_share);
} flow_shares SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} flow_window SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct drop_key);
	__type(value, struct packet_count);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct traffic_count);
} traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_control);
} trace_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4194304);
} trace_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} trace_lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
} first_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct link_local_count);
} link_local_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct machine);
} machines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct member_key);
	__type(value, struct member);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nat_block_key);
	__type(value, struct nat_block);
} nat_blocks SEC(".maps");
