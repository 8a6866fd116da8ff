/** How full a gateway machine is: what passes its uplink, and how busy packets keep its processors. */

import { readFileSync } from "node:fs";
import { inNamespace } from "../datapath/netns.ts";

/** What the kernel has counted up to a moment. */
export type Counted = {
  /** Milliseconds since some moment. */
  readonly at: number;
  /** Packets in either direction. */
  readonly packets: number;
  /** Of each processor: its time for packets (softirq), and all its time; in the same unit. */
  readonly processors: readonly (readonly [softirq: number, all: number])[];
};

export type GatewayLoad = {
  /** A second. */
  readonly packets: number;
  /** 0: idle; 1: full. */
  readonly load: number;
};

/** How long a look lasts at least. */
const LOOK_MILLISECONDS = 1_000;

/** The load between two looks; each is taken a second or more after the one before. */
export function openGatewayLoad(
  read: () => Counted,
  capacity: number | undefined,
): () => GatewayLoad | undefined {
  let last = read();
  let load: GatewayLoad | undefined;
  return () => {
    const now = read();
    if (now.at - last.at < LOOK_MILLISECONDS) return load;
    load = loadBetween(last, now, capacity);
    last = now;
    return load;
  };
}

/**
 * Where a capacity is given, in packets a second, it says how full the gateway is: machines of a box share
 * their processors, and a line may be full before them. Otherwise the busiest processor does: a flow's packets
 * are carried by one.
 */
export function loadBetween(before: Counted, after: Counted, capacity: number | undefined): GatewayLoad {
  // Counters begin anew with their link.
  const passed = Math.max(0, after.packets - before.packets);
  const packets = Math.round(passed / ((after.at - before.at) / 1_000));
  if (capacity !== undefined) return { packets, load: packets / capacity };
  const shares = after.processors.map(([softirq, all], index) => {
    const [softirqBefore, allBefore] = before.processors[index] ?? [softirq, all];
    return all > allBefore ? (softirq - softirqBefore) / (all - allBefore) : 0;
  });
  return { packets, load: Math.max(0, ...shares) };
}

/** Looks at this machine. `dp`: the path of the data plane's namespace. */
export function countedNow(dp: string): Counted {
  return {
    at: performance.now(),
    packets: packetsOf(inNamespace(dp, () => readFileSync("/proc/thread-self/net/dev", "utf8"))),
    processors: processorsOf(readFileSync("/proc/stat", "utf8")),
  };
}

/** Received and sent packets of the uplink. @param text - of /proc/net/dev (proc(5)) */
export function packetsOf(text: string): number {
  const [, words = ""] = /^\s*uplink:(.*)$/m.exec(text) ?? [];
  const counts = words.trim().split(/\s+/).map(Number);
  return (counts[1] ?? 0) + (counts[9] ?? 0);
}

/** @param text - of /proc/stat (proc(5)) */
export function processorsOf(text: string): Counted["processors"] {
  return [...text.matchAll(/^cpu\d+ (.*)$/gm)].map(([, words = ""]) => {
    // User, nice, system, idle, iowait, irq, softirq, steal; time of guests is in the first two already.
    const times = words.split(" ").map(Number).slice(0, 8);
    return [times[6] ?? 0, times.reduce((sum, one) => sum + one, 0)] as const;
  });
}
