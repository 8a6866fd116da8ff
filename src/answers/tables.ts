import { checkTables } from "../agent/table-check.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";
import type { TablesAnswer } from "../protocol/tables.ts";
import type { Sources } from "./sources.ts";

/** Requests wait while the tables are looked through: of more interfaces that would take too long. */
const MOST_INTERFACES = 20_000;
const MOST_COMPLAINTS = 100;

/**
 * Whether the kernel's tables are what the state says, and in order. @throws NotFound where there are none;
 * BadQuestion for too many
 */
export function tablesOf({
  machine,
  noPackets,
  world,
  installed,
}: Pick<Sources, "machine" | "noPackets" | "world" | "installed">): TablesAnswer {
  if (!machine) throw new NotFound(`There are no tables: ${noPackets}`);
  const interfaces = [...world.regions.values()].reduce(
    (sum, region) => sum + region.count("network-interface"),
    0,
  );
  if (interfaces > MOST_INTERFACES)
    throw new BadQuestion(
      `There are ${interfaces} network interfaces: the tables of more than ${MOST_INTERFACES} are not looked through.`,
    );
  const { rows, complaints } = checkTables(machine.datapath.rows, world.regions.values(), installed.pools);
  return {
    rows,
    complaints: complaints.slice(0, MOST_COMPLAINTS),
    more: Math.max(0, complaints.length - MOST_COMPLAINTS),
  };
}
