/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stages security_group_out and security_group_in: stateful. What belongs to a remembered exchange passes, and so
 * does an ICMP error about one; anything else needs a rule of one of the interface's groups, and is remembered.
 * ICMP errors, and answers that nobody asked for, may pass by a rule but open nothing.
 *
 * Not remembered are TCP and UDP between anybody and the interface, when rules for everybody (0.0.0.0/0; ::/0 for IPv6) let both
 * directions pass and those of one direction do so for all ports: only the rules decide each packet. Except through a NAT or
 * egress-only gateway: such exchanges are always tracked.
 * Nor is TCP remembered from its middle on: what was untracked ends with the rule that let it pass, whoever sends next.
 * (EC2 user guide, "Security group connection tracking": untracked connections, automatically tracked connections.)
 */
#pragma once

#include "connection.h"
#include "network_acl.h"

static __always_inline int match_groups(struct packet *p, const struct interface *eni, __u32 kind)
{
	int i, match;

	for (i = 0; i < MAX_GROUPS_PER_INTERFACE; i++) {
		if (i >= eni->group_count)
			break;
		match = match_list(p, kind, eni->groups[i]);
		if (match == MATCH_ALLOW || match == MATCH_INCOMPLETE)
			return match;
	}
	return MATCH_NONE;
}

enum { OPEN_MATCH = 1, OPEN_ALL_PORTS = 2 };

#define OPEN_IPV6 (1U << 31)

/* What the rules for everybody in this chunk say of a port: OPEN_ bits. `what`: protocol << 16 | port, and OPEN_IPV6. */
__noinline int open_in_chunk(const struct rule_chunk *chunk, __u32 count, __u32 what)
{
	__u32 protocol = what >> 16 & 0xff, port = what & 0xffff,
	      length = what & OPEN_IPV6 ? 0 : 96;
	int i, found = 0;

	if (!chunk)
		return 0;
	for (i = 0; i < RULES_PER_CHUNK; i++) {
		const struct rule *rule = &chunk->rules[i];

		if (i >= count)
			break;
		if (rule->peer_length != length ||
		    (rule->protocol != ANY_PROTOCOL && rule->protocol != protocol))
			continue;
		if (has_all_ports(rule))
			found |= OPEN_MATCH | OPEN_ALL_PORTS;
		else if (port >= rule->port_from && port <= rule->port_to)
			found |= OPEN_MATCH;
	}
	return found;
}

/* The same of a group's list: its rules for everybody come first. */
__noinline int open_in_list(__u32 kind, __u32 owner, __u32 what)
{
	struct rule_list_key list_key = { .kind = kind, .owner = owner };
	struct rule_chunk_key key = { .kind = kind, .owner = owner };
	const struct rule_list *list = bpf_map_lookup_elem(&rule_lists, &list_key);
	const struct rule_chunk *chunk;
	int found = 0;
	__u32 i, open;

	if (!list || !list->open)
		return 0;
	key.version = list->version;
	open = list->open;
	for (i = 0; i < MAX_RULES_PER_LIST / RULES_PER_CHUNK; i++) {
		if (i * RULES_PER_CHUNK >= open || found == (OPEN_MATCH | OPEN_ALL_PORTS))
			break;
		key.chunk = i;
		chunk = bpf_map_lookup_elem(&rule_chunks, &key);
		if (!chunk)
			break;
		found |= open_in_chunk(chunk, open - i * RULES_PER_CHUNK, what);
	}
	return found;
}

static __always_inline int open_in_groups(const struct interface *eni, __u32 kind,
					  const struct packet *p, __u32 port)
{
	int i, found = 0;

	for (i = 0; i < MAX_GROUPS_PER_INTERFACE; i++) {
		if (i >= eni->group_count)
			break;
		found |= open_in_list(kind, eni->groups[i],
				      (p->is_ipv6 ? OPEN_IPV6 : 0) | (__u32)p->flow.protocol << 16 |
					      port);
	}
	return found;
}

/* Whether the exchange of a packet that the groups allow goes untracked. */
static __always_inline int is_untracked(const struct packet *p, const struct interface *eni,
					__u32 inbound)
{
	__u32 in = RULE_LIST_SECURITY_GROUP_IN, out = RULE_LIST_SECURITY_GROUP_OUT;
	int this_way, back;

	if (p->through_service ||
	    (p->flow.protocol != IPPROTO_TCP && p->flow.protocol != IPPROTO_UDP))
		return 0;
	this_way = open_in_groups(eni, inbound ? in : out, p, p->flow.destination_port);
	if (!(this_way & OPEN_MATCH))
		return 0;
	back = open_in_groups(eni, inbound ? out : in, p, p->flow.source_port);
	return back & OPEN_MATCH && (this_way | back) & OPEN_ALL_PORTS;
}

/* TCP that is under way, or a piece of it. */
static __always_inline int is_midstream(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP &&
	       (p->is_later_fragment || (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN);
}

/* An ICMP error carries a packet that went the other way. */
static __always_inline int is_related(struct packet *p, __u32 slot, int inbound)
{
	struct connection_key key;

	/* It must go to where that packet came from, or it would carry anything anywhere. */
	if (!p->inner.has_ports || !same_address(&p->inner.source, &p->flow.destination))
		return 0;
	connection_key(&key, slot, &p->inner, !inbound);
	return find_connection(&key, p->now) != 0;
}

/* `inbound` 0: out of p->source, at p->link. 1: into p->target, at p->target_slot. */
__noinline int security_group(struct packet *p, __u32 inbound)
{
	const struct interface *eni;
	struct connection_key key;
	struct connection *c;
	__u32 slot;
	int match;

	if (!p)
		return DROP_tables_incomplete;
	eni = inbound ? &p->target : &p->source;
	slot = inbound ? p->target_slot : p->link;
	if (!p->flow.has_ports)
		return DROP_fragment_without_first;
	if (p->is_icmp_error) {
		if (is_related(p, slot, inbound))
			return 0;
	} else {
		connection_key(&key, slot, &p->flow, inbound);
		c = find_connection(&key, p->now);
		if (c && !is_reopened(c, p)) {
			refresh_connection(c, p, slot, eni->flags, inbound);
			p->tracked = 1;
			return 0;
		}
	}
	set_peer(p, inbound);
	match = match_groups(p, eni,
			     inbound ? RULE_LIST_SECURITY_GROUP_IN : RULE_LIST_SECURITY_GROUP_OUT);
	if (match == MATCH_INCOMPLETE)
		return DROP_tables_incomplete;
	if (match != MATCH_ALLOW)
		return inbound ? DROP_security_group_in : DROP_security_group_out;
	if (p->is_icmp_error || is_icmp_answer(&p->flow) || is_untracked(p, eni, inbound))
		return 0;
	/* The fast path would miss what opens the connection anew. */
	if (is_midstream(p)) {
		p->may_keep = 0;
		return 0;
	}
	p->tracked = 1;
	return open_connection(p, &key, eni->flags, inbound);
}
