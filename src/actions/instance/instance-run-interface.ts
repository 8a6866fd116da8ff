import type { InstanceNetworkInterfaceSpecification, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import { zonesOf } from "../../model/zone.ts";
import { requireAddressRoom, requireIpv6Room } from "../interface/address-room.ts";
import { connectionTrackingIn, requireTrackingSupport } from "../interface/network-interface-tracking.ts";
import {
  addressesIn,
  ipv6In,
  type NewNetworkInterface,
  requireIpv4,
} from "../interface/network-interface.ts";
import { assignableAddressCount } from "../interface/subnet-address.ts";
import type { Context } from "../kit/action.ts";
import { defaultVpcOf, find } from "../kit/find.ts";
import { refuseUnoffered } from "../kit/parameter.ts";
import { findSecurityGroupByName } from "../security/security-group.ts";
import { findInstanceType } from "./instance-type.ts";

/** One interface that each launched instance gets: a new one, or one that exists already. */
export type WantedInterface = {
  readonly deviceIndex: number;
  readonly deleteOnTermination: boolean;
  readonly subnet: Subnet;
  readonly source:
    | { readonly kind: "existing"; readonly eni: NetworkInterface }
    | { readonly kind: "new"; readonly made: Omit<NewNetworkInterface, "tags" | "attachment" | "subnet"> };
};

/**
 * The interfaces of a launch, by device index, from its NetworkInterfaces or from its subnet, groups and
 * address. Auto-assign of a public address is for a single new interface at device index 0 (EC2 user guide,
 * "Public IPv4 addresses").
 * @throws the faults of the subnets, groups and interfaces named; InvalidParameterCombination;
 * AttachmentLimitExceeded.
 */
export function wantedInterfaces(
  tx: Reader,
  input: RunInstancesRequest,
  context: Context,
): readonly WantedInterface[] {
  const specs = input.NetworkInterfaces ?? [];
  const wanted =
    specs.length === 0
      ? [plainInterface(tx, input, context)]
      : specifiedInterfaces(tx, specs, input, context);
  requireRoom(wanted, input);
  return wanted;
}

function specifiedInterfaces(
  tx: Reader,
  specs: readonly InstanceNetworkInterfaceSpecification[],
  input: RunInstancesRequest,
  context: Context,
): readonly WantedInterface[] {
  refuseBeside(input);
  const indexes = specs.map((spec) => spec.DeviceIndex);
  if (indexes.includes(undefined))
    throw new Fault("InvalidParameterValue", "Each network interface requires a device index.");
  if (new Set(indexes).size < indexes.length) {
    throw new Fault("InvalidParameterValue", "Each network interface requires a unique device index.");
  }
  if (!indexes.includes(0))
    throw new Fault("InvalidParameterValue", "A network interface with device index 0 is required.");
  const wanted = specs
    .map((spec) => specifiedInterface(tx, spec, input, context))
    .toSorted((a, b) => a.deviceIndex - b.deviceIndex);
  requireTogether(wanted);
  return wanted;
}

/** Only instances on the Nitro system can be in IPv6-only subnets (VPC user guide, "Subnet types"). */
function requireRoom(wanted: readonly WantedInterface[], input: RunInstancesRequest): void {
  const type = findInstanceType(input.InstanceType ?? "m1.small");
  if (wanted.length > type.maxInterfaces) {
    throw new Fault(
      "AttachmentLimitExceeded",
      `Interface count ${wanted.length} exceeds the limit for ${type.name}`,
    );
  }
  for (const one of wanted) {
    requireAddressRoom(addressCount(one), type.name);
    requireIpv6Room(ipv6Count(one.source), type.name);
    const { connectionTracking } = one.source.kind === "existing" ? one.source.eni : one.source.made;
    requireTrackingSupport(connectionTracking, type.name);
    if (one.subnet.cidrBlock === undefined && type.hypervisor !== "nitro") {
      throw new Fault(
        "UnsupportedOperation",
        `The instance type ${type.name} cannot be launched into the IPv6-only subnet '${one.subnet.id}'.`,
      );
    }
  }
}

/** How many private addresses of its subnet each instance takes. */
export function addressCount({ source, subnet }: WantedInterface): number {
  if (source.kind === "existing") return source.eni.privateIpAddresses.length;
  if (subnet.cidrBlock === undefined) return 0;
  return 1 + (source.made.secondaryIps?.length ?? 0) + (source.made.secondaryCount ?? 0);
}

function ipv6Count(source: WantedInterface["source"]): number {
  if (source.kind === "existing") return source.eni.ipv6Addresses?.length ?? 0;
  return (source.made.ipv6Addresses?.length ?? 0) + (source.made.ipv6Count ?? 0);
}

/** A request with NetworkInterfaces may set an interface's properties only there. */
function refuseBeside(input: RunInstancesRequest): void {
  const beside = [
    { given: input.SubnetId !== undefined && input.SubnetId !== "", what: "subnet ID" },
    {
      given: (input.SecurityGroupIds?.length ?? 0) + (input.SecurityGroups?.length ?? 0) > 0,
      what: "security groups",
    },
    { given: input.PrivateIpAddress !== undefined && input.PrivateIpAddress !== "", what: "private address" },
    {
      given: (input.Ipv6Addresses?.length ?? 0) > 0 || (input.Ipv6AddressCount ?? 0) > 0,
      what: "IPv6 address",
    },
    { given: input.EnablePrimaryIpv6 === true, what: "primary IPv6 address" },
  ];
  for (const { given, what } of beside) {
    if (!given) continue;
    const words = `Network interfaces and an instance-level ${what} may not be specified on the same request`;
    throw new Fault("InvalidParameterCombination", words);
  }
}

/** The interface of a request that has no NetworkInterfaces. */
function plainInterface(tx: Reader, input: RunInstancesRequest, context: Context): WantedInterface {
  const subnet = subnetOf(tx, input.SubnetId, input, context);
  const names = input.SecurityGroups ?? [];
  if (names.length > 0 && input.SubnetId !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter groupName cannot be used with the parameter subnet",
    );
  }
  const groupIds = [
    ...(input.SecurityGroupIds ?? []),
    ...names.map((name) => findSecurityGroupByName(tx, name).id),
  ];
  return {
    deviceIndex: 0,
    deleteOnTermination: true,
    subnet,
    source: {
      kind: "new",
      made: {
        groupIds,
        description: "",
        privateIp: input.PrivateIpAddress === "" ? undefined : input.PrivateIpAddress,
        ...ipv6In(input),
        primaryIpv6: input.EnablePrimaryIpv6,
        assignPublicIp: subnet.mapPublicIpOnLaunch,
        requesterManaged: false,
      },
    },
  };
}

/** One element of NetworkInterfaces. */
function specifiedInterface(
  tx: Reader,
  spec: InstanceNetworkInterfaceSpecification,
  input: RunInstancesRequest,
  context: Context,
): WantedInterface {
  refuseUnhonoured(spec);
  const deviceIndex = spec.DeviceIndex ?? 0;
  if (deviceIndex < 0)
    throw new Fault("InvalidParameterValue", `Value (${deviceIndex}) for parameter deviceIndex is invalid.`);
  if (spec.NetworkInterfaceId !== undefined) return existingInterface(tx, spec, spec.NetworkInterfaceId);
  const several = (input.NetworkInterfaces ?? []).length > 1;
  if (several && spec.AssociatePublicIpAddress === true) {
    const words =
      "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.";
    throw new Fault("InvalidParameterCombination", words);
  }
  const subnet = subnetOf(tx, spec.SubnetId, input, context);
  if (spec.AssociatePublicIpAddress === true) requireIpv4(subnet);
  return {
    deviceIndex,
    deleteOnTermination: spec.DeleteOnTermination ?? true,
    subnet,
    source: {
      kind: "new",
      made: {
        groupIds: spec.Groups,
        description: spec.Description ?? "",
        ...addressesIn(spec),
        ...ipv6In(spec),
        primaryIpv6: spec.PrimaryIpv6,
        connectionTracking: connectionTrackingIn(spec.ConnectionTrackingSpecification),
        assignPublicIp: !several && (spec.AssociatePublicIpAddress ?? subnet.mapPublicIpOnLaunch),
        requesterManaged: false,
      },
    },
  };
}

function refuseUnhonoured(spec: InstanceNetworkInterfaceSpecification): void {
  refuseUnoffered(spec, [
    "AssociateCarrierIpAddress",
    "Ipv4Prefixes",
    "Ipv4PrefixCount",
    "Ipv6Prefixes",
    "Ipv6PrefixCount",
    "EnaSrdSpecification",
    "EnaQueueCount",
  ]);
  if ((spec.InterfaceType ?? "interface") !== "interface") {
    throw new Fault(
      "UnsupportedOperation",
      `Genkan does not offer interfaces of the type ${spec.InterfaceType}.`,
    );
  }
  if ((spec.NetworkCardIndex ?? 0) !== 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${spec.NetworkCardIndex}) for parameter networkCardIndex is invalid.`,
    );
  }
}

/**
 * An interface that exists brings its subnet, groups and addresses with it, and stays when the instance ends.
 */
function existingInterface(
  tx: Reader,
  spec: InstanceNetworkInterfaceSpecification,
  id: string,
): WantedInterface {
  const beside = [
    { given: spec.SubnetId !== undefined, what: "both a network interface ID and a subnet" },
    {
      given: spec.PrivateIpAddress !== undefined,
      what: "both a network interface ID and a private IP address",
    },
    {
      given: (spec.PrivateIpAddresses?.length ?? 0) > 0,
      what: "both a network interface ID and private IP addresses",
    },
    {
      given: (spec.SecondaryPrivateIpAddressCount ?? 0) > 0,
      what: "both a network interface ID and a private IP address count",
    },
    { given: (spec.Ipv6Addresses?.length ?? 0) > 0, what: "both a network interface ID and IPv6 addresses" },
    {
      given: (spec.Ipv6AddressCount ?? 0) > 0 || spec.PrimaryIpv6 === true,
      what: "both a network interface ID and an IPv6 address count",
    },
    { given: (spec.Groups?.length ?? 0) > 0, what: "both a network interface ID and security groups" },
    {
      given: connectionTrackingIn(spec.ConnectionTrackingSpecification) !== undefined,
      what: "both a network interface ID and idle timeouts of connection tracking",
    },
    {
      given: spec.DeleteOnTermination === true,
      what: "a network interface ID and delete on termination as true",
    },
  ];
  const wrong = beside.find(({ given }) => given);
  if (wrong)
    throw new Fault("InvalidParameterCombination", `A network interface may not specify ${wrong.what}`);
  if (spec.AssociatePublicIpAddress === true) {
    const words =
      "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.";
    throw new Fault("InvalidParameterCombination", words);
  }
  const eni = find(tx, "network-interface", id);
  if (eni.attachment) throw new Fault("InvalidNetworkInterface.InUse", `Interface: [${eni.id}] in use.`);
  const subnet = find(tx, "subnet", eni.subnetId);
  return {
    deviceIndex: spec.DeviceIndex ?? 0,
    deleteOnTermination: false,
    subnet,
    source: { kind: "existing", eni },
  };
}

/**
 * All interfaces of an instance are in one zone and, here, in one VPC; an existing one cannot be used twice.
 */
function requireTogether(wanted: readonly WantedInterface[]): void {
  if (new Set(wanted.map(({ subnet }) => subnet.availabilityZone)).size > 1) {
    throw new Fault(
      "InvalidParameterCombination",
      "All network interfaces must be in the same availability zone.",
    );
  }
  if (new Set(wanted.map(({ subnet }) => subnet.vpcId)).size > 1) {
    throw new Fault(
      "UnsupportedOperation",
      "Genkan does not offer instances with interfaces in several VPCs.",
    );
  }
  const existing = wanted.flatMap(({ source }) => (source.kind === "existing" ? [source.eni.id] : []));
  if (new Set(existing).size < existing.length) {
    throw new Fault("InvalidParameterCombination", "A network interface may be attached only once.");
  }
}

/**
 * The subnet named, or the default subnet of the zone wanted, or the default subnet with most addresses left.
 */
function subnetOf(
  tx: Reader,
  subnetId: string | undefined,
  input: RunInstancesRequest,
  { region }: Context,
): Subnet {
  const zone = zoneOf(input, region);
  if (subnetId !== undefined && subnetId !== "") {
    const subnet = find(tx, "subnet", subnetId);
    if (zone === undefined || zone === subnet.availabilityZone) return subnet;
    const words = `The subnet ID '${subnetId}' is in the availability zone ${subnet.availabilityZone}, not in ${zone}.`;
    throw new Fault("InvalidParameterCombination", words);
  }
  const vpc = defaultVpcOf(tx);
  if (!vpc) throw new Fault("VPCIdNotSpecified", "No default VPC for this user");
  const subnets = tx.by("subnet", "vpcId", vpc.id).filter(({ defaultForAz }) => defaultForAz);
  if (subnets.length === 0)
    throw new Fault(
      "MissingInput",
      `No subnets found for the default VPC '${vpc.id}'. Please specify a subnet.`,
    );
  const fitting = subnets.filter(({ availabilityZone }) => zone === undefined || zone === availabilityZone);
  const [first, ...others] = fitting;
  if (!first) throw new Fault("MissingInput", `No default subnet for availability zone: '${zone}'.`);
  return others.reduce(
    (best, subnet) => (assignableAddressCount(tx, subnet) > assignableAddressCount(tx, best) ? subnet : best),
    first,
  );
}

function zoneOf({ Placement: placement }: RunInstancesRequest, region: string): string | undefined {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = placement ?? {};
  if ((name === undefined || name === "") && (id === undefined || id === "")) return undefined;
  const zone = zonesOf(region).find((each) => (name ? each.name === name : each.id === id));
  if (!zone) throw new Fault("InvalidParameterValue", `Invalid availability zone: [${name ?? id}]`);
  return zone.name;
}
