import { present } from "../lib/assert.ts";
import { cidr6Of, cidrs6Overlap, formatCidr6 } from "../lib/cidr6.ts";
import type { InstanceState } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { SlottedKind } from "../model/resource.ts";
import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";
import type { VpcPeeringConnection } from "../model/vpc-peering-connection.ts";

/** The ids behind the tables' numbers, and what a command that mends something needs besides. */
export type Names = {
  /** The id of a resource in the interface's VPC; or of a gateway that its routes name. */
  readonly of: (kind: SlottedKind, slot: number) => string | undefined;
  readonly instance: { readonly id: string; readonly state: InstanceState } | undefined;
  /** The instance is stopped, or about to be, and its next start brings the interface a public IP. */
  readonly publicIpComes: boolean;
  /** Internet gateways that are attached to no VPC, by slot. */
  readonly freeGateways: ReadonlyMap<number, string>;
  /** NAT gateways of the VPC, by the slot of their interface. */
  readonly natGateways: ReadonlyMap<number, string>;
  /** The allocation of an Elastic IP that is associated with nothing. */
  readonly freeAllocation: string | undefined;
  /** The connections with other VPCs, those that are over left out. */
  readonly peerings: readonly PeeringName[];
  /** Who has an address in the interface's VPC, or in one that is peered with it; and the names around that one. */
  readonly holderOf: (address: string) => { readonly slot: number; readonly names: Names } | undefined;
  readonly egressOnlyGateway: string | undefined;
  /** A /64 of the VPC's IPv6 block that no subnet has; absent: the VPC has no IPv6 block, or no room. */
  readonly freeIpv6Block: string | undefined;
  /** To be said in commands; absent when the environment names it already. */
  readonly region: string | undefined;
};

/** A peering connection, seen from one of its VPCs. */
export type PeeringName = {
  readonly id: string;
  readonly isActive: boolean;
  /** Still to be accepted. */
  readonly isPending: boolean;
  /** The other VPC: its slot and its blocks. */
  readonly vpc: number;
  readonly blocks: readonly string[];
};

/** The names around one interface. */
export function namesOf(reader: Reader, eni: NetworkInterface, region?: string): Names {
  const { vpcId } = eni;
  const vpc = present(reader.get("vpc", vpcId), `${vpcId} of ${eni.id}`);
  const gateways = reader.list("internet-gateway");
  const resources: readonly { readonly kind: SlottedKind; readonly slot: number; readonly id: string }[] = [
    vpc,
    eni,
    present(reader.get("subnet", eni.subnetId), `${eni.subnetId} of ${eni.id}`),
    ...reader.by("route-table", "vpcId", vpcId),
    ...reader.by("security-group", "vpcId", vpcId),
    ...reader.by("security-group", "associatedVpcId", vpcId),
    ...reader.by("network-acl", "vpcId", vpcId),
    ...gateways,
  ];
  const ids = new Map(resources.map(({ kind, slot, id }) => [`${kind} ${slot}`, id]));
  const instance = eni.attachment && reader.get("instance", eni.attachment.instanceId);
  return {
    of: (kind, slot) => ids.get(`${kind} ${slot}`),
    instance: instance && { id: instance.id, state: instance.state },
    publicIpComes: (instance?.state === "stopped" || instance?.state === "stopping") && getsPublicIpAtStart(reader, eni),
    freeGateways: new Map(gateways.filter((gateway) => gateway.vpcId === undefined).map(({ slot, id }) => [slot, id])),
    natGateways: new Map(
      reader
        .by("nat-gateway", "vpcId", vpcId)
        .flatMap(({ id }) => reader.by("network-interface", "natGatewayId", id).map(({ slot }): [number, string] => [slot, id])),
    ),
    egressOnlyGateway: reader.by("egress-only-internet-gateway", "vpcId", vpcId)[0]?.id,
    freeIpv6Block: freeIpv6Block(reader, vpc),
    freeAllocation: reader.list("address").find((address) => !address.association)?.id,
    peerings: peeringsOf(reader, vpcId),
    holderOf: (address) => {
      const vpcs = [vpcId, ...livePeerings(reader, vpcId).map((connection) => otherVpc(connection, vpcId))];
      const found = vpcs.flatMap((id) => reader.by("network-interface", "vpcAddress", `${id}/${address}`))[0];
      return found && { slot: found.slot, names: namesOf(reader, found, region) };
    },
    region,
  };
}

function livePeerings(reader: Reader, vpcId: string): readonly VpcPeeringConnection[] {
  const live = reader
    .by("vpc-peering-connection", "vpcId", vpcId)
    .filter(({ status }) => status === "active" || status === "pending-acceptance");
  return live.toSorted((a, b) => Number(b.status === "active") - Number(a.status === "active"));
}

function otherVpc({ requester, accepter }: VpcPeeringConnection, vpcId: string): string {
  return requester.vpcId === vpcId ? accepter.vpcId : requester.vpcId;
}

function peeringsOf(reader: Reader, vpcId: string): readonly PeeringName[] {
  return livePeerings(reader, vpcId).flatMap((connection) => {
    const other = reader.get("vpc", otherVpc(connection, vpcId));
    if (!other) return [];
    const { id, status } = connection;
    const blocks = [...other.cidrBlocks.map(({ cidrBlock }) => cidrBlock), ...(other.ipv6CidrBlocks ?? []).map((one) => one.ipv6CidrBlock)];
    return [{ id, isActive: status === "active", isPending: status === "pending-acceptance", vpc: other.slot, blocks }];
  });
}

/** Subnets have blocks of 64 bits (VPC user guide, "Subnet CIDR blocks"). */
function freeIpv6Block(reader: Reader, vpc: Vpc): string | undefined {
  const taken = reader.by("subnet", "vpcId", vpc.id).flatMap(({ ipv6CidrBlock }) => (ipv6CidrBlock ? [ipv6CidrBlock.ipv6CidrBlock] : []));
  for (const { ipv6CidrBlock } of vpc.ipv6CidrBlocks ?? []) {
    const block = cidr6Of(ipv6CidrBlock);
    for (let place = 0n; place < 1n << BigInt(64 - block.length); place++) {
      const candidate = { base: block.base + (place << 64n), length: 64 };
      if (!taken.some((other) => cidrs6Overlap(cidr6Of(other), candidate))) return formatCidr6(candidate);
    }
  }
  return undefined;
}

/** Auto-assign at a start: the instance's only interface, launched with it, without an Elastic IP (EC2 user guide, "Public IPv4 addresses"). */
function getsPublicIpAtStart(reader: Reader, { id, assignPublicIp, attachment }: NetworkInterface): boolean {
  return (
    assignPublicIp &&
    attachment?.deviceIndex === 0 &&
    reader.countBy("network-interface", "instanceId", attachment.instanceId) === 1 &&
    reader.countBy("address", "networkInterfaceId", id) === 0
  );
}
