/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Generated from contract/tables.ts and contract/stages.ts by tools/generate-header.ts. Do not edit. */
/* clang-format off */
#pragma once

#define LAYOUT_VERSION 7
#define MAX_GROUPS_PER_INTERFACE 16
#define RULES_PER_CHUNK 8
#define MAX_RULES_PER_LIST 4096
#define MAX_POOLS 8
#define MAX_NAT_ADDRESSES 8
#define MAX_ASKING_ADDRESSES 32
#define ANY_PROTOCOL 0xffff
#define ANY_ICMP 0xffff
#define ALIAS_BASE 0xf0000000U
#define ALIAS_SLOT_BITS 20
#define ALIAS_PLACE_BITS 5
#define ALIAS_DNS_BIT 25
#define ALIAS_IPV6 0xfd006b67U
#define MAX_ZONES 8
#define IPV6_ROUTES 0x80000000U
#define IPV6_BLOCKS 0xffffffffU
#define ROUTER_MAC { 0x02, 0x67, 0x6b, 0x00, 0x00, 0x01 }

enum drop_reason {
	DROP_none = 0,
	DROP_malformed = 1,
	DROP_not_ip = 2,
	DROP_ipv6_not_offered = 3,
	DROP_unknown_interface = 4,
	DROP_interface_down = 5,
	DROP_spoofed_mac = 6,
	DROP_spoofed_source = 7,
	DROP_multicast = 8,
	DROP_broadcast = 9,
	DROP_link_local = 10,
	DROP_metadata_disabled = 11,
	DROP_dns_disabled = 12,
	DROP_no_such_service = 13,
	DROP_security_group_out = 14,
	DROP_security_group_in = 15,
	DROP_connections_full = 16,
	DROP_fragment_without_first = 17,
	DROP_network_acl_out = 18,
	DROP_network_acl_in = 19,
	DROP_no_route = 20,
	DROP_blackhole = 21,
	DROP_no_such_private_address = 22,
	DROP_route_loop = 23,
	DROP_no_internet_gateway = 24,
	DROP_no_public_ip = 25,
	DROP_public_ip_not_mapped = 26,
	DROP_private_destination = 27,
	DROP_shared_destination = 28,
	DROP_private_source = 29,
	DROP_shared_source = 30,
	DROP_own_source = 31,
	DROP_not_for_us = 32,
	DROP_too_big = 33,
	DROP_destination_down = 34,
	DROP_tables_incomplete = 35,
	DROP_destination_check = 36,
	DROP_nat_source = 37,
	DROP_nat_protocol = 38,
	DROP_nat_no_connection = 39,
	DROP_nat_connection_expired = 40,
	DROP_nat_ports_exhausted = 41,
	DROP_nat_connections_full = 42,
	DROP_nat_private = 43,
	DROP_peering_source = 44,
	DROP_block_public_access = 45,
	DROP_nothing_behind = 46,
	DROP_egress_only = 47,
	DROP_link_local_allowance = 48,
	DROP_nat_fragment = 49,
	DROP_nat_ttl = 50,
	DROP_nat64_destination = 51,
	DROP_nat64_checksum = 52,
	DROP_endpoint_without_service = 53,
	DROP_stranger = 54,
	DROP_moved = 55,
	DROP_no_uplink = 56,
};

enum vpc_flags {
	VPC_DNS_SUPPORT = 1,
	VPC_FLOW_LOG = 2,
};

enum subnet_flags {
	SUBNET_FLOW_LOG = 1,
	SUBNET_BLOCK_OUT = 2,
	SUBNET_BLOCK_IN = 4,
	SUBNET_NO_NETWORK_ACL = 8,
};

enum interface_flags {
	INTERFACE_PRESENT = 1,
	INTERFACE_UP = 2,
	INTERFACE_SOURCE_DEST_CHECK = 4,
	INTERFACE_SECONDARY_ADDRESSES = 8,
	INTERFACE_METADATA = 16,
	INTERFACE_FLOW_LOG = 32,
	INTERFACE_NAT_GATEWAY = 64,
	INTERFACE_METADATA_IPV6 = 128,
	INTERFACE_IDLE_TIMEOUTS = 256,
	INTERFACE_ENDPOINT = 512,
};

enum nat_gateway_flags {
	NAT_GATEWAY_PUBLIC = 1,
	NAT_GATEWAY_REGIONAL = 2,
};

enum route_target {
	ROUTE_BLACKHOLE = 0,
	ROUTE_LOCAL = 1,
	ROUTE_INTERNET_GATEWAY = 2,
	ROUTE_INTERFACE = 3,
	ROUTE_NAT_GATEWAY = 4,
	ROUTE_PEERING = 5,
	ROUTE_NOTHING = 6,
	ROUTE_EGRESS_ONLY = 7,
	ROUTE_REMOTE_PEERING = 8,
};

enum rule_list_kind {
	RULE_LIST_SECURITY_GROUP_OUT = 0,
	RULE_LIST_SECURITY_GROUP_IN = 1,
	RULE_LIST_NETWORK_ACL_OUT = 2,
	RULE_LIST_NETWORK_ACL_IN = 3,
};

/* An IPv6 address or a mapped IPv4 address, network order. */
union address_bytes {
	__u8 bytes[16];
	__be32 word[4];
};

/* No byte is hidden padding: so a field of another size is found also where the struct's size stays. */
#pragma clang diagnostic push
#pragma clang diagnostic error "-Wpadded"

struct vpc {
	__u32 internet_gateway;
	__u32 flags;
	__u32 gateway_route_table;
	__be32 dns;
};
_Static_assert(sizeof(struct vpc) == 16, "vpc");

struct subnet {
	__u32 vpc;
	__u32 route_table;
	__u32 network_acl;
	__be32 block;
	__be32 router;
	__u32 length;
	__u32 flags;
	__u32 ipv6_length;
	__u32 zone;
	union address_bytes ipv6_block;
};
_Static_assert(sizeof(struct subnet) == 52, "subnet");

struct interface {
	__u32 flags;
	__u32 vpc;
	__u32 subnet;
	__be32 private_ip;
	__be32 public_ip;
	__u32 machine;
	union address_bytes ipv6;
	__u8 mac[6];
	__u8 group_count;
	__u8 hop_limit;
	__u32 groups[16];
};
_Static_assert(sizeof(struct interface) == 112, "interface");

struct address_key {
	__u32 vpc;
	union address_bytes address;
};
_Static_assert(sizeof(struct address_key) == 20, "address_key");

struct address {
	__u32 interface;
	__be32 public_ip;
};
_Static_assert(sizeof(struct address) == 8, "address");

struct asking_addresses_key {
	__u32 interface;
	__u32 ipv6;
};
_Static_assert(sizeof(struct asking_addresses_key) == 8, "asking_addresses_key");

struct asking_addresses {
	union address_bytes addresses[32];
};
_Static_assert(sizeof(struct asking_addresses) == 512, "asking_addresses");

struct public_address {
	__u32 interface;
	__be32 private_ip;
};
_Static_assert(sizeof(struct public_address) == 8, "public_address");

struct route_key {
	__u32 prefix_length;
	__u32 route_table;
	union address_bytes address;
};
_Static_assert(sizeof(struct route_key) == 24, "route_key");

struct route {
	__u32 target;
	__u32 slot;
};
_Static_assert(sizeof(struct route) == 8, "route");

struct rule_list_key {
	__u32 kind;
	__u32 owner;
};
_Static_assert(sizeof(struct rule_list_key) == 8, "rule_list_key");

struct rule_list {
	__u64 version;
	__u32 count;
	__u32 open;
};
_Static_assert(sizeof(struct rule_list) == 16, "rule_list");

struct rule_chunk_key {
	__u64 version;
	__u32 kind;
	__u32 owner;
	__u32 chunk;
	__u32 pad;
};
_Static_assert(sizeof(struct rule_chunk_key) == 24, "rule_chunk_key");

struct rule {
	union address_bytes peer;
	__u32 group;
	__u32 number;
	__u16 protocol;
	__u16 port_from;
	__u16 port_to;
	__u8 peer_length;
	__u8 action;
};
_Static_assert(sizeof(struct rule) == 32, "rule");

struct idle_timeout_key {
	__u32 interface;
};
_Static_assert(sizeof(struct idle_timeout_key) == 4, "idle_timeout_key");

struct idle_timeout {
	__u32 tcp_established;
	__u32 udp;
	__u32 udp_stream;
};
_Static_assert(sizeof(struct idle_timeout) == 12, "idle_timeout");

struct nat_gateway_key {
	__u32 interface;
};
_Static_assert(sizeof(struct nat_gateway_key) == 4, "nat_gateway_key");

struct nat_gateway {
	__u32 flags;
	__u32 count;
	__be32 addresses[8];
	__u32 zones[8];
};
_Static_assert(sizeof(struct nat_gateway) == 72, "nat_gateway");

struct pool {
	__be32 base;
	__be32 mask;
	__u32 first;
	__u32 size;
};
_Static_assert(sizeof(struct pool) == 16, "pool");

struct rule_chunk {
	struct rule rules[8];
};
_Static_assert(sizeof(struct rule_chunk) == 256, "rule_chunk");

struct settings {
	__u32 layout;
	__u32 pool_count;
	__u32 uplink;
	__u32 services;
	__u32 fragments;
	__u32 connection_limit;
	__u32 connections_crowded;
	__u32 connection_share;
	__u32 nat_connection_limit;
	__u32 nat_connections_crowded;
	__u32 nat_connection_share;
	__u32 nat_ports;
	__u32 flow_records_shared;
	__u32 flow_record_share;
	__u32 link_local_allowance;
	__u32 machine;
	__u32 overlay;
	__u32 overlay_mtu;
	__be32 gateways;
	__u32 pad;
	__u64 now;
	__u8 uplink_mac[6];
	__u8 uplink_peer_mac[6];
	__u8 services_mac[6];
	__u8 services_peer_mac[6];
	struct pool pools[8];
};
_Static_assert(sizeof(struct settings) == 240, "settings");

#pragma clang diagnostic pop

struct interface_row {
	struct bpf_spin_lock lock;
	struct interface row;
};
_Static_assert(__builtin_offsetof(struct interface_row, row) == 4, "interface_row");
_Static_assert(sizeof(struct interface_row) == 116, "interface_row");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct vpc);
} vpcs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 262144);
	__type(key, __u32);
	__type(value, struct subnet);
} subnets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1048576);
	__type(key, __u32);
	__type(value, struct interface_row);
} interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1310720);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address_key);
	__type(value, struct address);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct asking_addresses_key);
	__type(value, struct asking_addresses);
} asking_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1114112);
	__type(key, __u32);
	__type(value, struct public_address);
} public_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 524288);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct route_key);
	__type(value, struct route);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct idle_timeout_key);
	__type(value, struct idle_timeout);
} idle_timeouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct nat_gateway_key);
	__type(value, struct nat_gateway);
} nat_gateways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rule_list_key);
	__type(value, struct rule_list);
} rule_lists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rule_chunk_key);
	__type(value, struct rule_chunk);
} rule_chunks SEC(".maps");
