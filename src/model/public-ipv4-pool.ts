import type { Base } from "./common.ts";

/** A range of public addresses that the user brought, and the pool that it makes. */
export type PublicIpv4Pool = Base<"public-ipv4-pool"> & {
  /** Canonical. */
  readonly cidr: string;
  readonly description?: string;
  readonly publiclyAdvertisable: boolean;
  /** Packets reach and leave its addresses only while it is advertised. */
  readonly advertised: boolean;
};
