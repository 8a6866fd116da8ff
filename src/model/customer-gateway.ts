import type { Base } from "./common.ts";

/** What is told of a device at the customer's side of a VPN. */
export type CustomerGateway = Base<"customer-gateway"> & {
  /** IPv4 or IPv6; absent where a certificate stands for it. */
  readonly ipAddress?: string;
  readonly certificateArn?: string;
  /** The autonomous system number. */
  readonly bgpAsn: number;
  readonly deviceName?: string;
};
