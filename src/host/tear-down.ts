import { existsSync } from "node:fs";
import { removeHostLink } from "./host-link.ts";
import { installationAt } from "./installation.ts";
import { removeNamespaces } from "./namespaces.ts";
import { isAlive, killTree, readRecord, recordNames } from "./processes.ts";

/**
 * Ends every process and removes every namespace, link, mount and file under /run that an installation has on this
 * machine, whoever started them and however far they got. The home stays. Does nothing when nothing is there.
 */
export async function tearDown(home: string): Promise<void> {
  if (!existsSync(home)) return;
  const installation = installationAt(home);
  // Twice: a process that was being started writes its record first of all.
  for (let left = recordNames(installation.records), round = 0; left.length > 0 && round < 2; left = alive(installation.records), round++)
    await Promise.all(
      left.map(async (name) => {
        const record = readRecord(installation.records, name);
        if (record) await killTree(record);
      }),
    );
  if (existsSync("/usr/sbin/ip") || existsSync("/sbin/ip")) await removeHostLink(installation);
  await removeNamespaces(installation);
}

function alive(folder: string): readonly string[] {
  return recordNames(folder).filter((name) => {
    const record = readRecord(folder, name);
    return record !== undefined && isAlive(record);
  });
}
