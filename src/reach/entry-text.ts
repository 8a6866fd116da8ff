import {
  type Entry,
  INTERFACE_FLAGS,
  IPV6_BLOCKS,
  IPV6_ROUTES,
  ROUTE_TARGET,
  RULE_LIST,
  type StructValue,
} from "../contract/tables.ts";
import { isIpv6Text } from "../lib/address.ts";
import type { EntryText } from "../protocol/trace.ts";
import type { Ids } from "./ids.ts";

const NONE = "0.0.0.0";

/** `rule`: the one in a rule list that decided. */
export function entryText(entry: Entry, rule: StructValue<"rule"> | undefined, ids: Ids): EntryText {
  const say = (key: string, value: string): EntryText => ({ table: entry.table, key, value });
  switch (entry.table) {
    case "settings":
      return say("", `layout ${entry.value.layout}`);
    case "vpcs": {
      const { internet_gateway: gateway } = entry.value;
      return say(
        ids.of("vpc", entry.key),
        gateway === 0 ? "no internet gateway" : ids.of("internet-gateway", gateway - 1),
      );
    }
    case "subnets":
      return say(ids.of("subnet", entry.key), `${entry.value.block}/${entry.value.length}`);
    case "interfaces":
      return say(nameOf(ids, entry.key), interfaceText(entry.value));
    case "addresses":
      return say(
        `${ids.of("vpc", entry.key.vpc)} ${entry.key.address}`,
        [
          nameOf(ids, entry.value.interface),
          ...(entry.value.public_ip === NONE ? [] : [entry.value.public_ip]),
        ].join(" "),
      );
    case "asking_addresses":
      return say(
        nameOf(ids, entry.key.interface),
        entry.value.addresses.filter((address) => address !== "::").join(" "),
      );
    case "public_addresses":
      return say(
        `[${entry.key}]`,
        entry.value.interface === 0 ? "-" : `${nameOf(ids, entry.value.interface)} ${entry.value.private_ip}`,
      );
    case "routes":
      return say(
        `${routeTableText(entry.key, ids)} ${entry.key.address}/${lengthOf(entry.key)}`,
        entry.key.route_table === IPV6_BLOCKS
          ? ids.of("vpc", entry.value.slot)
          : targetText(entry.value, entry.key.route_table, ids),
      );
    case "nat_gateways":
      return say(
        nameOf(ids, entry.key.interface),
        entry.value.addresses.slice(0, entry.value.count).join(" "),
      );
    case "idle_timeouts":
      return say(
        nameOf(ids, entry.key.interface),
        `TCP ${entry.value.tcp_established} s, UDP ${entry.value.udp} s`,
      );
    case "rule_lists":
      return say(ownerText(entry.key, ids), `${entry.value.count} rules`);
    case "rule_chunks":
      return say(
        ownerText(entry.key, ids),
        rule
          ? ruleText(rule, ids, entry.key.kind >= RULE_LIST.network_acl_out)
          : `${entry.value.rules.length} rules`,
      );
  }
}

function nameOf(ids: Ids, slot: number): string {
  const place = ids.packetEndOf(slot);
  return place.kind === "interface" ? place.id : place.kind;
}

/** IPv6 routes have a number of their own, beside IPv4's, and so have the VPCs' blocks. */
function routeTableText({ route_table: table }: StructValue<"route_key">, ids: Ids): string {
  return table === IPV6_BLOCKS ? "IPv6 blocks" : ids.of("route-table", table % IPV6_ROUTES);
}

function interfaceText({ private_ip, public_ip, ipv6, flags }: StructValue<"interface">): string {
  return [
    ...(private_ip === NONE ? [] : [private_ip]),
    ...(public_ip === NONE ? [] : [public_ip]),
    ...(ipv6 === "::" ? [] : [ipv6]),
    flags & INTERFACE_FLAGS.up ? "up" : "down",
    ...(flags & INTERFACE_FLAGS.source_dest_check ? [] : ["no source/dest check"]),
  ].join(" ");
}

/**
 * The length of the address's prefix, without the 32 bits of the table's number and the 96 of the mapping.
 */
function lengthOf({ prefix_length, address }: StructValue<"route_key">): number {
  return prefix_length - 32 - (isIpv6Text(address) ? 0 : 96);
}

function targetText({ target, slot }: StructValue<"route">, table: number, ids: Ids): string {
  if (target === ROUTE_TARGET.local) return "local";
  if (target === ROUTE_TARGET.egress_only) return "the egress-only internet gateway";
  if (target === ROUTE_TARGET.nothing) return "a gateway with nothing behind it";
  if (target === ROUTE_TARGET.internet_gateway) return ids.of("internet-gateway", slot);
  if (target === ROUTE_TARGET.peering || target === ROUTE_TARGET.remote_peering)
    return ids.peeringOf(table, slot) ?? ids.of("vpc", slot);
  if (target === ROUTE_TARGET.nat_gateway) return ids.natGatewayOf(slot) ?? nameOf(ids, slot);
  return target === ROUTE_TARGET.interface ? nameOf(ids, slot) : "blackhole";
}

const DIRECTION = {
  security_group_out: "out",
  security_group_in: "in",
  network_acl_out: "out",
  network_acl_in: "in",
} as const;

function ownerText({ kind, owner }: { readonly kind: number; readonly owner: number }, ids: Ids): string {
  const list =
    (Object.keys(RULE_LIST) as (keyof typeof RULE_LIST)[]).find((name) => RULE_LIST[name] === kind) ??
    "security_group_out";
  return `${ids.of(list.startsWith("network_acl") ? "network-acl" : "security-group", owner)} ${DIRECTION[list]}`;
}

const ANY = 0xffff;
const LAST_RULE = 32_767;
const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp" };

/**
 * For example `100 allow tcp 80 203.0.113.0/24`. `numbered`: for an ACL, whose rules have numbers (`*` is the
 * last one).
 */
export function ruleText(rule: StructValue<"rule">, ids: Ids, numbered: boolean): string {
  const { protocol, port_from: from, port_to: to } = rule;
  const ports = from === 0 && to === ANY ? [] : [portsText(protocol, from, to)];
  const peer =
    rule.group === 0 ? `${rule.peer}/${peerLength(rule)}` : ids.of("security-group", rule.group - 1);
  const number = numbered ? [rule.number >= LAST_RULE || rule.number === 0 ? "*" : String(rule.number)] : [];
  const name = protocol === ANY ? "all" : (PROTOCOLS[protocol] ?? String(protocol));
  return [...number, rule.action === 0 ? "deny" : "allow", name, ...(protocol === ANY ? [] : ports), peer]
    .filter(Boolean)
    .join(" ");
}

function portsText(protocol: number, from: number, to: number): string {
  if (protocol === 1) return from === ANY ? "" : to === ANY ? `type ${from}` : `type ${from} code ${to}`;
  return from === to ? String(from) : `${from}-${to}`;
}

/**
 * The prefix length in the family that the peer is shown in: lengths count over mapped addresses, and `::/0`
 * is everybody.
 */
function peerLength({ peer, peer_length }: StructValue<"rule">): number {
  return isIpv6Text(peer) ? peer_length : peer_length - 96;
}
