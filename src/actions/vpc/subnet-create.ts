import type { CreateSubnetRequest, CreateSubnetResult } from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { blockContains, blocksOverlap, formatBlock, ipv4BlockOf } from "../../lib/block.ts";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { Vpc } from "../../model/vpc.ts";
import { type Zone, zonesOf } from "../../model/zone.ts";
import { followSubnets } from "../gateway/nat-gateway-regional.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { refuseUnoffered, requiredCidr } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { newSubnetIpv6Block, requireSubnetIpv6Block } from "./subnet-ipv6.ts";
import { describedSubnet } from "./subnet.ts";

type NewSubnet = {
  /** Canonical. Absent for an IPv6-only subnet. */
  readonly cidrBlock: string | undefined;
  /** A block of the VPC's, as the request has it. */
  readonly ipv6CidrBlock?: string | undefined;
  readonly zone: Zone;
  /** The default subnet of its zone: launches there map a public address. */
  readonly defaultForAz: boolean;
  readonly tags: Tags;
};

/**
 * A subnet with the VPC's default network ACL, following the VPC's main route table.
 * @throws InvalidSubnet.Range outside the VPC's blocks or of a bad size; InvalidSubnet.Conflict;
 * SubnetLimitExceeded.
 */
export function createSubnet(tx: Tx, vpc: Vpc, wanted: NewSubnet, context: Context): Subnet {
  const { cidrBlock, zone, defaultForAz, tags } = wanted;
  const others = tx.by("subnet", "vpcId", vpc.id);
  if (cidrBlock !== undefined) requireSubnetBlock(vpc, others, cidrBlock);
  const ipv6 =
    wanted.ipv6CidrBlock === undefined ? undefined : requireSubnetIpv6Block(tx, vpc, wanted.ipv6CidrBlock);
  const words = "The maximum number of subnets has been reached.";
  requireQuota(context, "subnets-per-vpc", others.length + 1, "SubnetLimitExceeded", words);
  const subnet: Subnet = {
    kind: "subnet",
    id: newId("subnet", context.random),
    slot: tx.slot("subnet"),
    tags,
    vpcId: vpc.id,
    ...(cidrBlock === undefined ? { ipv6Native: true, assignIpv6AddressOnCreation: true } : { cidrBlock }),
    ...(ipv6 === undefined ? {} : { ipv6CidrBlock: newSubnetIpv6Block(ipv6, context) }),
    availabilityZone: zone.name,
    availabilityZoneId: zone.id,
    defaultForAz,
    mapPublicIpOnLaunch: defaultForAz,
    networkAcl: {
      associationId: newId("network-acl-association", context.random),
      networkAclId: vpc.defaultNetworkAclId,
    },
    privateDnsHostnameType: cidrBlock === undefined ? "resource-name" : "ip-name",
    enableResourceNameDnsARecord: false,
    enableResourceNameDnsAAAARecord: false,
  };
  tx.put(subnet);
  followSubnets(tx, vpc.id, context);
  return subnet;
}

function requireSubnetBlock(vpc: Vpc, others: readonly Subnet[], cidrBlock: string): void {
  const cidr = ipv4BlockOf(cidrBlock);
  const inside = vpc.cidrBlocks.some((block) => blockContains(ipv4BlockOf(block.cidrBlock), cidr));
  if (!inside || cidr.length < 16 || cidr.length > 28)
    throw new Fault("InvalidSubnet.Range", `The CIDR '${cidrBlock}' is invalid.`);
  if (
    others.some((other) => other.cidrBlock !== undefined && blocksOverlap(ipv4BlockOf(other.cidrBlock), cidr))
  ) {
    throw new Fault("InvalidSubnet.Conflict", `The CIDR '${cidrBlock}' conflicts with another subnet`);
  }
}

const CreateSubnet: Action<CreateSubnetRequest, CreateSubnetResult> = (tx, input, context) => {
  const vpc = find(tx, "vpc", input.VpcId);
  if (input.Ipv6Native === true && input.CidrBlock !== undefined) {
    const words =
      "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.";
    throw new Fault("InvalidParameterCombination", words);
  }
  refuseUnoffered(input, [
    "Ipv6IpamPoolId",
    "Ipv6NetmaskLength",
    "Ipv4IpamPoolId",
    "Ipv4NetmaskLength",
    "OutpostArn",
  ]);
  const cidrBlock = blockIn(input);
  const zone = zoneOf(input, context);
  const tags = tagsFor("subnet", input.TagSpecifications, context.quotas);
  const subnet = createSubnet(
    tx,
    vpc,
    { cidrBlock, ipv6CidrBlock: input.Ipv6CidrBlock, zone, defaultForAz: false, tags },
    context,
  );
  const { BlockPublicAccessStates: _, ...answer } = describedSubnet(tx, subnet, context);
  return { Subnet: answer };
};

/**
 * The IPv4 block in canonical form; undefined for an IPv6-only subnet. @throws MissingParameter;
 * InvalidParameterValue.
 */
function blockIn(input: CreateSubnetRequest): string | undefined {
  if (input.Ipv6Native === true) {
    if (input.Ipv6CidrBlock !== undefined) return undefined;
    throw new Fault("MissingParameter", "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.");
  }
  if (input.CidrBlock === undefined)
    throw new Fault("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.");
  return formatBlock(requiredCidr(input.CidrBlock, "cidrBlock"));
}

/** The zone asked for by name or id; the region's first when none is. */
function zoneOf(
  { AvailabilityZone: name, AvailabilityZoneId: id }: CreateSubnetRequest,
  context: Context,
): Zone {
  if (name !== undefined && id !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter availabilityZone cannot be used with the parameter availabilityZoneId",
    );
  }
  const zones = zonesOf(context.region);
  if (name === undefined && id === undefined) return present(zones[0], "a zone");
  const found = zones.find((zone) => (name === undefined ? zone.id === id : zone.name === name));
  if (found) return found;
  const [parameter, known] =
    name === undefined
      ? ["availabilityZoneId", zones.map((zone) => zone.id)]
      : ["availabilityZone", zones.map((zone) => zone.name)];
  throw new Fault(
    "InvalidParameterValue",
    `Value (${name ?? id}) for parameter ${parameter} is invalid. Subnets can currently only be created in the following availability zones: ${known.join(", ")}.`,
  );
}

export const subnetCreateActions = { CreateSubnet };
