import { setTimeout } from "node:timers/promises";
import { inSlices } from "../datapath/slices.ts";
import { keepReserve } from "../host/disk-watch.ts";
import type { FlowRecorder } from "./flow-log.ts";
import type { RunningMachine } from "./machine.ts";

const SWEEP_MILLISECONDS = 5_000;
const FLOWS_MILLISECONDS = 1_000;
const RESERVE_MILLISECONDS = 60_000;

type Kept = {
  /** The home's folder. */
  readonly home: string;
  readonly machine: RunningMachine | undefined;
  readonly recorder: FlowRecorder;
  readonly log: (message: string, cause?: unknown) => void;
};

/**
 * Sweeps what has expired from the kernel's tables, writes flow logs, and keeps room on the disk. Returns
 * what ends it all.
 */
export function keepHouse({ home, machine, recorder, log }: Kept): () => void {
  const endSweeping = machine && sweeping(machine, log);
  const timers = [
    setInterval(
      () => void recorder.tick().catch((cause: unknown) => log("flow logs", cause)),
      FLOWS_MILLISECONDS,
    ),
    setInterval(() => keepReserve(home), RESERVE_MILLISECONDS),
  ];
  return () => {
    endSweeping?.();
    for (const timer of timers) clearInterval(timer);
  };
}

/**
 * Full tables take long to read: that is done in slices, and between two sweeps lies ten times what the last
 * one took, so that requests keep their turn. What the kernel refuses once may pass the next time. Returns
 * what ends it, in the midst of a sweep too.
 */
function sweeping({ datapath }: RunningMachine, log: (message: string, cause?: unknown) => void): () => void {
  let [ended, running, notBefore] = [false, false, 0];
  const turns = {
    clock: () => performance.now(),
    rest: (milliseconds: number) => setTimeout(milliseconds, undefined, { ref: false }),
    ended: () => ended,
  };
  const sweep = async (): Promise<void> => {
    if (running || performance.now() < notBefore) return;
    running = true;
    const worked = await inSlices(datapath.sweepSteps(), turns).catch((cause: unknown) =>
      log("sweep", cause),
    );
    running = false;
    notBefore = performance.now() + 10 * (worked ?? 0);
  };
  const timer = setInterval(() => void sweep(), SWEEP_MILLISECONDS);
  return () => {
    ended = true;
    clearInterval(timer);
  };
}
