/** What flow logs count in the kernel against what the tables read by hand say of every frame. */

import type { FlowCount, FlowKey } from "../../src/contract/flow-count.ts";
import type { Datapath } from "../../src/datapath/loader.ts";
import { assert } from "../../src/lib/assert.ts";
import { TCP } from "../../src/reach/packet.ts";
import type { Sent } from "../random/random-frame.ts";
import { ETHERNET } from "../reference/bytes.ts";
import type { Forwarded } from "../reference/forward.ts";
import { readFrame } from "../reference/frame.ts";
import type { Shape } from "../reference/shape.ts";

export type FlowCounters = {
  readonly note: (sent: Sent, became: Forwarded, now: bigint) => void;
  /** The first record that is another; undefined: all agree. Both sides begin anew. */
  readonly difference: () =>
    | { readonly what: string; readonly kernel: string; readonly reference: string }
    | undefined;
};

type Sums = Pick<FlowCount, "packets" | "bytes" | "first" | "last" | "tcpFlags" | "nextHop">;

/** How many records all interfaces share, and how many more each interface has for itself. */
type Room = { readonly shared: number; readonly share: number };

/** Counts from now on. */
export function newFlowCounters({ flowLogs }: Datapath, { shared, share }: Room): FlowCounters {
  flowLogs.take();
  const counts = new Map<string, Sums>();
  const skipped = new Set<number>();
  const records = new Map<number, number>();
  /** Takes room for a flow that has no record yet; false: there is none. */
  const take = (slot: number): boolean => {
    const own = records.get(slot) ?? 0;
    const fits = own < share || own < Math.floor((shared - counts.size) / 4);
    if (fits) records.set(slot, own + 1);
    else skipped.add(slot);
    return fits;
  };
  return {
    note: ({ bytes, segment }, { trace }, now) => {
      for (const key of trace?.logged ?? []) {
        const name = nameOf(key);
        if (!counts.has(name) && !take(key.interface)) continue;
        const [packets, size] = measured(bytes, segment, key.protocol);
        const was = counts.get(name) ?? {
          packets: 0n,
          bytes: 0n,
          first: now,
          last: now,
          tcpFlags: 0,
          nextHop: 0,
        };
        const tcpFlags = was.tcpFlags | (key.protocol === TCP ? flagsOf(bytes) : 0);
        const { nextHop } = key;
        counts.set(name, {
          packets: was.packets + packets,
          bytes: was.bytes + size,
          first: was.first,
          last: now,
          tcpFlags,
          nextHop,
        });
      }
    },
    difference: () => {
      const [expected, lost] = [new Map(counts), slotsOf(skipped)];
      for (const memory of [counts, skipped, records]) memory.clear();
      const { flows, skipped: told } = flowLogs.take();
      if (slotsOf(told) !== lost)
        return { what: "whose flows found no room", kernel: slotsOf(told), reference: lost };
      for (const { packets, bytes, first, last, tcpFlags, nextHop, ...key } of flows) {
        const name = nameOf(key);
        const [kernel, reference] = [
          textOf({ packets, bytes, first, last, tcpFlags, nextHop }),
          textOf(expected.get(name)),
        ];
        if (kernel !== reference) return { what: `the flow record ${name}`, kernel, reference };
        expected.delete(name);
      }
      const [missing] = expected;
      return (
        missing && { what: `the flow record ${missing[0]}`, kernel: "none", reference: textOf(missing[1]) }
      );
    },
  };
}

function slotsOf(slots: Iterable<number>): string {
  return [...slots].toSorted((a, b) => a - b).join(" ") || "nobody's";
}

function nameOf(key: FlowKey): string {
  const ends = `${key.source}:${key.sourcePort} > ${key.destination}:${key.destinationPort}`;
  return `${key.interface} ${key.direction} ${key.action} ${key.rejectReason ?? "-"} ${key.protocol} ${ends} path ${key.path}`;
}

function textOf(sums: Sums | undefined): string {
  if (!sums) return "none";
  return `${sums.packets} packets, ${sums.bytes} bytes, flags ${sums.tcpFlags}, next hop ${sums.nextHop}, ${sums.first} to ${sums.last}`;
}

/**
 * Packets and bytes as they go over a wire: of what a device is to cut, each segment with headers of its own.
 */
function measured(
  frame: Uint8Array,
  segment: number,
  protocol: number,
): readonly [packets: bigint, bytes: bigint] {
  const { end, transport: at } = shapeOf(frame);
  const length = end - ETHERNET;
  const headers = at - ETHERNET + (protocol === TCP ? ((frame[at + 12] ?? 0) >> 4) * 4 : 8);
  if (segment === 0 || length <= headers) return [1n, BigInt(length)];
  const packets = Math.max(1, Math.ceil((length - headers) / segment));
  return [BigInt(packets), BigInt(length + (packets - 1) * headers)];
}

function shapeOf(bytes: Uint8Array): Shape {
  const frame = readFrame(bytes);
  assert(frame.kind === "packet", "what is logged is a packet");
  return frame.shape;
}

/** FIN, SYN and RST, and ACK of SYN packets. Later fragments have none. */
function flagsOf(frame: Uint8Array): number {
  const { later, transport } = shapeOf(frame);
  if (later) return 0;
  const flags = frame[transport + 13] ?? 0;
  return flags & (flags & 2 ? 1 | 2 | 4 | 16 : 1 | 4);
}
