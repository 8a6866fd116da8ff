import type { Base, Slotted } from "./common.ts";

/** An internet gateway; `vpcId` is present while it is attached. At most one per VPC. */
export type InternetGateway = Base<"internet-gateway"> &
  Slotted & {
    readonly vpcId?: string;
    /** The gateway route table: routes packets that come in through the gateway. Only while attached. */
    readonly routeTableAssociation?: { readonly associationId: string; readonly routeTableId: string };
  };
