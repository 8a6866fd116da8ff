import { FLOW_ACTION, type FlowCount } from "../contract/flow-count.ts";
import { ALL_SHARES } from "../contract/flow-log.ts";
import { elementOf, fieldsOf, layoutOf, viewOf } from "../contract/layout.ts";
import { indexAt, indexKey, type KernelMap } from "./map.ts";

/** User space's half of flow logs (bpf/flow_log.h): it ends a window and takes its counts. */
export type FlowLogs = {
  /** Ends the window; returns its counts and deletes them. Packets are then counted in the next window. */
  readonly take: () => FlowWindow;
};

export type FlowWindow = {
  readonly flows: readonly FlowCount[];
  /** The interfaces for which some flow found no room. */
  readonly skipped: ReadonlySet<number>;
};

export type FlowLogMaps = {
  readonly flow_records_a: KernelMap;
  readonly flow_records_b: KernelMap;
  readonly flow_shares: KernelMap;
  readonly flow_window: KernelMap;
};

const KEY = fieldsOf("flow_record_key");
const KEY_SIZE = layoutOf("flow_record_key").size;
const VALUE = fieldsOf("flow_record");
const VALUE_SIZE = layoutOf("flow_record").size;
/** For even windows, and for odd ones. */
const SKIPPED = [elementOf("flow_share", "skipped", 0), elementOf("flow_share", "skipped", 1)] as const;
const SHARE_SIZE = layoutOf("flow_share").size;

type Said = Pick<FlowCount, "action" | "rejectReason">;
const SAID: Readonly<Record<keyof typeof FLOW_ACTION, Said>> = {
  accept: { action: "ACCEPT" },
  reject: { action: "REJECT" },
  reject_bpa: { action: "REJECT", rejectReason: "BPA" },
};
const BY_NUMBER = new Map(
  Object.entries(SAID).map(([name, said]) => [FLOW_ACTION[name as keyof typeof FLOW_ACTION] as number, said]),
);

export function openFlowLogs(maps: FlowLogMaps): FlowLogs {
  return {
    take: () => {
      const window = maps.flow_window.lookup(indexKey(0))?.readUInt32LE() ?? 0;
      maps.flow_window.update(indexKey(0), indexKey((window + 1) >>> 0));
      // A packet on its way may still add to the ended window; it does so within microseconds. Anything later
      // is read with the next window but one.
      pause(1);
      const flows = drain(window % 2 === 0 ? maps.flow_records_a : maps.flow_records_b);
      return { flows, skipped: skippedIn(maps.flow_shares, window) };
    },
  };
}

/** The slots marked with the window's number. When the row of all slots has no mark, no slot has one. */
function skippedIn(shares: KernelMap, window: number): ReadonlySet<number> {
  const skipped = new Set<number>();
  const mark = (window + 1) >>> 0;
  const field = SKIPPED[window % 2 === 0 ? 0 : 1];
  const isMarked = (rows: DataView, place: number): boolean => field.read(rows, place * SHARE_SIZE) === mark;
  const all = shares.lookup(indexKey(ALL_SHARES));
  if (!all || !isMarked(viewOf(all), 0)) return skipped;
  shares.forEachBatch((keys, values, count) => {
    const rows = viewOf(values);
    for (let i = 0; i < count; i++) {
      const slot = indexAt(keys, i);
      if (slot !== ALL_SHARES && isMarked(rows, i)) skipped.add(slot);
    }
  });
  return skipped;
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Takes every record and deletes it. */
function drain(map: KernelMap): FlowCount[] {
  const flows: FlowCount[] = [];
  const taken: Buffer[] = [];
  map.forEachBatch((keys, values, count) => {
    const [keyView, valueView] = [viewOf(keys), viewOf(values)];
    for (let i = 0; i < count; i++) flows.push(decode(keyView, i * KEY_SIZE, valueView, i * VALUE_SIZE));
    taken.push(Buffer.from(keys.subarray(0, count * KEY_SIZE)));
  });
  if (taken.length > 0) map.deleteMany(Buffer.concat(taken));
  return flows;
}

function decode(keys: DataView, key: number, values: DataView, value: number): FlowCount {
  return {
    interface: KEY.interface.read(keys, key),
    direction: KEY.egress.read(keys, key) ? "egress" : "ingress",
    ...(BY_NUMBER.get(KEY.action.read(keys, key)) ?? SAID.accept),
    source: KEY.source.read(keys, key),
    destination: KEY.destination.read(keys, key),
    sourcePort: KEY.source_port.read(keys, key),
    destinationPort: KEY.destination_port.read(keys, key),
    protocol: KEY.protocol.read(keys, key),
    path: KEY.path.read(keys, key),
    packets: VALUE.packets.read(values, value),
    bytes: VALUE.bytes.read(values, value),
    first: VALUE.first.read(values, value),
    last: VALUE.last.read(values, value),
    tcpFlags: VALUE.tcp_flags.read(values, value),
    nextHop: VALUE.next_hop.read(values, value),
  };
}
