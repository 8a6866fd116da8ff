/**
 * The kernel's counters against what the tables read by hand say of every frame: traffic of each interface,
 * drops by reason.
 */

import type { Datapath } from "../../src/datapath/loader.ts";
import type { Sent } from "../random/random-frame.ts";
import type { Forwarded } from "../reference/forward.ts";

export type Counters = {
  readonly note: (sent: Sent, became: Forwarded) => void;
  /** The interface is gone, and its counts with it. */
  readonly forget: (slot: number) => void;
  /** The first count that is another; undefined: all agree. */
  readonly difference: (
    datapath: Datapath,
  ) => { readonly what: string; readonly kernel: string; readonly reference: string } | undefined;
};

/** Packets and bytes by what they are counted as: a direction, or a drop's reason, at an interface. */
type Counts = Map<string, readonly [packets: bigint, bytes: bigint]>;

/** Counts from now on. */
export function newCounters(datapath: Datapath, slots: number): Counters {
  const before = readAll(datapath, slots);
  const counts: Counts = new Map();
  const add = (what: string, bytes: number): void => {
    const [packets, sum] = counts.get(what) ?? NONE;
    counts.set(what, [packets + 1n, sum + BigInt(bytes)]);
  };
  return {
    note: ({ entrance, bytes }, { verdict, reason, target, trace, pieces, frame }) => {
      if (reason !== "none") add(`${verdict === "error" ? charged(trace) : target} ${reason}`, bytes.length);
      const passed = verdict === "internet" || verdict === "deliver" || verdict === "service";
      if (passed && entrance.kind === "interface") add(`${entrance.slot} sent`, bytes.length);
      if (verdict === "deliver") add(`${target} received`, bytes.length);
      // The proof asks for a piece behind the last, which is dropped.
      if (pieces && frame) add("0 malformed", frame.length);
    },
    forget: (slot) => {
      for (const all of [before, counts])
        for (const what of all.keys()) if (what.startsWith(`${slot} `)) all.delete(what);
    },
    difference: (now) => {
      const after = readAll(now, slots);
      for (const what of new Set([...after.keys(), ...counts.keys()])) {
        const [packets, bytes] = after.get(what) ?? NONE;
        const [was, wasBytes] = before.get(what) ?? NONE;
        const kernel = `${packets - was} packets, ${bytes - wasBytes} bytes`;
        const [noted, notedBytes] = counts.get(what) ?? NONE;
        const reference = `${noted} packets, ${notedBytes} bytes`;
        if (kernel !== reference) return { what: `the count of ${what}`, kernel, reference };
      }
      return undefined;
    },
  };
}

const NONE = [0n, 0n] as const;

/** The interface that a drop is counted for when the sender got an error. */
function charged(trace: Forwarded["trace"]): number {
  return trace?.verdict.kind === "drop" ? trace.verdict.interface : 0;
}

function readAll(datapath: Datapath, slots: number): Counts {
  const counts: Counts = new Map();
  for (const { interface: slot, reason, packets, bytes } of datapath.drops())
    counts.set(`${slot} ${reason}`, [packets, bytes]);
  for (let slot = 1; slot < slots; slot++) {
    const { sent, received } = datapath.traffic(slot);
    if (sent.packets > 0n) counts.set(`${slot} sent`, [sent.packets, sent.bytes]);
    if (received.packets > 0n) counts.set(`${slot} received`, [received.packets, received.bytes]);
  }
  return counts;
}
