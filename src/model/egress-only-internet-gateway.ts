import type { Base, Slotted } from "./common.ts";

/** A way out for IPv6, and for answers alone back in. It is attached to its VPC for life; a VPC may have several. */
export type EgressOnlyInternetGateway = Base<"egress-only-internet-gateway"> & Slotted & { readonly vpcId: string };
