import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { TableReader } from "../../plan/tables.ts";
import type { Call } from "./call.ts";

/**
 * A region as it is, or as it would be after some requests: its state, and the tables that packets would meet. Nothing of it is
 * ever committed.
 */
export type Scratch = {
  readonly region: string;
  readonly reader: Reader;
  /** All regions of the account that have begun, this one first: packets reach the others over peering, and over the internet. */
  readonly regions: readonly string[];
  /** The same with another region in this one's place. */
  readonly elsewhere: (region: string) => Scratch;
  readonly tables: TableReader;
  /** As it would be after these requests too; undefined: one of them is refused. */
  readonly after: (calls: readonly Call[]) => Scratch | undefined;
  /** Whether the text is an id or an address that only the requests brought, so that the real ones will bring another. */
  readonly isNew: (text: string) => boolean;
};

/** The same in the region of the interface at a slot; as it is when that is no interface's. */
export function regionAt(scratch: Scratch, slot: number): Scratch {
  return everywhere(scratch).find((one) => interfaceOf(one, slot) !== undefined) ?? scratch;
}

/** The same in the region that has the interface; undefined: none has. */
export function regionOf(scratch: Scratch, interfaceId: string): Scratch | undefined {
  return everywhere(scratch).find(({ reader }) => reader.get("network-interface", interfaceId) !== undefined);
}

function everywhere(scratch: Scratch): readonly Scratch[] {
  return scratch.regions.map((region) => (region === scratch.region ? scratch : scratch.elsewhere(region)));
}

/** The interface at a slot, if it is one of this region. */
export function interfaceOf({ reader, tables }: Scratch, slot: number): NetworkInterface | undefined {
  const row = tables.lookup("interfaces", slot);
  const vpc = row && reader.list("vpc").find((one) => one.slot === row.vpc);
  if (!vpc) return undefined;
  const address = row.private_ip === "0.0.0.0" ? row.ipv6 : row.private_ip;
  return reader.by("network-interface", "vpcAddress", `${vpc.id}/${address}`).find((eni) => eni.slot === slot);
}
