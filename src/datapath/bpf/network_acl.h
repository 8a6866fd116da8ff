/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rule lists, and the stages network_acl_out and network_acl_in, which are nothing but one list: stateless, in order,
 * at the border of a subnet (never within it). No match is a deny.
 *
 * A list is a version and a count, its rules lie in chunks under that version. A chunk that is not there fails closed.
 */
#pragma once

#include "interface.h"

enum match { MATCH_NONE = 0, MATCH_ALLOW = 1, MATCH_DENY = 2, MATCH_INCOMPLETE = 3 };

/* Who is on the other side, for the rules: the packet's destination on the way out, its source on the way in. */
static __always_inline void set_peer(struct packet *p, int inbound)
{
	const union address_bytes *peer = inbound ? &p->flow.source : &p->flow.destination;

	p->peer[0] = address_half(peer, 0);
	p->peer[1] = address_half(peer, 1);
	p->peer_is_target = !inbound;
}

/* A rule that names a group instead of a block has length 0, and is for both families. */
static __always_inline int in_block(const struct packet *p, const struct rule *rule)
{
	const __u64 *peer = (const __u64 *)&rule->peer;
	__u32 length = rule->peer_length;

	if (length < 96 && !p->is_ipv6 && !rule->group)
		return 0;
	if (length > 64) {
		if (p->peer[0] != bpf_be64_to_cpu(peer[0]))
			return 0;
		return length >= 128 ? p->peer[1] == bpf_be64_to_cpu(peer[1])
				     : ((p->peer[1] ^ bpf_be64_to_cpu(peer[1])) >>
					((128 - length) & 63)) == 0;
	}
	if (length == 64)
		return p->peer[0] == bpf_be64_to_cpu(peer[0]);
	return length == 0 ||
	       ((p->peer[0] ^ bpf_be64_to_cpu(peer[0])) >> ((64 - length) & 63)) == 0;
}

static __always_inline int protocol_matches(const struct flow *flow, const struct rule *rule)
{
	if (rule->protocol == ANY_PROTOCOL)
		return 1;
	if (rule->protocol != flow->protocol)
		return 0;
	if (flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP)
		return flow->destination_port >= rule->port_from &&
		       flow->destination_port <= rule->port_to;
	if (flow->icmp)
		return (rule->port_from == ANY_ICMP || rule->port_from == flow->type) &&
		       (rule->port_to == ANY_ICMP || rule->port_to == flow->code);
	return 1;
}

/* A rule that names a group: the other side must be a member. `group` is the group's slot plus one. */
static __always_inline int peer_in_group(const struct packet *p, __u32 group)
{
	const struct interface *peer = p->peer_is_target ? &p->target : &p->source;
	int i;

	if (!p->group_identity)
		return 0;
	for (i = 0; i < MAX_GROUPS_PER_INTERFACE; i++) {
		if (i >= peer->group_count)
			break;
		if (peer->groups[i] + 1 == group)
			return 1;
	}
	return 0;
}

static __always_inline int has_all_ports(const struct rule *rule)
{
	return rule->protocol == ANY_PROTOCOL || (rule->port_from == 0 && rule->port_to == 0xffff);
}

__noinline int match_chunk(const struct packet *p, const struct rule_chunk *chunk, __u32 count)
{
	int i;

	if (!p || !chunk)
		return MATCH_INCOMPLETE;
	for (i = 0; i < RULES_PER_CHUNK; i++) {
		const struct rule *rule = &chunk->rules[i];

		if (i >= count)
			break;
		if (!protocol_matches(&p->flow, rule) || !in_block(p, rule))
			continue;
		if (rule->group && !peer_in_group(p, rule->group))
			continue;
		return rule->action ? MATCH_ALLOW : MATCH_DENY;
	}
	return MATCH_NONE;
}

/* The first rule of the list that matches. */
__noinline int match_list(const struct packet *p, __u32 kind, __u32 owner)
{
	struct rule_list_key list_key = { .kind = kind, .owner = owner };
	struct rule_chunk_key key = { .kind = kind, .owner = owner };
	const struct rule_list *list = bpf_map_lookup_elem(&rule_lists, &list_key);
	const struct rule_chunk *chunk;
	__u32 i, count;
	int match;

	if (!p || !list)
		return MATCH_NONE;
	key.version = list->version;
	count = list->count;
	for (i = 0; i < MAX_RULES_PER_LIST / RULES_PER_CHUNK; i++) {
		if (i * RULES_PER_CHUNK >= count)
			return MATCH_NONE;
		key.chunk = i;
		chunk = bpf_map_lookup_elem(&rule_chunks, &key);
		if (!chunk)
			return MATCH_INCOMPLETE;
		match = match_chunk(p, chunk, count - i * RULES_PER_CHUNK);
		if (match != MATCH_NONE)
			return match;
	}
	return count > MAX_RULES_PER_LIST ? MATCH_INCOMPLETE : MATCH_NONE;
}

/* Both ACL stages. `kind` is RULE_LIST_NETWORK_ACL_OUT or _IN. */
static __always_inline int network_acl(struct packet *p, __u32 kind, __u32 subnet_slot)
{
	int inbound = kind == RULE_LIST_NETWORK_ACL_IN;
	const struct subnet *subnet = find_subnet(subnet_slot);

	if (!subnet)
		return DROP_tables_incomplete;
	if (subnet->flags & SUBNET_NO_NETWORK_ACL)
		return 0;
	set_peer(p, inbound);
	switch (match_list(p, kind, subnet->network_acl)) {
	case MATCH_ALLOW:
		return 0;
	case MATCH_INCOMPLETE:
		return DROP_tables_incomplete;
	default:
		return inbound ? DROP_network_acl_in : DROP_network_acl_out;
	}
}
