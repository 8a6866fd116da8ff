import type { Base } from "./common.ts";

/** An Elastic IP. The association is stored here alone; an interface's public addresses follow from it. */
export type Address = Base<"address"> & {
  readonly publicIp: string;
  /** The pool of the user's own addresses that it came from; absent: Amazon's. */
  readonly pool?: string;
  /** A regional NAT gateway allocated it, and releases it. */
  readonly serviceManaged?: "rnat";
  /** The name for reverse DNS, with its last dot. */
  readonly ptrRecord?: string;
  /** Offered to another account. ISO 8601. */
  readonly transfer?: { readonly accountId: string; readonly expires: string };
  readonly association?: {
    readonly associationId: string;
    readonly networkInterfaceId: string;
    readonly privateIpAddress: string;
  };
};
