import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { TableReader } from "../../plan/tables.ts";
import type { Call } from "./call.ts";

/**
 * A region as it is, or as it would be after some requests: its state, and the tables that packets would meet. Nothing of it is
 * ever committed.
 */
export type Scratch = {
  readonly reader: Reader;
  readonly tables: TableReader;
  /** As it would be after these requests too; undefined: one of them is refused. */
  readonly after: (calls: readonly Call[]) => Scratch | undefined;
  /** Whether the text is an id or an address that only the requests brought, so that the real ones will bring another. */
  readonly isNew: (text: string) => boolean;
};

/** The interface at a slot, if it is one of this region. */
export function interfaceOf({ reader, tables }: Scratch, slot: number): NetworkInterface | undefined {
  const row = tables.lookup("interfaces", slot);
  const vpc = row && reader.list("vpc").find((one) => one.slot === row.vpc);
  if (!vpc) return undefined;
  const address = row.private_ip === "0.0.0.0" ? row.ipv6 : row.private_ip;
  return reader.by("network-interface", "vpcAddress", `${vpc.id}/${address}`).find((eni) => eni.slot === slot);
}
