import { readdirSync, readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Installation } from "./installation.ts";
import { type ProcessRecord, signal, startTime } from "./processes.ts";

const ROUNDS = 200;
const PAUSE_MILLISECONDS = 25;

/**
 * Ends every process that belongs to the installation according to the kernel, recorded or not: in its
 * instances' control groups, or in one of its network namespaces. @throws when some do not end.
 */
export async function killBelongings(installation: Installation): Promise<void> {
  const networks = networksOf(installation);
  for (let round = 0; round < ROUNDS; round++) {
    const there = belongings(installation, networks);
    if (there.length === 0) return;
    for (const process of there) signal(process, "SIGKILL");
    await delay(PAUSE_MILLISECONDS);
  }
  throw new Error(
    `processes do not end: ${belongings(installation, networks)
      .map(({ pid }) => pid)
      .join(", ")}`,
  );
}

function belongings({ id }: Installation, networks: ReadonlySet<number>): readonly ProcessRecord[] {
  const group = new RegExp(`:/(?:.*/)?genkan-${id}(?:/|$)`, "m");
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const starttime = isOurs(pid, group, networks) ? startTime(pid) : undefined;
    return starttime === undefined ? [] : [{ pid, starttime }];
  });
}

function isOurs(pid: number, group: RegExp, networks: ReadonlySet<number>): boolean {
  try {
    return (
      group.test(readFileSync(`/proc/${pid}/cgroup`, "latin1")) ||
      networks.has(statSync(`/proc/${pid}/ns/net`).ino)
    );
  } catch (cause) {
    // It ended meanwhile; or it is another user's, where this one is not root.
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? ""))
      return false;
    throw new Error(`whose process ${pid} is can't be told`, { cause });
  }
}

/**
 * The inodes of the installation's network namespaces; a file that is not (or no longer) a namespace has
 * none.
 */
function networksOf({ namespaces }: Installation): ReadonlySet<number> {
  const kind = statSync("/proc/self/ns/net").dev;
  return new Set(
    Object.values(namespaces).flatMap((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.dev === kind ? [stat.ino] : [];
    }),
  );
}
