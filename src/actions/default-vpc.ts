import type {
  CreateDefaultSubnetRequest,
  CreateDefaultSubnetResult,
  CreateDefaultVpcRequest,
  CreateDefaultVpcResult,
} from "@aws-sdk/client-ec2";
import { ipv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { blockSize, blocksOverlap, formatBlock, type Ipv4Block, ipv4BlockOf } from "../lib/block.ts";
import { Fault } from "../model/fault.ts";
import { DEFAULT_QUOTAS } from "../model/quota.ts";
import type { Tx } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import type { Vpc } from "../model/vpc.ts";
import { type Zone, zonesOf } from "../model/zone.ts";
import { attachInternetGateway } from "./gateway/internet-gateway-attachment.ts";
import { createInternetGateway } from "./gateway/internet-gateway.ts";
import type { Action, Context } from "./kit/action.ts";
import { defaultVpcOf, find } from "./kit/find.ts";
import { refuseUnoffered, required } from "./kit/parameter.ts";
import { putRoute } from "./route/route.ts";
import { createSubnet } from "./vpc/subnet-create.ts";
import { describedSubnet } from "./vpc/subnet.ts";
import { createVpc } from "./vpc/vpc-create.ts";
import { describedVpc } from "./vpc/vpc.ts";

/** Begins a region as AWS does, with a default VPC; does nothing in a region that has begun. */
export function seedRegion(tx: Tx, context: Context): void {
  if (tx.get("region", context.region)) return;
  tx.put({ kind: "region", id: context.region, tags: {}, createdAt: context.now });
  // What comes by itself is not refused for a quota that the user lowered.
  createDefaultVpc(tx, { ...context, quotas: DEFAULT_QUOTAS });
}

/**
 * 172.31.0.0/16 with a default subnet in each zone and a gateway to the internet (VPC user guide, "Default
 * VPCs").
 */
function createDefaultVpc(tx: Tx, context: Context): Vpc {
  const vpc = createVpc(
    tx,
    { cidrBlock: "172.31.0.0/16", isDefault: true, instanceTenancy: "default", tags: {} },
    context,
  );
  const gateway = createInternetGateway(tx, {}, context);
  attachInternetGateway(tx, gateway, vpc);
  const table = find(tx, "route-table", vpc.mainRouteTable.routeTableId);
  putRoute(tx, table, "0.0.0.0/0", { kind: "internet-gateway", id: gateway.id });
  for (const zone of zonesOf(context.region)) createDefaultSubnet(tx, vpc, zone, context);
  return vpc;
}

/** A /20 of the default VPC that no subnet meets, the lowest one. */
function createDefaultSubnet(tx: Tx, vpc: Vpc, zone: Zone, context: Context): Subnet {
  const taken = tx
    .by("subnet", "vpcId", vpc.id)
    .flatMap(({ cidrBlock }) => (cidrBlock === undefined ? [] : ipv4BlockOf(cidrBlock)));
  const whole = ipv4BlockOf(present(vpc.cidrBlocks[0], "the primary block").cidrBlock);
  const step = blockSize({ base: whole.base, length: 20 });
  const blocks = Array.from({ length: blockSize(whole) / step }, (_, n): Ipv4Block => ({
    base: ipv4(whole.base + n * step),
    length: 20,
  }));
  const free = blocks.find((block) => !taken.some((other) => blocksOverlap(other, block)));
  if (!free)
    throw new Fault("InvalidSubnet.Conflict", `The VPC ${vpc.id} has no free /20 block for a default subnet`);
  return createSubnet(tx, vpc, { cidrBlock: formatBlock(free), zone, defaultForAz: true, tags: {} }, context);
}

const CreateDefaultVpc: Action<CreateDefaultVpcRequest, CreateDefaultVpcResult> = (tx, _input, context) => {
  if (defaultVpcOf(tx)) {
    throw new Fault(
      "DefaultVpcAlreadyExists",
      "A Default VPC already exists for this account in this region.",
    );
  }
  const vpc = createDefaultVpc(tx, context);
  const { BlockPublicAccessStates: _, ...answer } = describedVpc(tx, vpc, context);
  return { Vpc: { ...answer, State: "pending", Ipv6CidrBlockAssociationSet: [] } };
};

const CreateDefaultSubnet: Action<CreateDefaultSubnetRequest, CreateDefaultSubnetResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Ipv6Native"]);
  const zone = zoneOf(input, context);
  const vpc = defaultVpcOf(tx);
  if (!vpc)
    throw new Fault("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.");
  const known = tx.by("subnet", "defaultForAz", zone.name)[0];
  if (known) {
    throw new Fault(
      "DefaultSubnetAlreadyExistsInAvailabilityZone",
      `'${known.id}' is already the default subnet in ${zone.name}.`,
    );
  }
  const { BlockPublicAccessStates: _, ...answer } = describedSubnet(
    tx,
    createDefaultSubnet(tx, vpc, zone, context),
    context,
  );
  return { Subnet: answer };
};

function zoneOf(
  { AvailabilityZone: name, AvailabilityZoneId: id }: CreateDefaultSubnetRequest,
  context: Context,
): Zone {
  const asked = required(name ?? id, "availabilityZone");
  const zone = zonesOf(context.region).find((zone) => (name === undefined ? zone.id : zone.name) === asked);
  if (!zone)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${asked}) for parameter availabilityZone is invalid. Invalid availability zone.`,
    );
  return zone;
}

export const defaultVpcActions = { CreateDefaultVpc, CreateDefaultSubnet };
