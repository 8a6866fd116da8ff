import type { Base } from "./common.ts";

/** A VPC's way to a telecommunication carrier's network. No carrier is behind it here. */
export type CarrierGateway = Base<"carrier-gateway"> & { readonly vpcId: string };
