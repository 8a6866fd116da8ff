import type { Base } from "./common.ts";

/** A block of a subnet whose addresses are given to nobody who does not name them (VPC user guide, "Subnet CIDR reservations"). */
export type SubnetCidrReservation = Base<"subnet-cidr-reservation"> & {
  readonly subnetId: string;
  /** Canonical, of either family, inside the subnet's block. */
  readonly cidr: string;
  readonly reservationType: "prefix" | "explicit";
  readonly description: string;
};
