import type {
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
  ModifySubnetAttributeRequest,
  Subnet as SubnetAnswer,
  SubnetIpv6CidrBlockAssociation,
} from "@aws-sdk/client-ec2";
import { blockModeOf } from "../../model/block-public-access-state.ts";
import { Fault } from "../../model/fault.ts";
import type { Reader } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import { availableAddressCount } from "../interface/subnet-address.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched, shown } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, required, unoffered } from "../kit/parameter.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { describedSubnetIpv6Blocks } from "./subnet-ipv6.ts";

const DescribeSubnets: Action<DescribeSubnetsRequest, DescribeSubnetsResult> = (tx, input, context) => {
  const subnets = chosen(
    input.SubnetIds,
    (id) => find(tx, "subnet", id),
    () =>
      shown(
        tx,
        candidates(tx, "subnet", input.Filters, { "vpc-id": "vpcId" }),
        (subnet) => subnet.natGatewayId === undefined,
      ),
  );
  const { items, nextToken } = searched(subnets, input, fields(tx, context));
  return { Subnets: items.map((subnet) => describedSubnet(tx, subnet, context)), NextToken: nextToken };
};

function fields(tx: Reader, context: Context): FilterFields<Subnet> {
  const cidr = (subnet: Subnet): string | undefined => subnet.cidrBlock;
  const zone = (subnet: Subnet): string => subnet.availabilityZone;
  const zoneId = (subnet: Subnet): string => subnet.availabilityZoneId;
  const isDefault = (subnet: Subnet): string => String(subnet.defaultForAz);
  const ipv6 = (of: (block: SubnetIpv6CidrBlockAssociation) => string | undefined) => (subnet: Subnet) =>
    describedSubnetIpv6Blocks(subnet, context.now).map(of);
  return {
    "availability-zone": zone,
    availabilityZone: zone,
    "availability-zone-id": zoneId,
    availabilityZoneId: zoneId,
    "available-ip-address-count": (subnet) => String(availableAddressCount(tx, subnet)),
    cidr,
    "cidr-block": cidr,
    cidrBlock: cidr,
    "customer-owned-ipv4-pool": () => undefined,
    "default-for-az": isDefault,
    defaultForAz: isDefault,
    "enable-dns64": (subnet) => String(subnet.enableDns64 ?? false),
    "enable-lni-at-device-index": () => undefined,
    "ipv6-cidr-block-association.association-id": ipv6((block) => block.AssociationId),
    "ipv6-cidr-block-association.ipv6-cidr-block": ipv6((block) => block.Ipv6CidrBlock),
    "ipv6-cidr-block-association.state": ipv6((block) => block.Ipv6CidrBlockState?.State),
    "ipv6-native": (subnet) => String(subnet.ipv6Native ?? false),
    "map-customer-owned-ip-on-launch": () => "false",
    "map-public-ip-on-launch": (subnet) => String(subnet.mapPublicIpOnLaunch),
    "outpost-arn": () => undefined,
    "owner-id": () => context.account,
    "private-dns-name-options-on-launch.hostname-type": (subnet) => subnet.privateDnsHostnameType,
    "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": (subnet) =>
      String(subnet.enableResourceNameDnsARecord),
    "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": (subnet) =>
      String(subnet.enableResourceNameDnsAAAARecord),
    state: () => "available",
    "subnet-arn": (subnet) => subnetArn(subnet, context),
    "subnet-id": (subnet) => subnet.id,
    "vpc-id": (subnet) => subnet.vpcId,
  };
}

function subnetArn(subnet: Subnet, context: Context): string {
  return `arn:aws:ec2:${context.region}:${context.account}:subnet/${subnet.id}`;
}

export function describedSubnet(tx: Reader, subnet: Subnet, context: Context): SubnetAnswer {
  return {
    SubnetId: subnet.id,
    SubnetArn: subnetArn(subnet, context),
    State: "available",
    OwnerId: context.account,
    BlockPublicAccessStates: { InternetGatewayBlockMode: blockModeOf(tx, [subnet.id, subnet.vpcId]) },
    VpcId: subnet.vpcId,
    CidrBlock: subnet.cidrBlock,
    Ipv6CidrBlockAssociationSet: describedSubnetIpv6Blocks(subnet, context.now),
    AvailableIpAddressCount: availableAddressCount(tx, subnet),
    AvailabilityZone: subnet.availabilityZone,
    AvailabilityZoneId: subnet.availabilityZoneId,
    DefaultForAz: subnet.defaultForAz,
    MapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch,
    Tags: tagListOrAbsent(subnet.tags),
    AssignIpv6AddressOnCreation: subnet.assignIpv6AddressOnCreation ?? false,
    MapCustomerOwnedIpOnLaunch: false,
    EnableDns64: subnet.enableDns64 ?? false,
    Ipv6Native: subnet.ipv6Native ?? false,
    PrivateDnsNameOptionsOnLaunch: {
      HostnameType: subnet.privateDnsHostnameType,
      EnableResourceNameDnsARecord: subnet.enableResourceNameDnsARecord,
      EnableResourceNameDnsAAAARecord: subnet.enableResourceNameDnsAAAARecord,
    },
  };
}

const ModifySubnetAttribute: Action<ModifySubnetAttributeRequest, Done> = (tx, input) => {
  const { SubnetId, ...attributes } = input;
  const subnet = find(tx, "subnet", SubnetId);
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const [first, second] = given;
  if (!first) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  if (second)
    throw new Fault(
      "InvalidParameterCombination",
      "Only one attribute of a subnet can be modified in a request.",
    );
  const [name, value] = first;
  if (subnet.cidrBlock === undefined) requireIpv6OnlyFit(subnet, input);
  tx.put({ ...subnet, ...changed(subnet, name as keyof typeof attributes, value) });
  return DONE;
};

/**
 * An IPv6-only subnet gives IPv6 addresses, and resource names (VPC user guide, "Create a subnet"). @throws
 * InvalidParameterValue.
 */
function requireIpv6OnlyFit({ id }: Subnet, input: ModifySubnetAttributeRequest): void {
  const wrong =
    input.MapPublicIpOnLaunch?.Value === true ||
    input.EnableResourceNameDnsARecordOnLaunch?.Value === true ||
    input.AssignIpv6AddressOnCreation?.Value === false ||
    input.PrivateDnsHostnameTypeOnLaunch === "ip-name";
  if (wrong)
    throw new Fault(
      "InvalidParameterValue",
      `The attribute cannot have this value: the subnet '${id}' is IPv6-only.`,
    );
}

type Attribute = Exclude<keyof ModifySubnetAttributeRequest, "SubnetId">;

function changed(subnet: Subnet, name: Attribute, value: unknown): Partial<Subnet> {
  switch (name) {
    case "MapPublicIpOnLaunch":
      return { mapPublicIpOnLaunch: truth(name, value) };
    case "EnableResourceNameDnsARecordOnLaunch":
      return { enableResourceNameDnsARecord: truth(name, value) };
    case "EnableResourceNameDnsAAAARecordOnLaunch":
      return { enableResourceNameDnsAAAARecord: truth(name, value) };
    case "PrivateDnsHostnameTypeOnLaunch":
      if (value === "ip-name" || value === "resource-name") return { privateDnsHostnameType: value };
      throw new Fault(
        "InvalidParameterValue",
        `Value (${String(value)}) for parameter privateDnsHostnameTypeOnLaunch is invalid.`,
      );
    case "AssignIpv6AddressOnCreation":
      return { assignIpv6AddressOnCreation: assignment(subnet, truth(name, value)) };
    case "EnableDns64":
      return { enableDns64: truth(name, value) };
    case "MapCustomerOwnedIpOnLaunch":
    case "DisableLniAtDeviceIndex":
      if (!truth(name, value)) return {};
      throw unoffered(name);
    default:
      throw unoffered(String(name));
  }
}

function assignment({ id, ipv6CidrBlock }: Subnet, wanted: boolean): boolean {
  if (!wanted || ipv6CidrBlock) return wanted;
  throw new Fault(
    "InvalidParameterValue",
    `Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to true unless the subnet (${id}) has an IPv6 CIDR block associated with it.`,
  );
}

function truth(name: string, attribute: unknown): boolean {
  const value =
    typeof attribute === "object" && attribute !== null && "Value" in attribute ? attribute.Value : undefined;
  return required(
    typeof value === "boolean" ? value : undefined,
    `${name.charAt(0).toLowerCase()}${name.slice(1)}.value`,
  );
}

export const subnetActions = { DescribeSubnets, ModifySubnetAttribute };
