import type { Base } from "./common.ts";

/** A VPC's gateway to a telecommunication carrier's network. Genkan has no carrier behind it. */
export type CarrierGateway = Base<"carrier-gateway"> & { readonly vpcId: string };
