/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How many packets an interface sends to link-local services in a second. The services are processes that all instances share:
 * what one sends too many of ends here, before it costs anybody else's time. Two processors that begin a second at once may let a
 * few packets more through.
 */
#pragma once

#include "packet.h"

/* Packets on a wire: a sender that leaves cutting to the device sends many at once, and may say what it likes of their size. */
static __always_inline __u32 packets_on_a_wire(const struct __sk_buff *skb, const struct packet *p)
{
	__u32 size = skb->gso_size;

	if (!size)
		return 1;
	return 1 + p->total_length / (size < INSIDE_MTU ? size : INSIDE_MTU);
}

/* 0, or the reason to drop. */
static __always_inline int over_allowance(const struct __sk_buff *skb, const struct packet *p)
{
	__u32 second = p->now / SECOND, slot = p->link;
	const struct settings *s = get_settings();
	struct link_local_count *count = bpf_map_lookup_elem(&link_local_counts, &slot);

	if (!count) {
		struct link_local_count first = { .second = second };

		bpf_map_update_elem(&link_local_counts, &slot, &first, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&link_local_counts, &slot);
	}
	if (!s || !count)
		return DROP_link_local_allowance;
	if (count->second != second) {
		count->second = second;
		count->packets = 0;
	}
	if (count->packets >= s->link_local_allowance)
		return DROP_link_local_allowance;
	__sync_fetch_and_add(&count->packets, packets_on_a_wire(skb, p));
	return 0;
}
