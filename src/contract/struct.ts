/**
 * How a struct is written down that the kernel program and user space share: `header.ts` makes C of it,
 * `layout.ts` reads and writes its bytes.
 *
 * Fields are little-endian host integers unless the type says otherwise:
 *   u8 u16 u32 u64   unsigned integers (u64 as bigint)
 *   be16             an unsigned integer in network order
 *   be32             an IPv4 address in network order, 0 for none
 *   mac              6 bytes
 *   addr             16 bytes in network order; an IPv4 address is mapped: ::ffff:a.b.c.d
 * Fields stand at their natural alignment; padding is explicit, so that a struct has no hidden bytes.
 */
export type FieldType =
  | ScalarType
  | { readonly array: FieldType; readonly length: number }
  | { readonly struct: string };
export type ScalarType = "u8" | "u16" | "u32" | "u64" | "be16" | "be32" | "mac" | "addr";
export type StructLayout = Readonly<Record<string, FieldType>>;
export type Structs = Readonly<Record<string, StructLayout>>;

/**
 * A field as a value: integers are numbers (u64 bigint), addresses and MACs are text ("0.0.0.0" for an absent
 * be32).
 */
type FieldValue<All extends Structs, T> = T extends "u64"
  ? bigint
  : T extends "u8" | "u16" | "u32" | "be16"
    ? number
    : T extends "mac" | "addr" | "be32"
      ? string
      : T extends { array: infer E }
        ? readonly FieldValue<All, E>[]
        : T extends { struct: infer S extends keyof All }
          ? ValueIn<All, S>
          : never;

/** A struct as a value. */
export type ValueIn<All extends Structs, S extends keyof All> = {
  readonly [F in keyof All[S]]: FieldValue<All, All[S][F]>;
};

/** A map of the kernel. Arrays are indexed by a 32-bit number; an absent element is all zero. */
export type MapLayout<S extends string> =
  | {
      readonly type: "array" | "lru_hash";
      readonly value: S | "u32" | "u64";
      readonly max: number;
      readonly key?: S;
    }
  | {
      readonly type: "hash" | "percpu_hash" | "lpm";
      readonly key: S;
      readonly value: S;
      readonly max: number;
    }
  /** `max`: in bytes. */
  | { readonly type: "ringbuf"; readonly max: number };

/**
 * A map that the kernel program writes, or user space for it. `lives`, which is how long it is kept:
 *   tables       as long as the plan's tables are
 *   state        over a change of the plan's layout, too: what is made of packets
 *   interfaces   as `state`, and made anew, longer, when there are more interfaces
 *   flow_logs    as `state`
 *   load         until the program is loaded again
 * `each`: an array that has a row for each of them, and is made as long as there may be such.
 */
export type RecordMap<S extends string> = MapLayout<S> & {
  readonly lives: "tables" | "state" | "interfaces" | "flow_logs" | "load";
  readonly each?: "interface" | "vpc";
};
