import type { RecordMap, Structs } from "./struct.ts";

/** What is remembered of first fragments (bpf/fragment.h). */
export const FRAGMENT_STRUCTS = {
  /** `id`: as in the packet. */
  fragment_key: {
    link: "u32",
    source: "addr",
    destination: "addr",
    id: "u32",
    protocol: "u8",
    pad: { array: "u8", length: 3 },
  },
  /**
   * `transport`: the offset of the transport header in the fragmented part, in bytes; in IPv6 it follows the
   * options that are fragmented with it.
   */
  fragment_ports: {
    source_port: "u16",
    destination_port: "u16",
    type: "u8",
    code: "u8",
    protocol: "u8",
    pad: "u8",
    transport: "u16",
    pad2: "u16",
  },
} as const satisfies Structs;

export const FRAGMENT_MAPS = {
  /** The most recent ones only: a flood may cost fragments, never connections. */
  first_fragments: {
    type: "lru_hash",
    key: "fragment_key",
    value: "fragment_ports",
    max: 16_384,
    lives: "state",
  },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof FRAGMENT_STRUCTS>>>;
