/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What became of packets, told to whoever watches (datapath/events.ts).
 *
 * While nobody watches this costs one look at `trace_control`, a word that then never changes. A watch is a lease: user
 * space renews `until`, and when it does not (it may have been killed) the first packet after that time ends the watch.
 * The ring never holds a packet up: an event that finds no room is counted in `trace_lost`.
 *
 * The frame is told as it stands when the verdict falls: of a packet that goes on, as it leaves, translated; of a dropped
 * one, as it came, or the ICMP error or TCP reset that goes back. Addresses are told before and after.
 */
#pragma once

#include "packet.h"

/* Whether a watch is told of such a verdict at one of these interfaces. */
static __always_inline int trace_wants(const volatile struct trace_control *control, __u32 verdict,
				       __u32 a, __u32 b, __u32 c)
{
	__u32 i;

	if (!(control->verdicts >> (verdict & 7) & 1))
		return 0;
	if (!control->count)
		return 1;
	for (i = 0; i < TRACE_SLOTS; i++) {
		__u32 slot = control->slots[i];

		if (i < control->count && (slot == a || slot == b || slot == c))
			return 1;
	}
	return 0;
}

/* Whether somebody watches what goes on between two interfaces (0: outside): then every packet of theirs asks the stages. */
static __always_inline int trace_concerns(__u32 slot, __u32 other)
{
	__u32 zero = 0;
	const volatile struct trace_control *control = bpf_map_lookup_elem(&trace_control, &zero);

	return control && control->until &&
	       trace_wants(control, other ? VERDICT_DELIVER : VERDICT_INTERNET, slot, other, other);
}

/* The event itself. A function of its own, verified once, that only a watch calls. */
__noinline int trace_write(struct __sk_buff *skb, struct packet *p, __u32 verdict, __u32 reason)
{
	__u32 zero = 0, captured;
	struct trace_control *control = bpf_map_lookup_elem(&trace_control, &zero);
	__u64 now = bpf_ktime_get_ns(), until, *lost;
	struct trace_event *e;

	if (!p || !control)
		return 0;
	until = control->until;
	if (until <= now) {
		/* Unless it was renewed this very moment. */
		__sync_val_compare_and_swap(&control->until, until, 0);
		return 0;
	}
	if (!trace_wants(control, verdict, p->link, p->charge, p->target_slot))
		return 0;
	e = bpf_ringbuf_reserve(&trace_events, sizeof(*e), 0);
	if (!e) {
		lost = bpf_map_lookup_elem(&trace_lost, &zero);
		if (lost)
			__sync_fetch_and_add(lost, 1);
		return 0;
	}
	e->time = now;
	e->ingress = skb->ingress_ifindex;
	e->target = p->target_slot;
	e->charge = p->charge;
	e->length = p->bytes;
	e->source = p->arrived.source;
	e->destination = p->arrived.destination;
	e->source_after = p->flow.source;
	e->destination_after = p->flow.destination;
	e->source_port = p->flow.source_port;
	e->destination_port = p->flow.destination_port;
	e->reason = reason;
	e->verdict = verdict;
	e->protocol = p->arrived.protocol;
	e->has_ports = p->flow.has_ports;
	e->type = p->flow.type;
	e->code = p->flow.code;
	e->frame_length = skb->len;
	captured = skb->len < control->snap ? skb->len : control->snap;
	if (captured > TRACE_SNAP)
		captured = TRACE_SNAP;
	/* Kernel 6.1 takes 1 to TRACE_SNAP from a mask only; the compiler must not see that it changes nothing. */
	__asm__ volatile("" : "+r"(captured));
	if (captured < 1 ||
	    bpf_skb_load_bytes(skb, 0, e->frame, ((captured - 1) & (TRACE_SNAP - 1)) + 1))
		captured = 0;
	e->captured = captured;
	/* The reader looks at the ring by itself: waking it for every packet would cost more than the event. */
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Called once for every packet, where its verdict is final. */
static __always_inline void trace_verdict(struct __sk_buff *skb, const struct packet *p,
					  __u32 verdict, __u32 reason)
{
	__u32 zero = 0;
	const volatile struct trace_control *control = bpf_map_lookup_elem(&trace_control, &zero);

	if (control && control->until)
		trace_write(skb, (struct packet *)p, verdict, reason);
}
