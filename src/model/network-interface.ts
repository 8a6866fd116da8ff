import { IDLE_TIMEOUT } from "../lib/idle-timeout.ts";
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

/** How long the interface's security groups remember idle connections, in seconds; absent: AWS's defaults. */
export type ConnectionTracking = {
  readonly tcpEstablishedTimeout?: number;
  readonly udpTimeout?: number;
  readonly udpStreamTimeout?: number;
};

/**
 * The defaults for all instance types here. Only the sixth Nitro generation, which Genkan does not have,
 * keeps established TCP for 350 seconds (EC2 user guide, "Idle connection tracking timeout").
 */
export const DEFAULT_CONNECTION_TRACKING = {
  tcpEstablishedTimeout: IDLE_TIMEOUT.tcp_established,
  udpTimeout: IDLE_TIMEOUT.udp_single,
  udpStreamTimeout: IDLE_TIMEOUT.udp_stream,
} as const;

export type NetworkInterface = Base<"network-interface"> &
  /**
   * The slot is also the kernel's index of the interface's host-side link: it starts at FIRST_INTERFACE_SLOT.
   */
  Slotted & {
    readonly vpcId: string;
    readonly subnetId: string;
    readonly availabilityZone: string;
    readonly description: string;
    /** Lower case, colon separated. */
    readonly macAddress: string;
    /** IPv4; the first is the primary one. Empty in an IPv6-only subnet. */
    readonly privateIpAddresses: readonly string[];
    /** The first is the primary one when `isPrimaryIpv6` is set. */
    readonly ipv6Addresses?: readonly string[];
    readonly isPrimaryIpv6?: boolean;
    /** The NAT gateway that owns the interface and its addresses. No security group guards it. */
    readonly natGatewayId?: string;
    /** The interface endpoint that owns the interface. */
    readonly vpcEndpointId?: string;
    readonly groupIds: readonly string[];
    readonly sourceDestCheck: boolean;
    readonly connectionTracking?: ConnectionTracking;
    readonly attachment?: Attachment;
    readonly requesterManaged: boolean;
    /** A launch made it, not a request for an interface. */
    readonly byLaunch?: boolean;
    /** The requester's unique id, as STS tells it. */
    readonly requesterId?: string;
    /**
     * Launched with auto-assign: the primary address gets a public one whenever the instance runs and no
     * Elastic IP is there.
     */
    readonly assignPublicIp: boolean;
    /** The public address that auto-assign has now given to the primary address. */
    readonly autoPublicIp?: string;
    /** Of a NAT gateway's interface in a region of machines: who has which ports. */
    readonly portBlocks?: readonly PortBlock[];
  };

/** The ports `block` * 1,024 and the 1,023 that follow, of a NAT gateway's private address. */
export type PortBlock = {
  readonly address: string;
  readonly block: number;
  readonly machine: number;
  /** The machine begins no more connections on these ports: it gives them back when the last one has ended. */
  readonly closing?: true;
};

/** What a machine says of its ports of a NAT gateway's private address. */
export type PortReport = {
  readonly interfaceId: string;
  readonly address: string;
  /** So many blocks more would do. */
  readonly more?: number;
  /** Those of its blocks that it does without. */
  readonly idle?: readonly number[];
  /** Those that are closing, and have no connection any more. */
  readonly closed?: readonly number[];
};

/** The 55,000 ports that an address has towards a destination begin at 1,024. */
export const FIRST_PORT_BLOCK = 1;
export const LAST_PORT_BLOCK = 54;

/** What a machine has of each address as long as it has instances that may need it. */
export const LEAST_PORT_BLOCKS = 4;

/** Lower link indexes belong to loopback, the uplink and the services link. */
export const FIRST_INTERFACE_SLOT = 16;

/**
 * The most that the kernel's tables can hold, and that AWS raises the quota to (VPC user guide, "Amazon VPC
 * quotas").
 */
export const MAX_GROUPS_PER_INTERFACE = 16;

/** The type, as the API and flow logs show it (EC2 API reference, NetworkInterface). */
export function interfaceType({
  natGatewayId,
  vpcEndpointId,
}: NetworkInterface): "interface" | "nat_gateway" | "vpc_endpoint" {
  if (natGatewayId !== undefined) return "nat_gateway";
  return vpcEndpointId === undefined ? "interface" : "vpc_endpoint";
}

/**
 * Whether a gateway or an endpoint owns it. Then it is in use, though no instance has it, and only its owner
 * may change it.
 */
export function isManaged({ natGatewayId, vpcEndpointId }: NetworkInterface): boolean {
  return natGatewayId !== undefined || vpcEndpointId !== undefined;
}

/** The primary private IPv4 address; undefined in an IPv6-only subnet. */
export function primaryPrivateIp(eni: NetworkInterface): string | undefined {
  return eni.privateIpAddresses[0];
}
