import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { FIRST_INTERFACE_SLOT } from "../model/network-interface.ts";
import { ALL_ROWS, KEEPER } from "./connection.ts";
import { GONE } from "./count.ts";
import { FLOW_ACTION, TRAFFIC_PATH } from "./flow-count.ts";
import { ALL_SHARES } from "./flow-log.ts";
import { NAT_SIDE } from "./nat-connection.ts";
import { RECORD_MAPS, RECORDS, STATE_VERSION } from "./records.ts";
import { DROP_REASONS } from "./stages.ts";
import type { FieldType, Structs } from "./struct.ts";
import {
  ALIAS,
  INTERFACE_FLAGS,
  IPV6_BLOCKS,
  IPV6_ROUTES,
  LAYOUT_VERSION,
  NAT_GATEWAY_FLAGS,
  ROUTE_TARGET,
  RULE_LIST,
  STRUCTS,
  SUBNET_FLAGS,
  TABLES,
  VPC_FLAGS,
} from "./tables.ts";

/*
 * A new program keeps using the pinned maps of the one before as long as their version is the same. So a
 * change of what any byte there means needs a new version; write its fingerprint here.
 */
const TABLES_FINGERPRINT = { version: 7, fingerprint: "a4f42eaf38c7c570" };
const STATE_FINGERPRINT = { version: 3, fingerprint: "2effac5bab8384c4" };

type Kept = Readonly<
  Record<string, { readonly type: string; readonly key?: string; readonly value?: string }>
>;

/** A digest of the maps' keys, values and structs; the maps' lengths are not part of it. */
function fingerprint(maps: Kept, structs: Structs, words: readonly unknown[]): string {
  const described = new Map<string, unknown>();
  const describe = (name: string): void => {
    if (described.has(name) || !structs[name]) return;
    described.set(name, Object.entries(structs[name]));
    for (const type of Object.values(structs[name])) for (const inner of structsIn(type)) describe(inner);
  };
  const rows = Object.entries(maps).map(([name, { type, key, value }]) => [name, type, key, value]);
  for (const { key, value } of Object.values(maps)) for (const name of [key, value]) describe(name ?? "");
  const text = JSON.stringify([rows.toSorted(byName), [...described].toSorted(byName), words]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function byName([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}

function structsIn(type: FieldType): readonly string[] {
  if (typeof type === "string") return [];
  return "struct" in type ? [type.struct] : structsIn(type.array);
}

const recordsThat = (lives: readonly string[]): Kept =>
  Object.fromEntries(Object.entries(RECORD_MAPS).filter((map) => lives.includes(map[1].lives)));

test("the layout of the plan's pinned tables has the fingerprint of their version", () => {
  const words = [
    VPC_FLAGS,
    SUBNET_FLAGS,
    INTERFACE_FLAGS,
    NAT_GATEWAY_FLAGS,
    ROUTE_TARGET,
    RULE_LIST,
    ALIAS,
    IPV6_ROUTES,
    IPV6_BLOCKS,
  ];
  const found = fingerprint({ ...TABLES, ...recordsThat(["tables"]) }, { ...STRUCTS, ...RECORDS }, words);
  assert.deepEqual(
    { version: LAYOUT_VERSION, fingerprint: found },
    TABLES_FINGERPRINT,
    "LAYOUT_VERSION grows when a layout changes",
  );
});

test("the layout of the pinned maps of records has the fingerprint of their version", () => {
  const words = [KEEPER, NAT_SIDE, FLOW_ACTION, TRAFFIC_PATH, ALL_ROWS, ALL_SHARES, GONE];
  const found = fingerprint(recordsThat(["state", "interfaces", "flow_logs"]), RECORDS, words);
  assert.deepEqual(
    { version: STATE_VERSION, fingerprint: found },
    STATE_FINGERPRINT,
    "STATE_VERSION grows when a layout changes",
  );
});

/** The kernel's numbers of reasons, by which the pinned `drops` counts: the first is 0. */
const NUMBERED_REASONS = `
none malformed not_ip ipv6_not_offered unknown_interface interface_down spoofed_mac spoofed_source multicast
broadcast link_local metadata_disabled dns_disabled no_such_service security_group_out security_group_in
connections_full fragment_without_first network_acl_out network_acl_in no_route blackhole
no_such_private_address route_loop no_internet_gateway no_public_ip public_ip_not_mapped private_destination
shared_destination private_source shared_source own_source not_for_us too_big destination_down
tables_incomplete destination_check nat_source nat_protocol nat_no_connection nat_connection_expired
nat_ports_exhausted nat_connections_full nat_private peering_source block_public_access nothing_behind
egress_only link_local_allowance nat_fragment nat_ttl nat64_destination nat64_checksum
endpoint_without_service stranger moved no_uplink
`;

test("the reasons that the pinned counters are numbered by are only ever appended to", () => {
  const kept = NUMBERED_REASONS.trim().split(/\s+/);
  assert.deepEqual(
    DROP_REASONS.slice(0, kept.length),
    kept,
    "append the reason, or STATE_VERSION grows: else old counts would be told of other reasons",
  );
  assert.deepEqual(DROP_REASONS.slice(kept.length), [], "name the appended reasons in NUMBERED_REASONS");
});

test("rows that hold totals are below every interface's slot", () => {
  for (const row of [...Object.values(ALL_ROWS), ALL_SHARES, GONE.traffic])
    assert.ok(row < FIRST_INTERFACE_SLOT, String(row));
  assert.ok(GONE.drops >= TABLES.interfaces.max);
});
