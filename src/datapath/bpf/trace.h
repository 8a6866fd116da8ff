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

#define TRACE_SNAP 256	/* most bytes of a frame in an event */
#define TRACE_SLOTS 8	/* most interfaces that the kernel filters for */
#define TRACE_RING (4 << 20)

struct trace_control {
	__u64 until;	/* nanoseconds, monotonic clock; 0: nobody watches */
	__u32 verdicts; /* bit n: verdict n is told */
	__u32 snap;	/* bytes of the frame, up to TRACE_SNAP */
	__u32 count;	/* of `slots`; 0: every interface is told */
	__u32 slots[TRACE_SLOTS];
	__u32 pad;
};

struct trace_event {
	__u64 time; /* nanoseconds, monotonic clock */
	__u32 ingress; /* index of the link it came in on: the sender's slot, the uplink, the services' link */
	__u32 target;  /* the receiving interface's slot, 0 when there is none or none was known yet */
	__u32 charge;  /* whose counters a drop went to */
	__u32 length;  /* of the frame when it came */
	__u32 frame_length; /* and as it stands */
	__u32 captured; /* of that */
	union address_bytes source; /* as it came; 0 when that was never read */
	union address_bytes destination;
	union address_bytes source_after; /* as the last stage saw it */
	union address_bytes destination_after;
	__u16 source_port; /* host order; ICMP: see parse.h */
	__u16 destination_port;
	__u16 reason;
	__u8 verdict;
	__u8 protocol;
	__u8 has_ports;
	__u8 type;
	__u8 code;
	__u8 pad[5];
	__u8 frame[TRACE_SNAP];
};
_Static_assert(sizeof(struct trace_event) == 112 + TRACE_SNAP, "trace_event");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_control);
} trace_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TRACE_RING);
} trace_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} trace_lost SEC(".maps");

/* Whether a watch is told of such a verdict at one of these interfaces. */
static __always_inline int trace_wants(const volatile struct trace_control *control, __u32 verdict, __u32 a, __u32 b, __u32 c)
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

	return control && control->until && trace_wants(control, other ? VERDICT_DELIVER : VERDICT_INTERNET, slot, other, other);
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
	if (captured < 1 || bpf_skb_load_bytes(skb, 0, e->frame, ((captured - 1) & (TRACE_SNAP - 1)) + 1))
		captured = 0;
	e->captured = captured;
	/* The reader looks at the ring by itself: waking it for every packet would cost more than the event. */
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Called once for every packet, where its verdict is final. */
static __always_inline void trace_verdict(struct __sk_buff *skb, const struct packet *p, __u32 verdict, __u32 reason)
{
	__u32 zero = 0;
	const volatile struct trace_control *control = bpf_map_lookup_elem(&trace_control, &zero);

	if (control && control->until)
		trace_write(skb, (struct packet *)p, verdict, reason);
}
