import type { Base } from "./common.ts";
import type { Ended } from "./lingering.ts";

/** A virtual private gateway. No VPN connects anything to it here. */
export type VpnGateway = Base<"vpn-gateway"> & {
  /** The autonomous system number of its side. */
  readonly amazonSideAsn: number;
  readonly availabilityZone?: string;
  /** The VPC that it is attached to. */
  readonly vpcId?: string;
  /** Those that it was attached to. */
  readonly endedAttachments?: readonly Ended<{ readonly vpcId: string }>[];
};
