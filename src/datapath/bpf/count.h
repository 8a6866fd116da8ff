/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Counters: drops per interface and reason, traffic per interface; and the report that a test run reads. */
#pragma once

#include "packet.h"
#include "trace.h"

struct drop_key {
	__u32 interface; /* slot; 0: what came from the internet for nobody */
	__u32 reason;
};

struct packet_count {
	__u64 packets;
	__u64 bytes;
};

/* Seen from the instance: sent and received. */
struct traffic_count {
	struct packet_count sent;
	struct packet_count received;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct drop_key);
	__type(value, struct packet_count);
} drops SEC(".maps");

/* Shared between CPUs and counted atomically: per CPU it would cost a row for every interface and every CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct traffic_count);
} traffic SEC(".maps");

static __always_inline void report(struct __sk_buff *skb, __u32 verdict, __u32 reason, __u32 target)
{
	skb->cb[0] = verdict;
	skb->cb[1] = reason;
	skb->cb[2] = target;
}

static __always_inline void count_drop(__u32 interface, __u32 reason, __u32 bytes)
{
	struct drop_key key = { .interface = interface, .reason = reason };
	struct packet_count *row = bpf_map_lookup_elem(&drops, &key);

	if (row) {
		row->packets += 1;
		row->bytes += bytes;
	} else {
		struct packet_count first = { .packets = 1, .bytes = bytes };

		bpf_map_update_elem(&drops, &key, &first, BPF_NOEXIST);
	}
}

static __always_inline int drop_packet(struct __sk_buff *skb, const struct packet *p, __u32 reason)
{
	count_drop(p->charge, reason, p->bytes);
	report(skb, VERDICT_DROP, reason, p->charge);
	trace_verdict(skb, p, VERDICT_DROP, reason);
	return TC_ACT_SHOT;
}

static __always_inline void count_sent(__u32 interface, __u32 bytes)
{
	struct traffic_count *row = bpf_map_lookup_elem(&traffic, &interface);

	if (row) {
		__sync_fetch_and_add(&row->sent.packets, 1);
		__sync_fetch_and_add(&row->sent.bytes, bytes);
	}
}

static __always_inline void count_received(__u32 interface, __u32 bytes)
{
	struct traffic_count *row = bpf_map_lookup_elem(&traffic, &interface);

	if (row) {
		__sync_fetch_and_add(&row->received.packets, 1);
		__sync_fetch_and_add(&row->received.bytes, bytes);
	}
}
