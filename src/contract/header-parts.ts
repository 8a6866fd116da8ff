import { layoutOf, type SharedName } from "./layout.ts";
import type { FieldType, MapLayout, ScalarType, Structs } from "./struct.ts";

/* The parts of a generated C header: lines of C. */

const C_TYPES: Readonly<Record<ScalarType, readonly [type: string, suffix: string]>> = {
  u8: ["__u8", ""],
  u16: ["__u16", ""],
  u32: ["__u32", ""],
  u64: ["__u64", ""],
  be16: ["__be16", ""],
  be32: ["__be32", ""],
  mac: ["__u8", "[6]"],
  addr: ["union address_bytes", ""],
};

export function beginning(sources: string): string[] {
  return [
    "/* SPDX-License-Identifier: GPL-2.0 OR MIT */",
    `/* Generated from ${sources} by tools/generate-header.ts. Do not edit. */`,
    "/* clang-format off */",
    "#pragma once",
    "",
  ];
}

export function enumeration(
  name: string,
  prefix: string,
  values: Readonly<Record<string, number>>,
): string[] {
  return [
    `enum ${name} {`,
    ...Object.entries(values).map(([key, value]) => `\t${prefix}${key} = ${value},`),
    "};",
    "",
  ];
}

/** Like {@link enumeration}, with names in capitals. */
export function capitals(name: string, prefix: string, values: Readonly<Record<string, number>>): string[] {
  return enumeration(
    name,
    prefix,
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key.toUpperCase(), value])),
  );
}

/**
 * The structs, each after the ones that it contains, with assertions that the compiler lays them out as
 * `layout.ts` does.
 */
export function structs(all: Structs): string[] {
  const depth = (name: string): number => {
    const inside = (type: FieldType): number =>
      typeof type === "string" ? 0 : "struct" in type ? depth(type.struct) : inside(type.array);
    return 1 + Math.max(0, ...Object.values(all[name] ?? {}).map(inside));
  };
  const declared = Object.entries(all)
    .toSorted(([a], [b]) => depth(a) - depth(b))
    .flatMap(([name, fields]) => [
      `struct ${name} {`,
      ...Object.entries(fields).map(([field, type]) => `\t${declaration(field, type)};`),
      "};",
      `_Static_assert(sizeof(struct ${name}) == ${layoutOf(name as SharedName).size}, "${name}");`,
      "",
    ]);
  return [
    "/* No byte is hidden padding: so a field of another size is found also where the struct's size stays. */",
    "#pragma clang diagnostic push",
    '#pragma clang diagnostic error "-Wpadded"',
    "",
    ...declared,
    "#pragma clang diagnostic pop",
    "",
  ];
}

function declaration(field: string, type: FieldType): string {
  if (typeof type === "string") {
    const [c, suffix] = C_TYPES[type];
    return `${c} ${field}${suffix}`;
  }
  // In C, a type's own dimensions follow those of the array around it.
  return "struct" in type
    ? `struct ${type.struct} ${field}`
    : declaration(`${field}[${type.length}]`, type.array);
}

const MAP_TYPES: Readonly<Record<MapLayout<string>["type"], string>> = {
  array: "BPF_MAP_TYPE_ARRAY",
  hash: "BPF_MAP_TYPE_HASH",
  lpm: "BPF_MAP_TYPE_LPM_TRIE",
  lru_hash: "BPF_MAP_TYPE_LRU_HASH",
  percpu_hash: "BPF_MAP_TYPE_PERCPU_HASH",
  ringbuf: "BPF_MAP_TYPE_RINGBUF",
};
/** Maps whose elements get memory only when they are added. */
const GROWING: ReadonlySet<string> = new Set(["hash", "lpm", "percpu_hash"]);

export function map(name: string, layout: MapLayout<string>): string[] {
  return [
    "struct {",
    `\t__uint(type, ${MAP_TYPES[layout.type]});`,
    `\t__uint(max_entries, ${layout.max});`,
    ...(GROWING.has(layout.type) ? ["\t__uint(map_flags, BPF_F_NO_PREALLOC);"] : []),
    ...(layout.type === "ringbuf"
      ? []
      : [`\t__type(key, ${mapType(layout.key ?? "u32")});`, `\t__type(value, ${mapType(layout.value)});`]),
    `} ${name} SEC(".maps");`,
    "",
  ];
}

function mapType(type: string): string {
  return type === "u32" || type === "u64" ? `__${type}` : `struct ${type}`;
}
