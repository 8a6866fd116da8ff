import { MAX_SNAP } from "./packet-event.ts";
import type { RecordMap, Structs } from "./struct.ts";

/** How many interfaces the kernel can filter by; with more, it sends the events of all. */
export const TRACE_SLOTS = 8;

/** Watching packets (bpf/trace.h). */
export const TRACE_STRUCTS = {
  /**
   * `until`: nanoseconds of the monotonic clock; 0: nobody watches. `verdicts`: bit n selects verdict n.
   * `snap`: bytes of the frame, at most MAX_SNAP. `count`: how many of `slots` are used; 0: all interfaces
   * are selected.
   */
  trace_control: {
    until: "u64",
    verdicts: "u32",
    snap: "u32",
    count: "u32",
    slots: { array: "u32", length: TRACE_SLOTS },
    pad: "u32",
  },
  /** See {@link PacketEvent}. */
  trace_event: {
    time: "u64",
    ingress: "u32",
    target: "u32",
    charge: "u32",
    length: "u32",
    frame_length: "u32",
    captured: "u32",
    /** The flow as it came; zero when it was never read. */
    source: "addr",
    destination: "addr",
    /** The flow as the last stage saw it. */
    source_after: "addr",
    destination_after: "addr",
    source_port: "u16",
    destination_port: "u16",
    reason: "u16",
    verdict: "u8",
    protocol: "u8",
    has_ports: "u8",
    type: "u8",
    code: "u8",
    pad: { array: "u8", length: 5 },
    /** The first `captured` bytes of the frame at the end. */
    frame: { array: "u8", length: MAX_SNAP },
  },
} as const satisfies Structs;

export const TRACE_MAPS = {
  trace_control: { type: "array", value: "trace_control", max: 1, lives: "load" },
  /** Holds `trace_event`s. */
  trace_events: { type: "ringbuf", max: 4 << 20, lives: "load" },
  /** How many events found no room. */
  trace_lost: { type: "array", value: "u64", max: 1, lives: "load" },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof TRACE_STRUCTS>>>;
