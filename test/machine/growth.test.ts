import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRegion, type Sample } from "../../bench/region-at-scale.ts";
import { perform } from "../../src/actions/perform.ts";
import { newRegion } from "../../src/actions/test-region.ts";
import { poolsOf } from "../../src/contract/pool.ts";
import type { Reader, Tx } from "../../src/model/state.ts";
import { applyChanges, beginTx, readerOf, type World } from "../../src/model/world.ts";
import { planDelta } from "../../src/plan/compile.ts";
import { quotasOf } from "../../src/start/settings.ts";

const POOLS = ["11.0.0.0/12"];

/**
 * A reader that counts the resources that it hands out: what a step of an action or of the compiler looks at.
 */
function counting<R extends Reader>(reader: R, seen: { count: number }): R {
  const counted = <T>(found: T): T => {
    seen.count += Array.isArray(found) ? found.length : Number(found !== undefined);
    return found;
  };
  return {
    ...reader,
    get: (kind: "vpc", id: string) => counted(reader.get(kind, id)),
    list: (kind: "vpc") => counted(reader.list(kind)),
    by: (kind: "vpc", index: "isDefault", key: string) => counted(reader.by(kind, index, key)),
    slice: (kind: "vpc", start: number, end: number) => counted(reader.slice(kind, start, end)),
    sliceBy: (kind: "vpc", index: "isDefault", key: string, range: { start: number; end: number }) =>
      counted(reader.sliceBy(kind, index, key, range)),
    count: reader.count,
    countBy: reader.countBy,
  } as R;
}

type Call = readonly [
  operation: string,
  input: (sample: Sample, said: (pattern: RegExp) => string) => object,
];

/**
 * Changes of every sort, one building on another. `said` finds an id in the answers so far, the newest first.
 */
const CALLS: readonly Call[] = [
  ["CreateVpc", () => ({ CidrBlock: "10.1.0.0/16" })],
  ["CreateSubnet", ({ vpc }) => ({ VpcId: vpc, CidrBlock: "10.0.240.0/24" })],
  ["CreateNetworkInterface", ({ subnet }) => ({ SubnetId: subnet, ClientToken: "once" })],
  ["AllocateAddress", () => ({})],
  [
    "AssociateAddress",
    (_, said) => ({ AllocationId: said(/eipalloc-\w+/), NetworkInterfaceId: said(/eni-\w+/) }),
  ],
  ["DisassociateAddress", (_, said) => ({ AssociationId: said(/eipassoc-\w+/) })],
  ["ReleaseAddress", (_, said) => ({ AllocationId: said(/eipalloc-\w+/) })],
  [
    "AssignPrivateIpAddresses",
    (_, said) => ({ NetworkInterfaceId: said(/eni-\w+/), SecondaryPrivateIpAddressCount: 1 }),
  ],
  ["DeleteNetworkInterface", (_, said) => ({ NetworkInterfaceId: said(/eni-\w+/) })],
  [
    "RunInstances",
    ({ subnet }) => ({
      ImageId: "ami-0123456789abcdef0",
      InstanceType: "t3.micro",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnet,
    }),
  ],
  ["TerminateInstances", (_, said) => ({ InstanceIds: [said(/(?<!\w)i-\w{17}/)] })],
  [
    "CreateRoute",
    ({ table, gateway }) => ({
      RouteTableId: table,
      DestinationCidrBlock: "198.51.100.0/24",
      GatewayId: gateway,
    }),
  ],
  ["DeleteRoute", ({ table }) => ({ RouteTableId: table, DestinationCidrBlock: "198.51.100.0/24" })],
  [
    "AuthorizeSecurityGroupIngress",
    ({ group }) => ({ GroupId: group, IpProtocol: "tcp", FromPort: 1, ToPort: 2, CidrIp: "0.0.0.0/0" }),
  ],
  ["CreateSecurityGroup", ({ vpc }) => ({ VpcId: vpc, GroupName: "another", Description: "another" })],
  ["DeleteSecurityGroup", (_, said) => ({ GroupId: said(/sg-\w+/) })],
  ["CreateRouteTable", ({ vpc }) => ({ VpcId: vpc })],
  ["DeleteRouteTable", (_, said) => ({ RouteTableId: said(/rtb-\w+/) })],
  ["CreateInternetGateway", () => ({})],
  ["DeleteInternetGateway", (_, said) => ({ InternetGatewayId: said(/igw-\w+/) })],
  ["ModifyVpcAttribute", ({ vpc }) => ({ VpcId: vpc, EnableDnsSupport: { Value: false } })],
  ["CreateTags", ({ subnet }) => ({ Resources: [subnet], Tags: [{ Key: "name", Value: "value" }] })],
];

/** How many resources each call's action and plan delta look at. */
function work(world: World, sample: Sample): readonly (readonly [string, number])[] {
  const context = { ...newRegion().context(), pools: POOLS, quotas: quotasOf(["unlimited"]) };
  const answers: string[] = [];
  const said = (pattern: RegExp): string =>
    answers.toReversed().flatMap((answer) => pattern.exec(answer) ?? [])[0] ?? "";
  return CALLS.map(([operation, input]) => {
    const seen = { count: 0 };
    const tx = beginTx(world, context.account, context.region);
    const { put, slot, publicIpTaken, elsewhere } = tx;
    const looked: Tx = {
      ...counting<Reader>(tx, seen),
      put,
      delete: tx.delete,
      slot,
      publicIpTaken,
      elsewhere,
    };
    answers.push(JSON.stringify(perform(looked, operation, input(sample, said), context)));
    const changes = tx.changes();
    applyChanges(world, context.account, context.region, changes);
    const { get, list, by, slice, sliceBy, count, countBy } = readerOf(
      world,
      context.account,
      context.region,
    );
    planDelta(
      counting<Reader>({ get, list, by, slice, sliceBy, count, countBy }, seen),
      changes,
      poolsOf(POOLS),
    );
    return [operation, seen.count];
  });
}

test("a change in a large region looks at as many resources as in a small one", async () => {
  const [small, large] = [
    await makeRegion({ addresses: 8 }),
    await makeRegion({ addresses: 3000, vpcs: 40 }),
  ];
  const few = work(small.world, small.sample);
  assert.deepEqual(work(large.world, large.sample), few);
  assert(
    few.every(([, count]) => count < 200),
    JSON.stringify(few),
  );
});
