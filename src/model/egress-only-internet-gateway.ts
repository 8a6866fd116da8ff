import type { Base, Slotted } from "./common.ts";

/**
 * A gateway for IPv6 that lets out everything, and in only answers. It is attached to its VPC for life; a VPC
 * may have several.
 */
export type EgressOnlyInternetGateway = Base<"egress-only-internet-gateway"> &
  Slotted & { readonly vpcId: string };
