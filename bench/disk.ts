import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { quantile } from "./row.ts";

const FLUSHES = 10;
const PAUSE_MILLISECONDS = 2_000;
const LONGEST_MILLISECONDS = 300_000;

/** The median time in milliseconds of writing 4 KiB to a file in the folder and flushing it. */
export function flushTime(folder: string): number {
  const path = join(folder, "flush");
  const file = openSync(path, "w");
  try {
    const times = Array.from({ length: FLUSHES }, () => {
      const started = performance.now();
      writeSync(file, Buffer.alloc(4096), 0, 4096, 0);
      fdatasyncSync(file);
      return performance.now() - started;
    });
    return quantile(times, 0.5);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

/**
 * Waits until the disk flushes as fast again as it did before gigabytes were written to it, or almost: what
 * stands behind a virtual disk goes on writing for a while. After five minutes it is as it is.
 */
export async function settled(folder: string, before: number): Promise<void> {
  const until = performance.now() + LONGEST_MILLISECONDS;
  while (flushTime(folder) > 2 * before && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
}
