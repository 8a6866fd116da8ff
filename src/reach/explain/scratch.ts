import type { TableReader } from "../../contract/tables.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Call } from "./call.ts";

/**
 * A region as it is, or as it would be after some requests: its state, and the tables that packets would
 * meet. Nothing in it is ever committed.
 */
export type Scratch = {
  readonly region: string;
  readonly reader: Reader;
  /**
   * All regions of the account that have begun, this one first: packets reach the others by peering, and over
   * the internet.
   */
  readonly regions: readonly string[];
  /** The same for another region. */
  readonly elsewhere: (region: string) => Scratch;
  readonly tables: TableReader;
  /** The region after these requests as well; undefined when one of them is refused. */
  readonly after: (calls: readonly Call[]) => Scratch | undefined;
  /** Whether only the requests produced this id or address, so that the real ones will produce another. */
  readonly isNew: (text: string) => boolean;
};

/** The scratch of the region that has the interface in a slot; unchanged when no interface has the slot. */
export function regionAt(scratch: Scratch, slot: number): Scratch {
  return everywhere(scratch).find((one) => interfaceOf(one, slot) !== undefined) ?? scratch;
}

/** The scratch of the region that has the interface; undefined when none has. */
export function regionOf(scratch: Scratch, interfaceId: string): Scratch | undefined {
  return everywhere(scratch).find(({ reader }) => reader.get("network-interface", interfaceId) !== undefined);
}

function everywhere(scratch: Scratch): readonly Scratch[] {
  return scratch.regions.map((region) => (region === scratch.region ? scratch : scratch.elsewhere(region)));
}

/** The interface in a slot, if it is one of this region. */
export function interfaceOf({ reader, tables }: Scratch, slot: number): NetworkInterface | undefined {
  const row = tables.lookup("interfaces", slot);
  const vpc = row && reader.list("vpc").find((one) => one.slot === row.vpc);
  if (!vpc) return undefined;
  const address = row.private_ip === "0.0.0.0" ? row.ipv6 : row.private_ip;
  return reader
    .by("network-interface", "vpcAddress", `${vpc.id}/${address}`)
    .find((eni) => eni.slot === slot);
}
