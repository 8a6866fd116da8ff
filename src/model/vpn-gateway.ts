import type { Base } from "./common.ts";
import type { Ended } from "./lingering.ts";

/** A virtual private gateway. Genkan has no VPN behind it. */
export type VpnGateway = Base<"vpn-gateway"> & {
  /** The autonomous system number of Amazon's side. */
  readonly amazonSideAsn: number;
  readonly availabilityZone?: string;
  /** The VPC that it is attached to. */
  readonly vpcId?: string;
  /** VPCs that it was attached to before. */
  readonly endedAttachments?: readonly Ended<{ readonly vpcId: string }>[];
};
