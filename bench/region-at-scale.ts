/** Regions of a size that nobody makes call by call: the API's own operations, run straight into a store. */

import { seedRegion } from "../src/actions/default-vpc.ts";
import type { Context } from "../src/actions/kit/action.ts";
import { perform } from "../src/actions/perform.ts";
import { formatIpv4, ipv4 } from "../src/lib/address.ts";
import { blockSize, ipv4BlockOf } from "../src/lib/block.ts";
import type { Random } from "../src/lib/random.ts";
import type { Tx } from "../src/model/state.ts";
import { applyChanges, beginTx, newWorld, type World } from "../src/model/world.ts";
import { quotasOf } from "../src/start/settings.ts";
import type { Store } from "../src/store/store.ts";

export type Scale = {
  /** Interfaces with an Elastic IP each, spread over as few VPCs as hold them. */
  readonly addresses: number;
  /** Further VPCs, each with a subnet, a gateway and a route to it. */
  readonly vpcs?: number;
  /** Routes to a gateway in one further route table. */
  readonly routes?: number;
  /** Rules in one further security group. */
  readonly rules?: number;
};

export const SCALE_POOL = "11.0.0.0/12";
const ACCOUNT = "123456789012";
const REGION = "us-east-1";

/** What a generated region is asked about later: the ids of one thing of each kind. */
export type Sample = {
  readonly gateway: string;
  readonly vpc: string;
  readonly subnet: string;
  readonly group: string;
  readonly table: string;
};

/**
 * Makes a region of this size in a new world, and in the store when there is one. Resolves when all is
 * written.
 */
export async function makeRegion(
  scale: Scale,
  store?: Store,
): Promise<{ readonly world: World; readonly sample: Sample }> {
  const world = newWorld();
  const region = new Builder(world, store);
  region.change((tx, context) => seedRegion(tx, context));
  const sample = region.change((tx, context) => newVpc(tx, context));
  let place = sample;
  for (let made = 0; made < scale.addresses; made += BATCH) {
    if (made > 0 && made % PER_VPC === 0) place = region.change((tx, context) => newVpc(tx, context));
    const block = Math.floor((made % PER_VPC) / PER_SUBNET);
    if (block > 0 && made % PER_SUBNET === 0)
      place = region.change((tx, context) => newSubnet(tx, context, place, block));
    const count = Math.min(BATCH, scale.addresses - made);
    region.change((tx, context) => addInterfaces(tx, context, place.subnet, count));
    await region.written(MOST_WAITING);
  }
  for (let made = 0; made < (scale.vpcs ?? 0); made++) region.change((tx, context) => newVpc(tx, context));
  region.change((tx, context) => addRoutes(tx, context, sample, scale.routes ?? 0));
  region.change((tx, context) => addRules(tx, context, sample, scale.rules ?? 0));
  await region.written(0);
  return { world, sample };
}

/** Interfaces in one transaction; divides those of a subnet. */
const BATCH = 250;
/** How many of the 4091 addresses in a /20 are used. */
const PER_SUBNET = 4000;
const PER_VPC = 16 * PER_SUBNET;
const MOST_WAITING = 400;

/** Runs operations on the world as the server does, and hands their changes to the store. */
class Builder {
  readonly #world: World;
  readonly #store: Store | undefined;
  readonly #context: Context;
  #revision: number;
  #waiting: Promise<number>[] = [];

  constructor(world: World, store: Store | undefined) {
    this.#world = world;
    this.#store = store;
    this.#revision = store?.revision() ?? 0;
    this.#context = {
      account: ACCOUNT,
      region: REGION,
      now: new Date().toISOString(),
      random: quickRandom(1),
      quotas: quotasOf(["unlimited"]),
      pools: [SCALE_POOL],
      byoip: [],
      consoleOutput: () => undefined,
    };
  }

  change<T>(body: (tx: Tx, context: Context) => T): T {
    const tx = beginTx(this.#world, ACCOUNT, REGION);
    const result = body(tx, this.#context);
    const changes = tx.changes();
    applyChanges(this.#world, ACCOUNT, REGION, changes);
    if (this.#store)
      this.#waiting.push(
        this.#store.commit({
          expected: this.#revision++,
          parts: [{ account: ACCOUNT, region: REGION, changes }],
        }),
      );
    return result;
  }

  /** Waits for the store while more than so many commits are under way. */
  async written(most: number): Promise<void> {
    if (this.#waiting.length > most) await Promise.all(this.#waiting.splice(0));
  }
}

type Output = Readonly<Record<string, string & Readonly<Record<string, string>>>>;

function newVpc(tx: Tx, context: Context): Sample {
  const call = (operation: string, input: object): Output => perform(tx, operation, input, context) as Output;
  const vpc = call("CreateVpc", { CidrBlock: "10.0.0.0/16" })["Vpc"]?.["VpcId"] ?? "";
  const gateway = call("CreateInternetGateway", {})["InternetGateway"]?.["InternetGatewayId"] ?? "";
  call("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
  const table = tx.get("vpc", vpc)?.mainRouteTable.routeTableId ?? "";
  call("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway });
  const group = tx.get("vpc", vpc)?.defaultSecurityGroupId ?? "";
  return newSubnet(tx, context, { gateway, vpc, subnet: "", group, table }, 0);
}

function newSubnet(tx: Tx, context: Context, place: Sample, block: number): Sample {
  const input = { VpcId: place.vpc, CidrBlock: `10.0.${block * 16}.0/20` };
  const subnet = (perform(tx, "CreateSubnet", input, context) as Output)["Subnet"]?.["SubnetId"] ?? "";
  return { ...place, subnet };
}

function addInterfaces(tx: Tx, context: Context, subnet: string, count: number): void {
  for (let made = 0; made < count; made++) {
    const call = (operation: string, input: object): Output =>
      perform(tx, operation, input, context) as Output;
    const eni =
      call("CreateNetworkInterface", { SubnetId: subnet })["NetworkInterface"]?.["NetworkInterfaceId"] ?? "";
    const address = call("AllocateAddress", {})["AllocationId"] ?? "";
    call("AssociateAddress", { AllocationId: address, NetworkInterfaceId: eni });
  }
}

function addRoutes(tx: Tx, context: Context, { vpc, gateway }: Sample, count: number): void {
  if (count === 0) return;
  const table =
    (perform(tx, "CreateRouteTable", { VpcId: vpc }, context) as Output)["RouteTable"]?.["RouteTableId"] ??
    "";
  const { base } = ipv4BlockOf("32.0.0.0/8");
  for (let made = 0; made < count; made++) {
    const block = `${formatIpv4(ipv4(base + made * blockSize(ipv4BlockOf("0.0.0.0/28"))))}/28`;
    perform(
      tx,
      "CreateRoute",
      { RouteTableId: table, DestinationCidrBlock: block, GatewayId: gateway },
      context,
    );
  }
}

function addRules(tx: Tx, context: Context, { vpc }: Sample, count: number): void {
  if (count === 0) return;
  const made = perform(
    tx,
    "CreateSecurityGroup",
    { GroupName: "many-rules", Description: "many rules", VpcId: vpc },
    context,
  ) as Output;
  const IpPermissions = Array.from({ length: count }, (_, index) => {
    const IpRanges = [{ CidrIp: `${formatIpv4(ipv4(ipv4BlockOf("33.0.0.0/8").base + index))}/32` }];
    return { IpProtocol: "tcp", FromPort: 443, ToPort: 443, IpRanges };
  });
  perform(tx, "AuthorizeSecurityGroupIngress", { GroupId: made["GroupId"], IpPermissions }, context);
}

/** Eight digits at a time (xorshift32): a region of a million needs some tens of millions. */
function quickRandom(seed: number): Random {
  let x = seed;
  const word = (): string => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0).toString(16).padStart(8, "0");
  };
  return {
    hex: (length) => {
      let text = word();
      while (text.length < length) text += word();
      return text.slice(0, length);
    },
  };
}
