import { IDLE_TIMEOUT } from "../lib/idle-timeout.ts";
import { ALL_ROWS, KEEPER } from "./connection.ts";
import { FROM_MACHINE, TO_GATEWAYS } from "./flow-cache.ts";
import { FLOW_ACTION, TRAFFIC_PATH } from "./flow-count.ts";
import { ALL_SHARES } from "./flow-log.ts";
import { beginning, capitals, enumeration, map, structs } from "./header-parts.ts";
import { layoutOf } from "./layout.ts";
import { NAT_SIDE } from "./nat-connection.ts";
import {
  NAT_BLOCK_PORTS,
  OVERLAY_FLAGS,
  OVERLAY_KIND,
  OVERLAY_MAC,
  OVERLAY_MAPS,
  OVERLAY_VNI,
} from "./overlay.ts";
import { MAX_SNAP, VERDICTS } from "./packet-event.ts";
import { NO_POOL } from "./pool.ts";
import { RECORD_MAPS, RECORDS } from "./records.ts";
import { ANY } from "./rule-list.ts";
import { DROP_REASONS } from "./stages.ts";
import {
  ALIAS,
  ALIAS_IPV6,
  INTERFACE_FLAGS,
  IPV6_BLOCKS,
  IPV6_ROUTES,
  LAYOUT_VERSION,
  LOCK_BYTES,
  MAX_ASKING_ADDRESSES,
  MAX_GROUPS_PER_INTERFACE,
  MAX_NAT_ADDRESSES,
  MAX_POOLS,
  MAX_RULES_PER_LIST,
  MAX_ZONES,
  NAT_GATEWAY_FLAGS,
  ROUTE_TARGET,
  ROUTER_MAC,
  RULE_LIST,
  RULES_PER_CHUNK,
  STRUCTS,
  SUBNET_FLAGS,
  TABLES,
  VPC_FLAGS,
} from "./tables.ts";
import { TRACE_SLOTS } from "./trace.ts";

/**
 * The C headers that the kernel program is built with, by file name in `datapath/bpf/`: the same layouts,
 * words and tables.
 */
export const HEADERS: Readonly<Record<string, () => string>> = {
  "tables.h": tablesHeader,
  "records.h": recordsHeader,
};

/** The forwarding tables, the stages, and everything else in `tables.ts`. */
function tablesHeader(): string {
  return [
    ...beginning("contract/tables.ts and contract/stages.ts"),
    `#define LAYOUT_VERSION ${LAYOUT_VERSION}`,
    `#define MAX_GROUPS_PER_INTERFACE ${MAX_GROUPS_PER_INTERFACE}`,
    `#define RULES_PER_CHUNK ${RULES_PER_CHUNK}`,
    `#define MAX_RULES_PER_LIST ${MAX_RULES_PER_LIST}`,
    `#define MAX_POOLS ${MAX_POOLS}`,
    `#define MAX_NAT_ADDRESSES ${MAX_NAT_ADDRESSES}`,
    `#define MAX_ASKING_ADDRESSES ${MAX_ASKING_ADDRESSES}`,
    `#define ANY_PROTOCOL 0x${ANY.toString(16)}`,
    `#define ANY_ICMP 0x${ANY.toString(16)}`,
    `#define ALIAS_BASE 0x${ALIAS.base.toString(16)}U`,
    `#define ALIAS_SLOT_BITS ${ALIAS.slotBits}`,
    `#define ALIAS_PLACE_BITS ${ALIAS.placeBits}`,
    `#define ALIAS_DNS_BIT ${ALIAS.dnsBit}`,
    `#define ALIAS_IPV6 0x${ALIAS_IPV6.toString(16)}U`,
    `#define MAX_ZONES ${MAX_ZONES}`,
    `#define IPV6_ROUTES 0x${IPV6_ROUTES.toString(16)}U`,
    `#define IPV6_BLOCKS 0x${IPV6_BLOCKS.toString(16)}U`,
    `#define ROUTER_MAC { ${ROUTER_MAC.split(":")
      .map((byte) => `0x${byte}`)
      .join(", ")} }`,
    "",
    ...enumeration(
      "drop_reason",
      "DROP_",
      Object.fromEntries(DROP_REASONS.map((reason, index) => [reason, index])),
    ),
    ...capitals("vpc_flags", "VPC_", VPC_FLAGS),
    ...capitals("subnet_flags", "SUBNET_", SUBNET_FLAGS),
    ...capitals("interface_flags", "INTERFACE_", INTERFACE_FLAGS),
    ...capitals("nat_gateway_flags", "NAT_GATEWAY_", NAT_GATEWAY_FLAGS),
    ...capitals("route_target", "ROUTE_", ROUTE_TARGET),
    ...capitals("rule_list_kind", "RULE_LIST_", RULE_LIST),
    "/* An IPv6 address or a mapped IPv4 address, network order. */",
    "union address_bytes {",
    "\t__u8 bytes[16];",
    "\t__be32 word[4];",
    "};",
    "",
    ...structs(STRUCTS),
    ...locked(),
    ...Object.entries(TABLES).flatMap(([name, table]) =>
      map(name, "locked" in table ? { ...table, value: `${table.value}_row` } : table),
    ),
  ].join("\n");
}

/** Rows of an array have a lock when they are larger than a word and change while packets read them. */
function locked(): string[] {
  return Object.values(TABLES).flatMap((table) => {
    if (!("locked" in table)) return [];
    const row = `${table.value}_row`;
    return [
      `struct ${row} {`,
      "\tstruct bpf_spin_lock lock;",
      `\tstruct ${table.value} row;`,
      "};",
      `_Static_assert(__builtin_offsetof(struct ${row}, row) == ${LOCK_BYTES}, "${row}");`,
      `_Static_assert(sizeof(struct ${row}) == ${LOCK_BYTES + layoutOf(table.value).size}, "${row}");`,
      "",
    ];
  });
}

/** What the program records about packets (`records.ts`). */
function recordsHeader(): string {
  return [
    ...beginning("contract/records.ts and what it names"),
    '#include "tables.h"',
    "",
    `#define ALL_INTERFACES ${ALL_ROWS.interfaces}`,
    `#define ALL_NAT_GATEWAYS ${ALL_ROWS.nat_gateways}`,
    `#define ALL_SHARES ${ALL_SHARES}`,
    `#define NO_POOL 0x${NO_POOL.toString(16)}U`,
    `#define FROM_MACHINE 0x${FROM_MACHINE.toString(16)}U`,
    `#define TO_GATEWAYS 0x${TO_GATEWAYS.toString(16)}U`,
    `#define MAX_MACHINES ${OVERLAY_MAPS.machines.max}`,
    `#define NAT_BLOCK_PORTS ${NAT_BLOCK_PORTS}`,
    `#define OVERLAY_MAC ${OVERLAY_MAC.first}`,
    `#define OVERLAY_SLOT_BITS ${OVERLAY_MAC.slotBits}`,
    `#define TRACE_SLOTS ${TRACE_SLOTS}`,
    `#define TRACE_SNAP ${MAX_SNAP}`,
    "",
    "/* How long idle connections are remembered, in nanoseconds; an interface may have others (`idle_timeouts`). */",
    ...Object.entries(IDLE_TIMEOUT).map(
      ([name, seconds]) => `#define TIMEOUT_${name.toUpperCase()} (${seconds} * SECOND)`,
    ),
    "",
    ...capitals(
      "verdict",
      "VERDICT_",
      Object.fromEntries(VERDICTS.map((verdict, index) => [verdict, index])),
    ),
    ...capitals("connection_keeper", "KEEPER_", KEEPER),
    ...capitals("nat_side", "NAT_", NAT_SIDE),
    ...capitals("flow_action", "FLOW_", FLOW_ACTION),
    ...capitals("traffic_path", "PATH_", TRAFFIC_PATH),
    ...capitals("overlay_kind", "OVERLAY_", OVERLAY_KIND),
    ...capitals("overlay_flags", "OVERLAY_", OVERLAY_FLAGS),
    ...capitals("overlay_vni", "VNI_", OVERLAY_VNI),
    ...structs(RECORDS),
    ...Object.entries(RECORD_MAPS).flatMap(([name, layout]) => map(name, layout)),
  ].join("\n");
}
