import type { RecordMap, Structs } from "./struct.ts";
import { TABLES } from "./tables.ts";

/**
 * The length of a table of flows in the object file; user space makes it as long as the machine's processors
 * need.
 */
const FLOWS = 1_024;

/** Set in a flow's `link`: it comes from another machine. */
export const FROM_MACHINE = 0x8000_0000;
/** In the place of a machine's number: for the internet, to the gateways. */
export const TO_GATEWAYS = 0xffff;

/** The fast path (bpf/flow_cache.h, bpf/ipv6_flow_cache.h). */
export const FLOW_CACHE_STRUCTS = {
  /**
   * `link`: where the packet comes in: the interface's slot, 0 for the internet; from another machine the slot
   * of the interface that it is for, with {@link FROM_MACHINE}. `ports`: source and
   * destination, as in the frame.
   */
  flow_key: { link: "u32", source: "be32", destination: "be32", ports: "u32", protocol: "u32" },
  flow_entry: {
    key: { struct: "flow_key" },
    /** 0 for the internet. */
    target_slot: "u32",
    epoch: "u64",
    /** Nanoseconds of the monotonic clock. */
    until: "u64",
    /** 0 when it comes from the internet; `target_vpc` is 0 when it goes there. */
    source_vpc: "u32",
    target_vpc: "u32",
    /** The link on which it goes out. */
    link: "u32",
    /** The address that is translated, and its new value; equal when none is. */
    from: "be32",
    to: "be32",
    /** The port at the same end, and its new value. */
    port_from: "be16",
    port_to: "be16",
    /** What the translation adds to the header's checksum before its inversion (RFC 1624). */
    header_delta: "u16",
    /** 0 for what goes to another machine: the overlay has an MTU of its own. */
    mtu: "u16",
    /** The MAC addresses of the frame as it came and as it goes: destination, then source. */
    macs: { array: "u8", length: 12 },
    new_macs: { array: "u8", length: 12 },
    /** The offset of the translated address in the IP header. */
    field: "u8",
    /** What is subtracted from the TTL; `header_delta` includes it. */
    hops: "u8",
    /** The number of the machine that it goes to; 0: it stays here; {@link TO_GATEWAYS}. */
    machine: "u16",
  },
  /** Like `flow_key`. */
  ipv6_flow_key: { link: "u32", source: "addr", destination: "addr", ports: "u32", protocol: "u32" },
  /** Like `flow_entry`, without translation. */
  ipv6_flow_entry: {
    key: { struct: "ipv6_flow_key" },
    target_slot: "u32",
    epoch: "u64",
    until: "u64",
    source_vpc: "u32",
    target_vpc: "u32",
    link: "u32",
    mtu: "u16",
    machine: "u16",
    macs: { array: "u8", length: 12 },
    new_macs: { array: "u8", length: 12 },
  },
  /**
   * The only row of `changes`, written only by user space. `sequence` is odd while the tables are being
   * written. Each processor has `flow_mask` plus one flows; 0: there is no fast path. `seed` goes into the
   * hash, so that nobody can aim at another flow's row.
   */
  changes: { sequence: "u32", epoch: "u32", flow_mask: "u32", seed: "u32" },
} as const satisfies Structs;

export const FLOW_CACHE_MAPS = {
  flows: { type: "array", value: "flow_entry", max: FLOWS, lives: "tables" },
  ipv6_flows: { type: "array", value: "ipv6_flow_entry", max: FLOWS, lives: "tables" },
  changes: { type: "array", value: "changes", max: 1, lives: "tables" },
  /** Written only by user space. */
  epochs: { type: "array", value: "u32", max: TABLES.vpcs.max, lives: "tables", each: "vpc" },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof FLOW_CACHE_STRUCTS>>>;
