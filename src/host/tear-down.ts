import { existsSync, renameSync, rmSync } from "node:fs";
import { killBelongings } from "./belongings.ts";
import { removeCgroups } from "./cgroup.ts";
import { removeHostLink } from "./host-link.ts";
import { type Installation, installationAt } from "./installation.ts";
import { removeNamespaces } from "./namespaces.ts";
import { killTree, readRecord, recordNames } from "./processes.ts";

/**
 * Ends every process and removes every namespace, link, mount and file under /run that an installation has on
 * this machine, whoever made them and however far they got. The home stays. Does nothing when there is
 * nothing.
 * @throws when a process does not end, after everything else is removed
 */
export async function tearDown(home: string): Promise<void> {
  if (!existsSync(home)) return;
  const installation = installationAt(home);
  // A process that is just starting first writes its record; without the folder it can't, and ends.
  const records = `${installation.records}.gone`;
  const held = await killRecorded(records);
  if (existsSync(installation.records)) {
    rmSync(records, { recursive: true, force: true });
    renameSync(installation.records, records);
    held.push(...(await killRecorded(records)));
  }
  // Processes whose record was lost.
  await killBelongings(installation);
  if (existsSync("/usr/sbin/ip") || existsSync("/sbin/ip")) await removeHostLink(installation);
  removeCgroups(installation);
  await removeNamespaces(installation);
  for (const cause of held) throw cause;
}

/** Whether a tear-down began and did not finish. */
export function isHalfTornDown(installation: Installation): boolean {
  return existsSync(`${installation.records}.gone`);
}

/** Kills the recorded processes. @returns why some have not ended */
async function killRecorded(records: string): Promise<unknown[]> {
  const ends = recordNames(records).map(async (name) => {
    const record = readRecord(records, name);
    if (record) await killTree(record);
  });
  return (await Promise.allSettled(ends)).flatMap((end) =>
    end.status === "rejected" ? [end.reason as unknown] : [],
  );
}
