import type { Paint } from "./language.ts";

export type Status = {
  readonly version: string;
  readonly endpoint: string;
  readonly packets: boolean;
  readonly noPackets?: string;
  readonly regions: readonly RegionStatus[];
  readonly drops: readonly { readonly interface: string; readonly reason: string; readonly packets: number; readonly bytes: number }[];
};

export type RegionStatus = {
  readonly account: string;
  readonly region: string;
  readonly vpcs: readonly {
    readonly id: string;
    readonly name?: string | undefined;
    readonly cidr: string;
    readonly gateway?: string | undefined;
  }[];
  readonly instances: readonly {
    readonly id: string;
    /** Of its Name tag. */
    readonly name?: string | undefined;
    readonly state: string;
    readonly privateIp: string;
    readonly publicIp?: string | undefined;
    readonly ipv6: readonly string[];
    readonly subnet: string;
    /** What it does not run of its user data. */
    readonly notDone: readonly string[];
  }[];
  readonly addresses: number;
  readonly flowLogs: number;
};

/** The status as lines for a person. */
export function statusLines(status: Status, paint: Paint): readonly string[] {
  const lines = [`Genkan ${status.version} is up at ${status.endpoint}${status.packets ? "" : paint.bad(" (no packets move)")}`];
  if (!status.packets && status.noPackets) lines.push(`  ${status.noPackets}`);
  for (const region of status.regions) {
    lines.push("", paint.strong(`${region.region} (account ${region.account})`));
    lines.push(...table(region.vpcs.map((vpc) => [vpc.id, vpc.name ?? "", vpc.cidr, vpc.gateway ?? paint.faint("no internet gateway")])));
    // AWS shows terminated ones for an hour; here they would only stand in the way.
    const there = region.instances.filter(({ state }) => state !== "terminated");
    if (there.length > 0)
      lines.push(...table(there.map((one) => [one.id, one.name ?? "", one.state, one.privateIp, reach(one, paint), one.subnet])));
    for (const { id, notDone } of there) lines.push(...notDone.map((note) => paint.faint(`  ${id}: user data: ${note}`)));
    if (region.addresses > 0) lines.push(`  ${region.addresses} Elastic IP${region.addresses === 1 ? "" : "s"}`);
  }
  if (status.drops.length > 0) {
    lines.push("", paint.strong("dropped packets"));
    lines.push(...table(status.drops.map((drop) => [drop.interface, drop.reason, `${drop.packets} packets`, `${drop.bytes} bytes`])));
  }
  return lines;
}

/** The addresses that the internet knows it by. */
function reach({ publicIp, ipv6 }: RegionStatus["instances"][number], paint: Paint): string {
  const addresses = [...(publicIp === undefined ? [] : [publicIp]), ...ipv6];
  return addresses.length > 0 ? addresses.join(" ") : paint.faint("no public IP");
}

/** Rows with their columns aligned, indented by two. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, visible(cell));
  const padded = (cell: string, column: number): string => cell + " ".repeat((widths[column] ?? 0) - visible(cell));
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
  return [...plain].reduce((sum, character) => sum + (/[\u3000-\u9fff\uff00-\uff60]/.test(character) ? 2 : 1), 0);
}
