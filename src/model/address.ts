import type { Base } from "./common.ts";

/** An Elastic IP. The association is stored here alone; an interface's public addresses follow from it. */
export type Address = Base<"address"> & {
  readonly publicIp: string;
  readonly association?: {
    readonly associationId: string;
    readonly networkInterfaceId: string;
    readonly privateIpAddress: string;
  };
};
