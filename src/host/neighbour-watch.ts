import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { inNetwork, run } from "./command.ts";

/**
 * As many neighbours an instance may have: half of what the kernel keeps for all namespaces of a machine together, its own
 * among them, unless it was told otherwise (arp(7), gc_thresh3). Those that an instance has from here are two for each interface.
 */
export const MOST_NEIGHBOURS = 512;

/** A line of /proc/net/arp has about 78 bytes; what an instance has may be any number of them. */
const LOOKED_AT = 100 * MOST_NEIGHBOURS;

type Looked = { readonly id: string; readonly pid: number };

/** Finds instances that fill the machine's tables of neighbours. */
export class NeighbourWatch {
  #next = 0;

  /** Those of the instances that have too many: of IPv4, any; of others, one is looked at in each call. */
  async crowding(instances: readonly Looked[], total = totalOfMachine()): Promise<readonly Looked[]> {
    if (instances.length === 0 || (total !== undefined && total <= MOST_NEIGHBOURS)) return [];
    const found = instances.filter(({ pid }) => arpLines(pid) > MOST_NEIGHBOURS);
    this.#next = (this.#next + 1) % instances.length;
    const one = instances[this.#next];
    if (one && !found.includes(one) && (await hasMore(one.pid))) return [...found, one];
    return found;
  }
}

/** Neighbours in all namespaces of the machine; undefined where only the machine's own namespace could tell. */
function totalOfMachine(): number | undefined {
  const entries = ["arp_cache", "ndisc_cache"].map((table) => {
    try {
      // A line for each processor, each of which begins with the number for all, in hexadecimal.
      return Number.parseInt(readFileSync(`/proc/net/stat/${table}`, "latin1").split("\n")[1] ?? "", 16);
    } catch {
      return Number.NaN;
    }
  });
  const sum = entries.reduce((a, b) => a + b, 0);
  return Number.isNaN(sum) ? undefined : sum;
}

function arpLines(pid: number): number {
  let file: number;
  try {
    file = openSync(`/proc/${pid}/net/arp`, "r");
  } catch {
    return 0; // It ended.
  }
  try {
    const page = Buffer.alloc(4096);
    let lines = 0;
    for (let bytes = 0; bytes < LOOKED_AT;) {
      const read = readSync(file, page, 0, page.length, null);
      if (read === 0) break;
      bytes += read;
      for (const byte of page.subarray(0, read)) if (byte === 10) lines += 1;
    }
    return lines - 1;
  } catch {
    return 0;
  } finally {
    closeSync(file);
  }
}

async function hasMore(pid: number): Promise<boolean> {
  const script = `ip neigh show nud all | head -n ${MOST_NEIGHBOURS + 1} | wc -l`;
  try {
    return Number(await run([...inNetwork(`/proc/${pid}/ns/net`), "sh", "-c", script])) > MOST_NEIGHBOURS;
  } catch {
    return false; // It ended.
  }
}
