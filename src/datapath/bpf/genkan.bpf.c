// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The way of a packet. One program runs once per packet, at the ingress of the link where it enters Genkan's namespace,
 * and decides everything from the tables (tables.h, generated from contract/tables.ts). Every stage ends in a named drop
 * (contract/stages.ts); what no stage lets through is dropped.
 *
 *  from_eni (every interface's link; its index is the interface's slot)
 *
 *    parse -> admit -> services --(metadata, DNS)--------------------------------------> services' link
 *                         |
 *                       route   (looked up here, its failure reported below)
 *                         |
 *                 security_group_out
 *                         |
 *                  network_acl_out  (not within a subnet; sees private source, real destination)
 *                         |
 *               no_route, blackhole, ...
 *                         |
 *        +----------------+--------------------+<------ nat_gateway: its ACL, its address and port, its own route and ACL
 *      local         to an interface    internet_gateway: attached? not blocked? public address? destination possible?
 *        |                |                    |              source becomes public
 *        |                |                    +--(not in our pools)--> deliver -------> uplink
 *        |                |                    |
 *        |                |                    v  (hairpin)
 *        |                |             internet_gateway <------ parse <------ from_uplink
 *        |                |              ours? mapped? gateway attached? source possible?
 *        |                |                    |              destination becomes private
 *        +----------------+--------------------+
 *                         |
 *                  nat_gateway      (when it is for one: the private address again, its own route and ACL)
 *                         |
 *                  network_acl_in   (not within a subnet; sees the private destination)
 *                         |
 *                 security_group_in
 *                         |
 *                      deliver      up? destination check, MTU, rewrite ----------------> interface's link
 *
 *  from_services    parse -> services (alias back to the interface) -> deliver, past groups and ACLs
 *  IPv6             the same way: neighbour.h in the place of ARP, ipv6_gateway.h in that of internet_gateway; a nat_gateway makes IPv4
 *                   of it (nat64.h)
 *  from_fragments   pieces of what is too long for the internet (fragment.h)
 *
 * A drop is counted for the sending interface, and from the moment that the receiving one is known (internet_gateway
 * inwards, network_acl_in) for that one; for interface 0 when the packet came from the internet for nobody.
 * A packet for its own sender goes the same way and meets both of its directions.
 */
#include "deliver.h"
#include "admit.h"
#include "flow_log.h"
#include "internet_gateway.h"
#include "ipv6_gateway.h"
#include "nat_gateway.h"
#include "neighbour.h"
#include "network_acl.h"
#include "parse.h"
#include "reset.h"
#include "route.h"
#include "security_group.h"
#include "services.h"

/* A clean view of a new packet; nothing when the tables are not (or no longer) what this program was built for. */
static __always_inline struct packet *begin(struct __sk_buff *skb, __u32 link)
{
	__u32 zero = 0;
	struct packet *p = bpf_map_lookup_elem(&scratch, &zero);
	const struct settings *s = get_settings();
	const volatile struct changes *c = get_changes();

	if (!p || !s || !c)
		return 0;
	__builtin_memset(p, 0, __builtin_offsetof(struct packet, buffer));
	p->link = link;
	p->charge = link;
	p->sender = link;
	p->bytes = skb->len;
	p->segmented = skb->gso_size != 0;
	p->now = clock_now(s);
	p->sequence = c->sequence;
	__asm__ volatile("" ::: "memory");
	return p;
}

static __always_inline int is_ipv6(const struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IPV6);
}

static __always_inline int layout_differs(void)
{
	const struct settings *s = get_settings();

	return !s || s->layout != LAYOUT_VERSION;
}

/* Into an interface: its subnet's ACL and its groups. */
static __noinline int guards_in(struct packet *p)
{
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	p->charge = p->target_slot;
	if (!p->same_subnet) {
		reason = network_acl(p, RULE_LIST_NETWORK_ACL_IN, p->target.subnet);
		if (reason)
			return reason;
	}
	return p->target.flags & INTERFACE_NAT_GATEWAY ? 0 : security_group(p, 1);
}

/* From the NAT gateway p->target on: what goes on has its interface as the source, and its subnet's table to go by. */
static __noinline int onward_from_nat(struct __sk_buff *skb, struct packet *p)
{
	const struct subnet *subnet;
	__u32 slot;
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	slot = p->target_slot;
	p->source = p->target;
	p->own_source = 0;
	p->group_identity = 0;
	p->through_service = 1;
	p->sender = slot;
	subnet = find_subnet(p->source.subnet);
	if (!subnet)
		return DROP_tables_incomplete;
	p->same_subnet = in_subnet(subnet, &p->flow.destination);
	reason = route(p);
	if (reason)
		return reason;
	if (!p->same_subnet)
		reason = network_acl(p, RULE_LIST_NETWORK_ACL_OUT, p->source.subnet);
	flow_log_out(skb, p, slot, reason);
	return reason;
}

/* Out through the NAT gateway p->target. */
static __noinline int through_nat(struct __sk_buff *skb, struct packet *p)
{
	const struct nat_gateway *gateway;
	int reason = guards_in(p);

	if (!p)
		return DROP_tables_incomplete;
	flow_log_at_nat(skb, p, reason);
	if (!reason)
		reason = nat_out(p);
	gateway = find_nat_gateway(p->target_slot);
	if (!reason)
		reason = onward_from_nat(skb, p);
	if (reason)
		return reason;
	if (p->way == WAY_NAT)
		return DROP_route_loop;
	return p->way == WAY_GATEWAY && !(gateway && gateway->flags & NAT_GATEWAY_PUBLIC)
		       ? DROP_nat_private
		       : 0;
}

/* Back through the NAT gateway p->target, which sent what this answers. */
static __noinline int back_through_nat(struct __sk_buff *skb, struct packet *p)
{
	int reason = guards_in(p);

	if (!p)
		return DROP_tables_incomplete;
	flow_log_at_nat(skb, p, reason);
	if (!reason)
		reason = nat_in(p);
	if (!reason)
		reason = onward_from_nat(skb, p);
	if (reason)
		return reason;
	return p->way == WAY_GATEWAY || p->target.flags & INTERFACE_NAT_GATEWAY ? DROP_route_loop
										: 0;
}

/* In through the internet gateway. */
static __noinline int in_by_gateway(struct __sk_buff *skb, struct packet *p)
{
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	p->through_service = 0;
	p->sender = 0;
	reason = p->is_ipv6 ? ipv6_gateway_in(p) : internet_gateway_in(p);
	if (reason == DROP_block_public_access)
		flow_log_blocked(skb, p);
	return reason;
}

/* Through the internet gateway, and straight in again when the destination is one of our own. */
static __noinline int through_gateway(struct __sk_buff *skb, struct packet *p)
{
	int reason;

	if (!p)
		return DROP_tables_incomplete;
	reason = p->is_ipv6 ? ipv6_gateway_out(p) : internet_gateway_out(p);
	flow_log_gateway(skb, p, reason);
	if (reason)
		return reason;
	p->leaves = p->target_slot == NO_POOL;
	if (p->leaves)
		return 0;
	p->kind = OVERLAY_HAIRPIN;
	p->outside = V4(p->flow.destination);
	p->inner_outside = V4(p->inner.source);
	return in_by_gateway(skb, p);
}

/* The machine where the stages of p->target are; 0: here. */
static __always_inline __u32 machine_of_target(struct packet *p)
{
	const struct settings *s = get_settings();

	if (!s || !s->machine)
		return 0;
	return p->target.flags & INTERFACE_NAT_GATEWAY ? nat_machine(p) : machine_of(s, &p->target);
}

/* The last stages of whatever goes to an interface. */
static __always_inline int into_interface(struct __sk_buff *skb, struct packet *p)
{
	__u32 machine;
	int reason;

	if (!p)
		return TC_ACT_SHOT;
	machine = machine_of_target(p);
	if (machine)
		return to_machine(skb, p, machine);
	if (p->target.flags & INTERFACE_NAT_GATEWAY) {
		reason = back_through_nat(skb, p);
		if (reason)
			return drop_packet(skb, p, reason);
		p->kind = OVERLAY_LOCAL;
		p->settled = 0;
		machine = machine_of_target(p);
		if (machine)
			return to_machine(skb, p, machine);
	}
	p->log_in = is_logged(&p->target);
	reason = guards_in(p);
	if (reason) {
		flow_log_in(skb, p, 1);
		return drop_packet(skb, p, reason);
	}
	return deliver(skb, p);
}

/* How it ends: `ended` is what the program returns, or that its sender is to hear that it is too long. */
static __always_inline int end(struct __sk_buff *skb, struct packet *p, int ended)
{
	return ended == TOO_LONG ? refuse_too_big(skb, p) : ended;
}

SEC("tc")
int from_eni(struct __sk_buff *skb)
{
	struct packet *p;
	int reason = is_ipv6(skb) ? ipv6_fast_path(skb, skb->ingress_ifindex)
				  : fast_path(skb, skb->ingress_ifindex);

	if (reason != NOT_FAST)
		return reason;
	p = begin(skb, skb->ingress_ifindex);
	if (!p)
		return TC_ACT_SHOT;
	if (layout_differs())
		return drop_packet(skb, p, DROP_tables_incomplete);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return arp_from_eni(skb, p);
	reason = parse(skb, p);
	if (!reason && p->is_neighbour)
		return neighbour_from_eni(skb, p);
	if (!reason)
		reason = admit(p);
	if (reason)
		return drop_packet(skb, p, reason);
	p->may_keep = 1;
	reason = fragment_ports(p);
	if (reason)
		return drop_packet(skb, p, reason);
	reason = p->is_ipv6 ? services_ipv6(skb, p) : services(skb, p);
	if (!reason)
		return end(skb, p, leave_to_services(skb, p));
	if (reason != SERVICES_PASS)
		return drop_packet(skb, p, reason);
	p->route_reason = route(p);
	p->through_service = !p->route_reason &&
			     (p->way == WAY_EGRESS_ONLY || p->target.flags & INTERFACE_NAT_GATEWAY);
	reason = security_group(p, 0);
	if (!reason && !p->same_subnet)
		reason = network_acl(p, RULE_LIST_NETWORK_ACL_OUT, p->source.subnet);
	if (reason || !p->route_reason)
		flow_log_out(skb, p, p->link, reason);
	if (!reason)
		reason = p->route_reason;
	if (!reason && p->way == WAY_NAT)
		reason = through_nat(skb, p);
	if (reason == DROP_nat_connection_expired)
		return refuse_with_reset(skb, p);
	if (reason == DROP_nat_ttl)
		return refuse_expired(skb, p);
	if (!reason && (p->way == WAY_GATEWAY || p->way == WAY_EGRESS_ONLY))
		reason = through_gateway(skb, p);
	if (reason)
		return drop_packet(skb, p, reason);
	return end(skb, p, p->leaves ? leave(skb, p) : into_interface(skb, p));
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct packet *p;
	int reason = is_ipv6(skb) ? ipv6_fast_path(skb, 0) : fast_path(skb, 0);

	if (reason != NOT_FAST)
		return reason;
	p = begin(skb, 0);
	if (!p)
		return TC_ACT_SHOT;
	if (layout_differs())
		return drop_packet(skb, p, DROP_tables_incomplete);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return arp_from_uplink(skb, p);
	reason = parse(skb, p);
	if (!reason && p->is_neighbour)
		return neighbour_from_uplink(skb, p);
	p->may_keep = 1;
	p->kind = OVERLAY_INTERNET_IN;
	if (!reason)
		reason = in_by_gateway(skb, p);
	if (reason)
		return drop_packet(skb, p, reason);
	/* Only now, when the packet is for an interface: other first fragments are not worth remembering. */
	reason = fragment_ports(p);
	return reason ? drop_packet(skb, p, reason) : end(skb, p, into_interface(skb, p));
}

SEC("tc")
int from_services(struct __sk_buff *skb)
{
	struct packet *p = begin(skb, 0);
	int reason;

	if (!p)
		return TC_ACT_SHOT;
	if (layout_differs())
		return drop_packet(skb, p, DROP_tables_incomplete);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return arp_from_services(skb, p);
	reason = parse(skb, p);
	if (!reason && p->is_neighbour)
		return neighbour_from_services(skb, p);
	if (!reason)
		reason = p->is_ipv6 ? services_back_ipv6(skb, p) : services_back(skb, p);
	if (reason)
		return drop_packet(skb, p, reason);
	return end(skb, p, deliver(skb, p));
}

SEC("tc")
int from_fragments(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	__u32 target = mark >> MARK_PIECE_BITS;
	int reason;

	/* The link's own noise, not one of our clones. */
	if (!mark)
		return absorb(skb);
	reason = cut_piece(skb, mark & ((1U << MARK_PIECE_BITS) - 1));
	skb->mark = 0;
	if (reason) {
		count_drop(0, reason, skb->len);
		report(skb, VERDICT_DROP, reason, 0);
		return TC_ACT_SHOT;
	}
	report(skb, VERDICT_DELIVER, 0, target);
	return out_by(skb, target);
}

/* What is for the internet leaves as it came, whoever's it is. */
static __always_inline int out_of_gateway(struct __sk_buff *skb, struct packet *p,
					  const struct settings *s)
{
	if (!s->uplink)
		return drop_packet(skb, p, DROP_no_uplink);
	if (write_macs(skb, s->uplink_mac, s->uplink_peer_mac))
		return drop_packet(skb, p, DROP_malformed);
	report(skb, VERDICT_INTERNET, 0, s->uplink);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(s->uplink, 0);
}

/* An ICMP error that another machine made, for an interface here, which sent what it is about. */
static __always_inline int back_to_sender(struct __sk_buff *skb, struct packet *p,
					  const struct settings *s, __u32 slot, __u32 vni)
{
	if (!read_interface(slot, &p->target) || machine_of(s, &p->target))
		return drop_packet(skb, p, DROP_moved);
	if (vni != vni_of(p->target.vpc) || write_macs(skb, router_mac, p->target.mac))
		return drop_packet(skb, p, DROP_malformed);
	report(skb, VERDICT_DELIVER, 0, slot);
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(slot, 0);
}

/* What the sender's machine decided: 0, or a reason to drop. */
static __noinline int resume(struct packet *p)
{
	const struct overlay_words *w;

	if (!p)
		return DROP_tables_incomplete;
	w = &p->words;
	p->charge = p->target_slot = w->target;
	p->link = w->sender;
	p->sender = w->via ? w->via : w->sender;
	p->way = w->way;
	p->group_identity = (w->flags & OVERLAY_GROUP_IDENTITY) != 0;
	p->through_gateway = (w->flags & OVERLAY_THROUGH_GATEWAY) != 0;
	p->through_service = (w->flags & OVERLAY_THROUGH_SERVICE) != 0;
	p->same_subnet = (w->flags & OVERLAY_SAME_SUBNET) != 0;
	p->passed_nat = (w->flags & OVERLAY_PASSED_NAT) != 0;
	p->sized = (w->flags & OVERLAY_SIZED) != 0;
	if (p->sender)
		read_interface(p->sender, &p->source);
	if (!read_interface(p->target_slot, &p->target))
		return DROP_moved;
	return p->vni == vni_of(p->target.vpc) ? 0 : DROP_malformed;
}

/* In by the internet gateway, from another machine: of a hairpin the sender's public address is not in the bytes yet. */
static __noinline int in_from_machine(struct __sk_buff *skb, struct packet *p)
{
	int reason = 0;
	__be32 public_ip;

	if (!p)
		return DROP_tables_incomplete;
	if (p->words.kind == OVERLAY_HAIRPIN) {
		reason = resume(p);
		if (!reason && !p->is_ipv6 && !p->passed_nat) {
			public_ip = public_source(p);
			if (!public_ip)
				return DROP_no_public_ip;
			view_source(p, public_ip);
		}
	} else if (p->vni != VNI_INTERNET_IN) {
		reason = DROP_malformed;
	}
	return reason ? reason : in_by_gateway(skb, p);
}

/* The rest of what another machine began. */
static __always_inline int from_machine(struct __sk_buff *skb, struct packet *p,
					const struct settings *s)
{
	const struct overlay_words *w = &p->words;
	__u32 vni = p->vni;
	__u8 macs[12];
	int reason;

	if (bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)))
		return drop_packet(skb, p, DROP_malformed);
	read_overlay_words(macs, &p->words);
	p->over = 1;
	p->settled = 1;
	p->may_keep = 1;
	if (w->kind == OVERLAY_INTERNET_OUT && vni == VNI_INTERNET_OUT)
		return out_of_gateway(skb, p, s);
	if (w->kind == OVERLAY_BACK)
		return back_to_sender(skb, p, s, w->target, vni);
	reason = parse(skb, p);
	if (!reason && p->is_neighbour)
		reason = DROP_malformed;
	if (!reason) {
		if (w->kind == OVERLAY_LOCAL)
			reason = resume(p);
		else if (w->kind == OVERLAY_INTERNET_IN || w->kind == OVERLAY_HAIRPIN)
			reason = in_from_machine(skb, p);
		else
			reason = DROP_malformed;
	}
	if (!reason)
		reason = fragment_ports(p);
	return reason ? drop_packet(skb, p, reason) : end(skb, p, into_interface(skb, p));
}

SEC("tc")
int from_overlay(struct __sk_buff *skb)
{
	const struct settings *s = get_settings();
	struct packet *p = begin(skb, 0);

	if (!p || !s)
		return TC_ACT_SHOT;
	if (layout_differs())
		return drop_packet(skb, p, DROP_tables_incomplete);
	if (!from_member(skb, p))
		return drop_packet(skb, p, DROP_stranger);
	return from_machine(skb, p, s);
}

char _license[] SEC("license") = "Dual MIT/GPL";
