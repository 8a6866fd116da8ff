import type { Base } from "./common.ts";

/** An Elastic IP. Only the address stores its association; an interface's public addresses follow from it. */
export type Address = Base<"address"> & {
  readonly publicIp: string;
  /** The user's own pool that the address came from; absent: Amazon's. */
  readonly pool?: string;
  /** Present when a regional NAT gateway allocated the address and will release it. */
  readonly serviceManaged?: "rnat";
  /** The name for reverse DNS, with its final dot. */
  readonly ptrRecord?: string;
  /** The account that it is being transferred to; times in ISO 8601. */
  readonly transfer?: { readonly accountId: string; readonly expires: string };
  readonly association?: {
    readonly associationId: string;
    readonly networkInterfaceId: string;
    readonly privateIpAddress: string;
  };
};
