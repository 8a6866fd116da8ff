/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Stages security_group_out and security_group_in: stateful. What belongs to a remembered exchange passes, and so
 * does an ICMP error about one; anything else needs a rule of one of the interface's groups, and is remembered.
 * ICMP errors, and answers that nobody asked for, may pass by a rule but open nothing.
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

/* An ICMP error carries a packet that went the other way. */
static __always_inline int is_related(struct packet *p, __u32 slot, int inbound)
{
	struct connection_key key;

	if (!p->inner.has_ports)
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
			refresh_connection(c, p, inbound);
			return 0;
		}
	}
	set_peer(p, inbound);
	match = match_groups(p, eni, inbound ? RULE_LIST_SECURITY_GROUP_IN : RULE_LIST_SECURITY_GROUP_OUT);
	if (match == MATCH_INCOMPLETE)
		return DROP_tables_incomplete;
	if (match != MATCH_ALLOW)
		return inbound ? DROP_security_group_in : DROP_security_group_out;
	if (p->is_icmp_error || is_icmp_answer(&p->flow))
		return 0;
	return open_connection(p, &key, inbound);
}
