import type { Base } from "./common.ts";

/** What the user says of a device at the customer's side of a VPN. */
export type CustomerGateway = Base<"customer-gateway"> & {
  /** IPv4 or IPv6; absent when a certificate takes its place. */
  readonly ipAddress?: string;
  readonly certificateArn?: string;
  /** The autonomous system number. */
  readonly bgpAsn: number;
  readonly deviceName?: string;
};
