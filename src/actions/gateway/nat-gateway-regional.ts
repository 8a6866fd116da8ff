import type {
  AssociateNatGatewayAddressRequest,
  AvailabilityZoneAddress,
  CreateNatGatewayRequest,
} from "@aws-sdk/client-ec2";
import { ipv4 } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import { blocksOverlap, formatBlock, type Ipv4Block, ipv4BlockOf } from "../../lib/block.ts";
import type { Address } from "../../model/address.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { NatGateway } from "../../model/nat-gateway.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import { type Zone, zonesOf } from "../../model/zone.ts";
import { takePublicIp } from "../interface/address.ts";
import {
  chooseFreePrivateIps,
  createNetworkInterface,
  deleteNetworkInterface,
} from "../interface/network-interface.ts";
import type { Context } from "../kit/action.ts";
import { found } from "../kit/find.ts";
import { repeatedIn } from "../kit/parameter.ts";
import { deleteRoutesOf } from "../route/route-table.ts";
import { putRoute } from "../route/route.ts";
import { addressOf, answered, mapAddress, requireAddressCount } from "./nat-gateway-mapping.ts";

/*
 * A regional NAT gateway: one gateway with an interface in each of several zones, and a route table of its
 * own that leads to the internet gateway (VPC user guide, "Regional NAT gateways for automatic multi-AZ
 * expansion"). Each interface is in a zone subnet: a hidden subnet with a link-local block, whose addresses
 * no packet can name. What the gateway sends goes through the internet gateway; what it sends to an address
 * of the VPC itself comes from a link-local address, and no answer comes back.
 */

/** The Elastic IPs of one zone. */
export type ZoneAddresses = { readonly zone: Zone; readonly addresses: readonly Address[] };

/**
 * What a request may not say of a regional gateway. @throws InvalidParameterCombination, MissingParameter,
 * InvalidParameter.
 */
export function requireRegional(input: CreateNatGatewayRequest): void {
  if (input.ConnectivityType === "private") {
    throw new Fault("InvalidParameter", "A regional NAT gateway is always public.");
  }
  for (const key of ZONAL) {
    if (input[key] === undefined) continue;
    const words = `The parameter ${key[0]?.toLowerCase()}${key.slice(1)} is for zonal NAT gateways.`;
    throw new Fault("InvalidParameterCombination", words);
  }
}

const ZONAL = [
  "SubnetId",
  "AllocationId",
  "PrivateIpAddress",
  "SecondaryAllocationIds",
  "SecondaryPrivateIpAddresses",
  "SecondaryPrivateIpAddressCount",
] as const;

/**
 * The zones and addresses that a request names; undefined: it leaves them to the gateway.
 * @throws MissingParameter; InvalidParameterValue for an unknown zone, or one that is named twice;
 * InvalidElasticIpID.NotFound.
 */
export function namedZones(
  tx: Reader,
  given: readonly AvailabilityZoneAddress[] | undefined,
  context: Context,
): readonly ZoneAddresses[] | undefined {
  if (given === undefined || given.length === 0) return undefined;
  const named = given.map((one) => {
    const zone = zoneIn(one, context);
    const ids = one.AllocationIds ?? [];
    if (ids.length === 0)
      throw new Fault(
        "MissingParameter",
        "The request must contain the parameter availabilityZoneAddresses.allocationIds",
      );
    return { zone, addresses: ids.map((id) => elasticIp(tx, id)) };
  });
  for (const [index, { zone }] of named.entries()) {
    if (named.findIndex((other) => other.zone.name === zone.name) === index) continue;
    throw new Fault("InvalidParameterValue", `The availability zone ${zone.name} is given more than once.`);
  }
  const ids = named.flatMap(({ addresses }) => addresses.map(({ id }) => id));
  const twice = repeatedIn(ids);
  if (twice !== undefined)
    throw new Fault("InvalidParameterValue", `The allocation ID '${twice}' is given more than once.`);
  return named;
}

function elasticIp(tx: Reader, id: string): Address {
  return found(tx.get("address", id), "elastic-ip", id);
}

/**
 * @throws MissingParameter without either; InvalidParameterCombination with both; InvalidParameterValue for
 * an unknown zone.
 */
function zoneIn(
  {
    AvailabilityZone: name,
    AvailabilityZoneId: id,
  }: Pick<AvailabilityZoneAddress, "AvailabilityZone" | "AvailabilityZoneId">,
  context: Context,
): Zone {
  if (name === undefined && id === undefined) {
    throw new Fault(
      "MissingParameter",
      "The request must contain the parameter availabilityZone or availabilityZoneId",
    );
  }
  if (name !== undefined && id !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter availabilityZone cannot be used with the parameter availabilityZoneId",
    );
  }
  const zone = zonesOf(context.region).find((one) =>
    name === undefined ? one.id === id : one.name === name,
  );
  if (zone) return zone;
  const parameter = name === undefined ? "availabilityZoneId" : "availabilityZone";
  throw new Fault("InvalidParameterValue", `Value (${name ?? id}) for parameter ${parameter} is invalid.`);
}

/** The zones where the VPC has subnets, in order. */
export function zonesWithSubnets(tx: Reader, vpcId: string, context: Context): readonly Zone[] {
  const names = new Set(tx.by("subnet", "vpcId", vpcId).map(({ availabilityZone }) => availabilityZone));
  return zonesOf(context.region).filter(({ name }) => names.has(name));
}

/** The gateway's route table, with its way to the internet gateway. */
export function createRegionalTable(
  tx: Tx,
  { id, vpcId, gatewayId }: { id: string; vpcId: string; gatewayId: string },
  context: Context,
): string {
  const table = {
    kind: "route-table",
    id: newId("route-table", context.random),
    slot: tx.slot("route-table"),
    tags: {},
    vpcId,
    natGateway: { id, associationId: newId("route-table-association", context.random) },
  } as const;
  tx.put(table);
  putRoute(tx, table, "0.0.0.0/0", { kind: "internet-gateway", id: gatewayId });
  return table.id;
}

/** Creates the gateway's interface in each zone. Returns the updated record; the caller puts it. */
export function withZones(
  tx: Tx,
  gateway: NatGateway,
  zones: readonly ZoneAddresses[],
  context: Context,
): NatGateway {
  const added = zones.flatMap(({ zone, addresses }) => {
    const subnet = createZoneSubnet(tx, gateway, zone, context);
    const eni = createNetworkInterface(
      tx,
      {
        subnet,
        description: `Interface for NAT Gateway ${gateway.id}`,
        secondaryCount: addresses.length - 1,
        sourceDestCheck: false,
        assignPublicIp: false,
        requesterManaged: true,
        natGatewayId: gateway.id,
        tags: {},
      },
      context,
    );
    return mapped(tx, { eni, zone, addresses, ips: eni.privateIpAddresses }, context);
  });
  return { ...gateway, addresses: [...gateway.addresses, ...added] };
}

/**
 * Adds addresses in a zone, where the gateway may have an interface already. Returns the updated record; the
 * caller puts it.
 */
function withAddresses(
  tx: Tx,
  gateway: NatGateway,
  { zone, addresses }: ZoneAddresses,
  context: Context,
): NatGateway {
  const before = zoneInterfaceOf(tx, gateway, zone.name);
  requireAddressCount((before?.privateIpAddresses.length ?? 0) + addresses.length, "public");
  if (!before) return withZones(tx, gateway, [{ zone, addresses }], context);
  const subnet = present(tx.get("subnet", before.subnetId), before.subnetId);
  const ips = chooseFreePrivateIps(tx, subnet, addresses.length, []);
  const eni = { ...before, privateIpAddresses: [...before.privateIpAddresses, ...ips] };
  tx.put(eni);
  return {
    ...gateway,
    addresses: [...gateway.addresses, ...mapped(tx, { eni, zone, addresses, ips }, context)],
  };
}

type Mapping = ZoneAddresses & { readonly eni: NetworkInterface; readonly ips: readonly string[] };

function mapped(tx: Tx, { eni, zone, addresses, ips }: Mapping, context: Context): NatGateway["addresses"] {
  return addresses.map((address, index) => {
    const privateIp = present(ips[index], "a private address for it");
    mapAddress(tx, address, eni, privateIp, context);
    return {
      ...addressOf(eni, privateIp, false, address.id),
      availabilityZone: zone.name,
      availabilityZoneId: zone.id,
    };
  });
}

function zoneInterfaceOf(tx: Reader, { id }: NatGateway, zone: string): NetworkInterface | undefined {
  return tx
    .by("network-interface", "natGatewayId", id)
    .find(({ availabilityZone }) => availabilityZone === zone);
}

/** Where the hidden subnets lie: far from what AWS's services use (169.254.168.0/22). */
const ZONE_SUBNETS = ipv4BlockOf("169.254.192.0/18");
/** Room for eight addresses besides those that every subnet keeps back. */
const ZONE_SUBNET_LENGTH = 28;

function createZoneSubnet(tx: Tx, gateway: NatGateway, zone: Zone, context: Context): Subnet {
  const taken = tx
    .by("subnet", "natGatewayVpcId", gateway.vpcId)
    .map(({ cidrBlock }) => ipv4BlockOf(present(cidrBlock, "a block")));
  const subnet: Subnet = {
    kind: "subnet",
    id: newId("subnet", context.random),
    slot: tx.slot("subnet"),
    tags: {},
    vpcId: gateway.vpcId,
    natGatewayId: gateway.id,
    cidrBlock: formatBlock(freeZoneBlock(taken)),
    availabilityZone: zone.name,
    availabilityZoneId: zone.id,
    defaultForAz: false,
    mapPublicIpOnLaunch: false,
    routeTableAssociation: {
      associationId: newId("route-table-association", context.random),
      routeTableId: present(gateway.routeTableId, `the table of ${gateway.id}`),
    },
    privateDnsHostnameType: "ip-name",
    enableResourceNameDnsARecord: false,
    enableResourceNameDnsAAAARecord: false,
  };
  tx.put(subnet);
  return subnet;
}

function freeZoneBlock(taken: readonly Ipv4Block[]): Ipv4Block {
  const size = 2 ** (32 - ZONE_SUBNET_LENGTH);
  for (
    let base: number = ZONE_SUBNETS.base;
    base < ZONE_SUBNETS.base + 2 ** (32 - ZONE_SUBNETS.length);
    base += size
  ) {
    const block: Ipv4Block = { base: ipv4(base), length: ZONE_SUBNET_LENGTH };
    if (!taken.some((other) => blocksOverlap(other, block))) return block;
  }
  throw new Fault("NatGatewayLimitExceeded", "The maximum number of NAT gateways has been reached.");
}

/** An Elastic IP that the gateway allocates for itself; it does not count against the account's quota. */
function allocate(tx: Tx, context: Context): Address {
  const address: Address = {
    kind: "address",
    id: newId("address", context.random),
    tags: {},
    publicIp: takePublicIp(tx, context),
    serviceManaged: "rnat",
  };
  tx.put(address);
  return address;
}

/** One address of its own for each zone. @throws InsufficientAddressCapacity. */
export function allocatedIn(tx: Tx, zones: readonly Zone[], context: Context): readonly ZoneAddresses[] {
  return zones.map((zone) => ({ zone, addresses: [allocate(tx, context)] }));
}

/**
 * Call this when the VPC's subnets have changed: gateways that choose their zones themselves join new ones,
 * and leave zones without a subnet. When no public address is left, the zone gets no interface, and another
 * zone's takes its packets.
 */
export function followSubnets(tx: Tx, vpcId: string, context: Context): void {
  for (const gateway of tx.by("nat-gateway", "regionalVpcId", vpcId)) {
    if (gateway.autoProvisionZones !== true) continue;
    const wanted = zonesWithSubnets(tx, vpcId, context);
    const has = new Set(gateway.addresses.map(({ availabilityZone }) => availabilityZone));
    const stale = gateway.addresses.filter(
      ({ availabilityZone }) => !wanted.some(({ name }) => name === availabilityZone),
    );
    let next: NatGateway =
      stale.length > 0
        ? withoutAddresses(
            tx,
            gateway,
            stale.map(({ privateIp }) => privateIp),
          )
        : gateway;
    for (const zone of wanted.filter(({ name }) => !has.has(name))) next = expanded(tx, next, zone, context);
    if (next !== gateway) tx.put(next);
  }
}

function expanded(tx: Tx, gateway: NatGateway, zone: Zone, context: Context): NatGateway {
  try {
    return withZones(tx, gateway, allocatedIn(tx, [zone], context), context);
  } catch (cause) {
    if (cause instanceof Fault && cause.code === "InsufficientAddressCapacity") return gateway;
    throw cause;
  }
}

/**
 * Takes addresses from the gateway, and deletes its interfaces in zones where none is left. Returns the
 * updated record; the caller puts it.
 */
function withoutAddresses(tx: Tx, gateway: NatGateway, ips: readonly string[]): NatGateway {
  for (const eni of tx.by("network-interface", "natGatewayId", gateway.id)) {
    const leaving = eni.privateIpAddresses.filter((ip) => ips.includes(ip));
    if (leaving.length === 0) continue;
    for (const address of tx.by("address", "networkInterfaceId", eni.id)) {
      if (leaving.includes(address.association?.privateIpAddress ?? "")) letGo(tx, address);
    }
    if (leaving.length < eni.privateIpAddresses.length) {
      tx.put({ ...eni, privateIpAddresses: eni.privateIpAddresses.filter((ip) => !ips.includes(ip)) });
      continue;
    }
    deleteNetworkInterface(tx, eni);
    tx.delete("subnet", eni.subnetId);
  }
  return { ...gateway, addresses: gateway.addresses.filter(({ privateIp }) => !ips.includes(privateIp)) };
}

/** Back to the account, or if the gateway allocated it, to the pool. */
function letGo(tx: Tx, address: Address): void {
  if (address.serviceManaged !== undefined) return tx.delete("address", address.id);
  const { association: _, ...free } = address;
  tx.put(free);
}

/** All that came with the gateway goes with it. */
export function deleteRegional(tx: Tx, gateway: NatGateway): void {
  withoutAddresses(
    tx,
    gateway,
    gateway.addresses.map(({ privateIp }) => privateIp),
  );
  const table = gateway.routeTableId === undefined ? undefined : tx.get("route-table", gateway.routeTableId);
  if (!table) return;
  deleteRoutesOf(tx, table);
  tx.delete("route-table", table.id);
}

type Association = {
  readonly gateway: NatGateway;
  readonly input: AssociateNatGatewayAddressRequest;
  readonly addresses: readonly Address[];
};

/** More Elastic IPs for one zone, which the gateway may not have been in. */
export function associateRegional(
  tx: Tx,
  { gateway, input, addresses }: Association,
  context: Context,
): ReturnType<typeof answered> {
  requireManual(gateway);
  if (input.PrivateIpAddresses !== undefined && input.PrivateIpAddresses.length > 0) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter privateIpAddresses is for zonal NAT gateways.",
    );
  }
  const next = withAddresses(tx, gateway, { zone: zoneIn(input, context), addresses }, context);
  const fresh = next.addresses.slice(gateway.addresses.length).map(({ privateIp }) => privateIp);
  return answered(tx, next, fresh, "associating");
}

/**
 * The zone of its last Elastic IP the gateway leaves. @throws InvalidParameter when it would have none left
 * at all.
 */
export function disassociateRegional(
  tx: Tx,
  gateway: NatGateway,
  ips: readonly string[],
): ReturnType<typeof answered> {
  requireManual(gateway);
  if (gateway.addresses.every(({ privateIp }) => ips.includes(privateIp))) {
    throw new Fault("InvalidParameter", `The last address of NatGateway ${gateway.id} cannot be taken away.`);
  }
  const before = answered(tx, gateway, ips, "disassociating");
  tx.put(withoutAddresses(tx, gateway, ips));
  return before;
}

/** @throws InvalidParameter for a gateway that looks after its zones and addresses itself. */
function requireManual(gateway: NatGateway): void {
  if (gateway.autoProvisionZones !== true) return;
  throw new Fault("InvalidParameter", `NatGateway ${gateway.id} manages its addresses itself.`);
}
