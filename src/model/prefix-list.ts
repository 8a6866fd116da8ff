import type { Base } from "./common.ts";

type PrefixListEntry = { readonly cidr: string; readonly description?: string };

/** A customer-managed prefix list. Every version is kept, so that one can be read or restored. Source: VPC user guide, "Managed prefix lists". */
export type PrefixList = Base<"prefix-list"> & {
  readonly name: string;
  readonly addressFamily: "IPv4" | "IPv6";
  /** What counts against the quotas of whatever names the list, whether or not it has so many entries. */
  readonly maxEntries: number;
  /** Starts at 1 and grows with every change of the entries. */
  readonly version: number;
  /** Somebody asked to delete it while something named it. */
  readonly deleteFailed?: boolean;
  /** Of the newest version. */
  readonly entries: readonly PrefixListEntry[];
  /** Entries of former versions; the place is the version minus one. */
  readonly history: readonly (readonly PrefixListEntry[])[];
};
