import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { inNetwork, run } from "./command.ts";

/**
 * Maximum neighbours of an instance: half of what the kernel, by default, keeps for all namespaces of a
 * machine together (arp(7), gc_thresh3). Genkan itself gives an instance two for each interface.
 */
export const MOST_NEIGHBOURS = 512;

/** Bytes of /proc/net/arp that are read, at about 78 a line: an instance may have any number of lines. */
const LOOKED_AT = 100 * MOST_NEIGHBOURS;

type Looked = { readonly id: string; readonly pid: number };

/** So many neighbours are never too many: an instance's routers, and those that it may add for itself. */
const FEW = 16;

/** How many neighbours an instance has now: those of IPv4, and those of all kinds. */
export type Counts = {
  readonly ofIpv4: (pid: number) => number;
  readonly ofAll: (pid: number) => Promise<number>;
};

/** Finds instances that fill the machine's tables of neighbours. */
export class NeighbourWatch {
  readonly #counts: Counts;
  /** How many neighbours of all kinds each process had when it was last counted, by process id. */
  readonly #whole = new Map<number, number>();
  #next = 0;

  constructor(counts: Counts = { ofIpv4: arpLines, ofAll: allLines }) {
    this.#counts = counts;
  }

  /**
   * The instances that have too many neighbours; if none has, but all together do, the one with most. Each
   * call counts the IPv4 neighbours of every instance, and neighbours of all kinds for one of them in turn.
   */
  async crowding(instances: readonly Looked[], total = totalOfMachine()): Promise<readonly Looked[]> {
    if (instances.length === 0 || (total !== undefined && total <= MOST_NEIGHBOURS)) return [];
    this.#next = (this.#next + 1) % instances.length;
    const one = instances[this.#next];
    const pids = new Set(instances.map(({ pid }) => pid));
    for (const pid of this.#whole.keys()) if (!pids.has(pid)) this.#whole.delete(pid);
    if (one) this.#whole.set(one.pid, await this.#counts.ofAll(one.pid));
    const counted = instances
      .map((instance) => ({
        instance,
        count: Math.max(this.#counts.ofIpv4(instance.pid), this.#whole.get(instance.pid) ?? 0),
      }))
      .toSorted((a, b) => b.count - a.count);
    const found = counted.filter(({ count }) => count > MOST_NEIGHBOURS);
    const together = counted.reduce((sum, { count }) => sum + (count > FEW ? count : 0), 0);
    return (found.length === 0 && together > MOST_NEIGHBOURS ? counted.slice(0, 1) : found).map(
      ({ instance }) => instance,
    );
  }
}

/**
 * Neighbours in all namespaces of the machine; undefined where only the machine's own namespace shows them.
 */
function totalOfMachine(): number | undefined {
  const entries = ["arp_cache", "ndisc_cache"].map((table) => {
    try {
      // There is a line for each processor, and each begins with the total of all, in hexadecimal.
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

/** Counts an instance's neighbours of all kinds, up to one more than the maximum. */
async function allLines(pid: number): Promise<number> {
  const script = `ip neigh show nud all | head -n ${MOST_NEIGHBOURS + 1} | wc -l`;
  try {
    return Number(await run([...inNetwork(`/proc/${pid}/ns/net`), "sh", "-c", script]));
  } catch {
    return 0; // It ended.
  }
}
