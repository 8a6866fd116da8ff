import type { Base } from "./common.ts";

/**
 * A block of a subnet whose addresses are given only to requests that name them (VPC user guide, "Subnet CIDR
 * reservations").
 */
export type SubnetCidrReservation = Base<"subnet-cidr-reservation"> & {
  readonly subnetId: string;
  /** Canonical, IPv4 or IPv6, inside the subnet's block. */
  readonly cidr: string;
  readonly reservationType: "prefix" | "explicit";
  readonly description: string;
};
