import { assert } from "../lib/assert.ts";
import { formatAddress } from "../lib/ip.ts";
import type { FlowCount } from "../plan/flow-count.ts";
import { indexKey, type KernelMap } from "./map.ts";

/** User space's half of flow logs (bpf/flow_log.h): it ends a window and takes what was counted in it. */
export type FlowLogs = {
  /** Ends the window: what was counted until now, which is forgotten. Packets go on being counted in the next one. */
  readonly take: () => FlowWindow;
};

export type FlowWindow = {
  readonly flows: readonly FlowCount[];
  /** The interfaces of which some flow found no room. */
  readonly skipped: ReadonlySet<number>;
};

export type FlowLogMaps = {
  readonly flow_records_a: KernelMap;
  readonly flow_records_b: KernelMap;
  readonly flow_shares: KernelMap;
  readonly flow_window: KernelMap;
};

/** Offsets of `struct flow_record_key` and `struct flow_record`. */
const KEY = {
  source: 0,
  destination: 16,
  interface: 32,
  sourcePort: 36,
  destinationPort: 38,
  protocol: 40,
  egress: 41,
  action: 42,
  path: 43,
  size: 44,
} as const;
const VALUE = { packets: 0, bytes: 8, first: 16, last: 24, tcpFlags: 32, nextHop: 36, size: 40 } as const;
/** Of `struct flow_share`; the row of what all interfaces have together is no interface's. */
const SHARE = { skipped: 8, size: 16 } as const;
const ALL = 0;
/** In the order of `enum flow_action`. */
const ACTIONS = [{ action: "ACCEPT" }, { action: "REJECT" }, { action: "REJECT", rejectReason: "BPA" }] as const;

export function openFlowLogs(maps: FlowLogMaps): FlowLogs {
  const { shape } = maps.flow_records_a;
  assert(shape.keySize === KEY.size && shape.valueSize === VALUE.size, "the layout of flow records is known");
  assert(maps.flow_shares.shape.valueSize === SHARE.size, "the layout of flow shares is known");
  return {
    take: () => {
      const window = maps.flow_window.lookup(indexKey(0))?.readUInt32LE() ?? 0;
      maps.flow_window.update(indexKey(0), indexKey((window + 1) >>> 0));
      // What a packet that was on its way has yet to add comes within microseconds; later, it is told with the next window but one.
      pause(1);
      const flows: FlowCount[] = [];
      drain(window % 2 === 0 ? maps.flow_records_a : maps.flow_records_b, (key, value) => flows.push(decode(key, value)));
      return { flows, skipped: skippedIn(maps.flow_shares, window) };
    },
  };
}

/** The slots that bear the window's mark. Without one for all of them there is none to look for. */
function skippedIn(shares: KernelMap, window: number): ReadonlySet<number> {
  const skipped = new Set<number>();
  const mark = (window + 1) >>> 0;
  const at = SHARE.skipped + (window % 2) * 4;
  if (shares.lookup(indexKey(ALL))?.readUInt32LE(at) !== mark) return skipped;
  shares.forEachBatch((keys, values, count) => {
    for (let i = 0; i < count; i++) {
      const slot = keys.readUInt32LE(i * 4);
      if (slot !== ALL && values.readUInt32LE(i * SHARE.size + at) === mark) skipped.add(slot);
    }
  });
  return skipped;
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Visits every element and deletes it. */
function drain(map: KernelMap, visit: (key: Buffer, value: Buffer) => void): void {
  const taken: Buffer[] = [];
  map.forEach((key, value) => {
    visit(key, value);
    taken.push(Buffer.from(key));
  });
  if (taken.length > 0) map.deleteMany(Buffer.concat(taken));
}

function decode(key: Buffer, value: Buffer): FlowCount {
  return {
    interface: key.readUInt32LE(KEY.interface),
    direction: key.readUInt8(KEY.egress) ? "egress" : "ingress",
    ...(ACTIONS[key.readUInt8(KEY.action)] ?? ACTIONS[0]),
    source: formatAddress(key.subarray(KEY.source, KEY.source + 16)),
    destination: formatAddress(key.subarray(KEY.destination, KEY.destination + 16)),
    sourcePort: key.readUInt16LE(KEY.sourcePort),
    destinationPort: key.readUInt16LE(KEY.destinationPort),
    protocol: key.readUInt8(KEY.protocol),
    path: key.readUInt8(KEY.path),
    packets: value.readBigUInt64LE(VALUE.packets),
    bytes: value.readBigUInt64LE(VALUE.bytes),
    first: value.readBigUInt64LE(VALUE.first),
    last: value.readBigUInt64LE(VALUE.last),
    tcpFlags: value.readUInt32LE(VALUE.tcpFlags),
    nextHop: value.readUInt32LE(VALUE.nextHop),
  };
}
