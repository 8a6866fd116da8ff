/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Counters: drops per interface and reason, traffic per interface; and the report that a test run reads. */
#pragma once

#include "packet.h"
#include "trace.h"

/* For a test run and for what comes after: the verdict, the reason, the interface or link that it goes to or is counted for. */
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
