import type { MachineStatus, RegionStatus, Status } from "../protocol/status.ts";
import { type Language, say } from "../words/language.ts";
import { STATUS } from "../words/status.ts";
import { reasonText } from "../words/trace-text.ts";
import type { Paint } from "./paint.ts";

/** How a status is put before a person. */
type Speech = { readonly language: Language; readonly paint: Paint };

/** The status as lines for a person. */
export function statusLines(status: Status, { language, paint }: Speech): readonly string[] {
  const up = say(language, STATUS.up, { version: status.version, endpoint: status.endpoint });
  return [
    `${up}${status.packets ? "" : paint.bad(say(language, STATUS.noPackets))}`,
    ...(!status.packets && status.noPackets ? [`  ${status.noPackets}`] : []),
    ...etcdLines(status, { language, paint }),
    ...machineLines(status, { language, paint }),
    ...status.regions.flatMap((region) => regionLines(region, { language, paint })),
    ...dropLines(status.drops, { language, paint }),
  ];
}

function etcdLines({ etcd }: Status, { language, paint }: Speech): readonly string[] {
  if (!etcd) return [];
  return [
    say(language, STATUS.etcd, { members: etcd.members.join(" ") }),
    ...(etcd.reached ? [] : [paint.bad(say(language, STATUS.etcdLost))]),
  ];
}

function machineLines({ machines = [] }: Status, { language, paint }: Speech): readonly string[] {
  return table(
    machines.map(({ number, name, address, zones, roles, obeyed, packets, load, bfd, ...one }) => [
      say(language, STATUS.machine, { number }),
      name,
      address,
      zones.length === 0
        ? say(language, STATUS.everyZone)
        : say(language, STATUS.zones, { zones: zones.join() }),
      roles.join(),
      one.live
        ? say(language, one.leads ? STATUS.leads : STATUS.live)
        : paint.bad(say(language, STATUS.away)),
      obeyed === undefined ? "" : say(language, STATUS.obeys, { revision: obeyed }),
      useOf({ roles, ...one }, language),
      packets === undefined || load === undefined
        ? ""
        : say(language, STATUS.load, { packets, percent: Math.round(load * 100) }),
      bfd ? say(language, STATUS.bfd, bfd) : "",
      one.live && one.behind ? paint.bad(say(language, STATUS.behind)) : "",
    ]),
  );
}

/** Whether a gateway takes packets, and any machine instances. */
function useOf(
  { drained, standby, fence, roles }: Pick<MachineStatus, "drained" | "standby" | "fence" | "roles">,
  language: Language,
): string {
  if (fence) return say(language, STATUS.fenced);
  if (drained) return say(language, STATUS.drained);
  if (!roles.includes("gateway")) return "";
  return say(language, standby ? STATUS.standby : STATUS.active);
}

function regionLines(region: RegionStatus, { language, paint }: Speech): readonly string[] {
  // AWS shows terminated ones for an hour; here they would only stand in the way.
  const there = region.instances.filter(({ state }) => state !== "terminated");
  const count = region.addresses;
  return [
    "",
    paint.strong(say(language, STATUS.region, { region: region.region, account: region.account })),
    ...table(
      region.vpcs.map(({ id, name, cidr, gateway }) => [
        id,
        name ?? "",
        cidr,
        gateway ?? paint.faint(say(language, STATUS.noGateway)),
      ]),
    ),
    ...table(
      there.map((one) => [
        one.id,
        one.name ?? "",
        one.state,
        one.privateIp,
        reach(one, { language, paint }),
        one.subnet,
      ]),
    ),
    ...there.flatMap(({ id, notDone }) =>
      notDone.map((note) => paint.faint(`  ${say(language, STATUS.userData, { id, note })}`)),
    ),
    ...(count > 0
      ? [`  ${say(language, count === 1 ? STATUS.oneAddress : STATUS.addresses, { count })}`]
      : []),
  ];
}

function dropLines(drops: Status["drops"], { language, paint }: Speech): readonly string[] {
  if (drops.length === 0) return [];
  const rows = drops.map((drop) => [
    drop.interface,
    drop.reason,
    say(language, STATUS.packets, { count: drop.packets }),
    say(language, STATUS.bytes, { count: drop.bytes }),
    // A reason's name, which other commands and the documents use, is English already.
    language === "en" ? "" : reasonText(drop.reason, language),
  ]);
  return ["", paint.strong(say(language, STATUS.drops)), ...table(rows)];
}

/** The addresses that the internet knows it by. */
function reach({ publicIp, ipv6 }: RegionStatus["instances"][number], { language, paint }: Speech): string {
  const addresses = [...(publicIp === undefined ? [] : [publicIp]), ...ipv6];
  return addresses.length > 0 ? addresses.join(" ") : paint.faint(say(language, STATUS.noPublicIp));
}

/** Rows with their columns aligned, indented by two. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, visible(cell));
  const padded = (cell: string, column: number): string =>
    cell + " ".repeat((widths[column] ?? 0) - visible(cell));
  // A column that is empty in every row, such as that of names where nothing has one, is left out.
  return rows.map((row) =>
    `  ${row
      .map(padded)
      .filter((_, column) => widths[column])
      .join("  ")}`.trimEnd(),
  );
}

/** How many columns the text takes on a terminal: colours none, Japanese characters two. */
function visible(text: string): number {
  // oxlint-disable-next-line no-control-regex -- colours are control sequences
  const plain = text.replaceAll(/\u001B\[\d+m/g, "");
  return [...plain].reduce(
    (sum, character) => sum + (/[\u3000-\u9fff\uff00-\uff60]/.test(character) ? 2 : 1),
    0,
  );
}
