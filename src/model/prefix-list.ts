import type { Base } from "./common.ts";

type PrefixListEntry = { readonly cidr: string; readonly description?: string };

/**
 * A customer-managed prefix list. Every version is kept, so that one can be read or restored. Source: VPC
 * user guide, "Managed prefix lists".
 */
export type PrefixList = Base<"prefix-list"> & {
  readonly name: string;
  readonly addressFamily: "IPv4" | "IPv6";
  /**
   * The number that counts against the quotas of everything that names the list, however many entries it has.
   */
  readonly maxEntries: number;
  /** Starts at 1 and grows with every change of the entries. */
  readonly version: number;
  /** A request to delete it failed because something named it. */
  readonly deleteFailed?: boolean;
  /** The entries of the newest version. */
  readonly entries: readonly PrefixListEntry[];
  /** The entries of former versions; a version's index is its number minus one. */
  readonly history: readonly (readonly PrefixListEntry[])[];
};
