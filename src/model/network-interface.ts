import type { Base, Slotted } from "./common.ts";

export type Attachment = {
  readonly attachmentId: string;
  readonly instanceId: string;
  readonly deviceIndex: number;
  readonly networkCardIndex: number;
  readonly deleteOnTermination: boolean;
  /** ISO 8601. */
  readonly attachTime: string;
};

/** Idle timeouts of connections that the interface's security groups track, in seconds; absent: AWS's default. */
export type ConnectionTracking = {
  readonly tcpEstablishedTimeout?: number;
  readonly udpTimeout?: number;
  readonly udpStreamTimeout?: number;
};

/**
 * The defaults, of all instance types here: none of them is of the sixth Nitro generation, whose established TCP has 350 seconds (EC2
 * user guide, "Idle connection tracking timeout").
 */
export const DEFAULT_CONNECTION_TRACKING = { tcpEstablishedTimeout: 432_000, udpTimeout: 30, udpStreamTimeout: 180 } as const;

export type NetworkInterface = Base<"network-interface"> &
  /** The slot is also the index of the interface's host-side link in the kernel: it starts at FIRST_INTERFACE_SLOT. */
  Slotted & {
    readonly vpcId: string;
    readonly subnetId: string;
    readonly availabilityZone: string;
    readonly description: string;
    /** Lower case, colon separated. */
    readonly macAddress: string;
    /** IPv4. The first is the primary address. None in a subnet for IPv6 alone. */
    readonly privateIpAddresses: readonly string[];
    /** The first is the primary one where `isPrimaryIpv6` says that there is one. */
    readonly ipv6Addresses?: readonly string[];
    readonly isPrimaryIpv6?: boolean;
    /** Owned by a NAT gateway, whose addresses these are. No group guards it. */
    readonly natGatewayId?: string;
    /** Owned by an interface endpoint. */
    readonly vpcEndpointId?: string;
    readonly groupIds: readonly string[];
    readonly sourceDestCheck: boolean;
    readonly connectionTracking?: ConnectionTracking;
    readonly attachment?: Attachment;
    readonly requesterManaged: boolean;
    /** Made by a launch, not for somebody who asked for an interface. */
    readonly byLaunch?: boolean;
    /** Who asked for it, by the unique id that STS tells. */
    readonly requesterId?: string;
    /** Launched with auto-assign: a public address is due on the primary address whenever the instance runs and no Elastic IP is there. */
    readonly assignPublicIp: boolean;
    /** The auto-assigned public address now held, for the primary address. */
    readonly autoPublicIp?: string;
  };

/** Link indexes below this belong to loopback, the uplink and the services link. */
export const FIRST_INTERFACE_SLOT = 16;

/** What the kernel's tables can hold, and as far as AWS raises the quota (VPC user guide, "Amazon VPC quotas"). */
export const MAX_GROUPS_PER_INTERFACE = 16;

/** As the API and flow logs have it (EC2 API reference, NetworkInterface). */
export function interfaceType({ natGatewayId, vpcEndpointId }: NetworkInterface): "interface" | "nat_gateway" | "vpc_endpoint" {
  if (natGatewayId !== undefined) return "nat_gateway";
  return vpcEndpointId === undefined ? "interface" : "vpc_endpoint";
}

/** Whether a gateway or an endpoint owns it: then it is in use, though no instance has it, and only its owner changes it. */
export function isManaged({ natGatewayId, vpcEndpointId }: NetworkInterface): boolean {
  return natGatewayId !== undefined || vpcEndpointId !== undefined;
}

/** The primary private IPv4 address; undefined in a subnet for IPv6 alone. */
export function primaryPrivateIp(eni: NetworkInterface): string | undefined {
  return eni.privateIpAddresses[0];
}
