import { layoutOf } from "./layout.ts";
import { DROP_REASONS, STAGES } from "./stages.ts";
import {
  type FieldType,
  INTERFACE_FLAGS,
  IPV6_BLOCKS,
  IPV6_ROUTES,
  LAYOUT_VERSION,
  MAX_GROUPS_PER_INTERFACE,
  ALIAS,
  MAX_ASKING_ADDRESSES,
  MAX_NAT_ADDRESSES,
  MAX_POOLS,
  MAX_RULES_PER_LIST,
  MAX_ZONES,
  NAT_GATEWAY_FLAGS,
  ROUTE_TARGET,
  ROUTER_MAC,
  RULE_LIST,
  RULES_PER_CHUNK,
  type StructLayout,
  type StructName,
  STRUCTS,
  TABLES,
  SUBNET_FLAGS,
  VPC_FLAGS,
} from "./tables.ts";

const C_TYPES: Readonly<Record<Extract<FieldType, string>, readonly [type: string, suffix: string]>> = {
  u8: ["__u8", ""],
  u16: ["__u16", ""],
  u32: ["__u32", ""],
  u64: ["__u64", ""],
  be32: ["__be32", ""],
  mac: ["__u8", "[6]"],
  addr: ["__be32", "[4]"],
};

/** The C header that the kernel program is built with: the same layouts, words and tables. */
export function header(): string {
  return [
    "/* SPDX-License-Identifier: GPL-2.0 OR MIT */",
    "/* Generated from plan/tables.ts and plan/stages.ts by tools/generate-header.ts. Do not edit. */",
    "#pragma once",
    "",
    `#define LAYOUT_VERSION ${LAYOUT_VERSION}`,
    `#define MAX_GROUPS_PER_INTERFACE ${MAX_GROUPS_PER_INTERFACE}`,
    `#define RULES_PER_CHUNK ${RULES_PER_CHUNK}`,
    `#define MAX_RULES_PER_LIST ${MAX_RULES_PER_LIST}`,
    `#define MAX_POOLS ${MAX_POOLS}`,
    `#define MAX_NAT_ADDRESSES ${MAX_NAT_ADDRESSES}`,
    `#define MAX_ASKING_ADDRESSES ${MAX_ASKING_ADDRESSES}`,
    `#define ALIAS_BASE 0x${ALIAS.base.toString(16)}U`,
    `#define ALIAS_SLOT_BITS ${ALIAS.slotBits}`,
    `#define ALIAS_PLACE_BITS ${ALIAS.placeBits}`,
    `#define ALIAS_DNS_BIT ${ALIAS.dnsBit}`,
    `#define MAX_ZONES ${MAX_ZONES}`,
    `#define IPV6_ROUTES 0x${IPV6_ROUTES.toString(16)}U`,
    `#define IPV6_BLOCKS 0x${IPV6_BLOCKS.toString(16)}U`,
    `#define ROUTER_MAC { ${ROUTER_MAC.split(":")
      .map((byte) => `0x${byte}`)
      .join(", ")} }`,
    "",
    ...enumeration("stage", "STAGE_", Object.fromEntries(STAGES.map((stage, place) => [stage, place])), false),
    ...enumeration("drop_reason", "DROP_", Object.fromEntries(DROP_REASONS.map((reason, place) => [reason, place])), false),
    ...enumeration("vpc_flags", "VPC_", VPC_FLAGS, true),
    ...enumeration("subnet_flags", "SUBNET_", SUBNET_FLAGS, true),
    ...enumeration("interface_flags", "INTERFACE_", INTERFACE_FLAGS, true),
    ...enumeration("nat_gateway_flags", "NAT_GATEWAY_", NAT_GATEWAY_FLAGS, true),
    ...enumeration("route_target", "ROUTE_", ROUTE_TARGET, true),
    ...enumeration("rule_list_kind", "RULE_LIST_", RULE_LIST, true),
    ...(Object.keys(STRUCTS) as StructName[]).toSorted(byDependency).flatMap(struct),
    ...locked(),
    ...Object.entries(TABLES).flatMap(([name, table]) => map(name, table)),
  ].join("\n");
}

function enumeration(name: string, prefix: string, values: Readonly<Record<string, number>>, upper: boolean): string[] {
  const rows = Object.entries(values).map(([key, value]) => `\t${prefix}${upper ? key.toUpperCase() : key} = ${value},`);
  return [`enum ${name} {`, ...rows, "};", ""];
}

function struct(name: StructName): string[] {
  const fields = Object.entries(STRUCTS[name] as StructLayout).map(([field, type]) => `\t${declaration(field, type)};`);
  return [`struct ${name} {`, ...fields, "};", `_Static_assert(sizeof(struct ${name}) == ${layoutOf(name).size}, "${name}");`, ""];
}

function declaration(field: string, type: FieldType): string {
  if (typeof type === "string") {
    const [c, suffix] = C_TYPES[type];
    return `${c} ${field}${suffix}`;
  }
  // A type with dimensions of its own has them behind those of its array.
  return "struct" in type ? `struct ${type.struct} ${field}` : declaration(`${field}[${type.length}]`, type.array);
}

/** A struct stands behind those that it contains. */
function byDependency(a: StructName, b: StructName): number {
  return depth(a) - depth(b);
}

function depth(name: string): number {
  const inside = (type: FieldType): number => (typeof type === "string" ? 0 : "struct" in type ? depth(type.struct) : inside(type.array));
  const fields = Object.values((STRUCTS as Readonly<Record<string, StructLayout>>)[name] ?? {});
  return 1 + Math.max(0, ...fields.map(inside));
}

/** Rows of an array that are larger than a word, and change while packets read them, have a lock. */
function locked(): string[] {
  return Object.values(TABLES).flatMap((table) =>
    "locked" in table ? [`struct ${table.value}_row {`, "\tstruct bpf_spin_lock lock;", `\tstruct ${table.value} row;`, "};", ""] : [],
  );
}

const MAP_TYPES = { array: "BPF_MAP_TYPE_ARRAY", hash: "BPF_MAP_TYPE_HASH", lpm: "BPF_MAP_TYPE_LPM_TRIE" } as const;

function map(name: string, table: { type: keyof typeof MAP_TYPES; key?: string; value: string; max: number; locked?: boolean }): string[] {
  return [
    "struct {",
    `\t__uint(type, ${MAP_TYPES[table.type]});`,
    `\t__uint(max_entries, ${table.max});`,
    ...(table.type === "array" ? [] : ["\t__uint(map_flags, BPF_F_NO_PREALLOC);"]),
    `\t__type(key, ${table.key === undefined ? "__u32" : `struct ${table.key}`});`,
    `\t__type(value, struct ${table.value}${table.locked ? "_row" : ""});`,
    `} ${name} SEC(".maps");`,
    "",
  ];
}
