import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion, type TestRegion } from "../actions/test-region.ts";
import { violations } from "./invariants.ts";
import { REFERENCES, type Reference } from "./reference.ts";
import { KINDS, type Resource } from "./resource.ts";
import type { Tx } from "./state.ts";
import type { Transaction } from "./world.ts";

type Made = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A region with most of the kinds that name others. */
function furnished(): TestRegion {
  const region = newRegion({ defaultVpc: true });
  const make = (operation: string, input: object): Made => region.perform(operation, input) as Made;
  const [vpc] = region.reader().list("vpc");
  const [subnet] = region.reader().list("subnet");
  const [VpcId, SubnetId] = [vpc?.id ?? "", subnet?.id ?? ""];
  const AllocationId = (make("AllocateAddress", {}) as unknown as { readonly AllocationId: string })
    .AllocationId;
  make("CreateNatGateway", { SubnetId, AllocationId });
  make("RunInstances", { ImageId: "ami-0123456789abcdef0", MinCount: 1, MaxCount: 1, SubnetId });
  make("CreateEgressOnlyInternetGateway", { VpcId });
  make("CreateSubnetCidrReservation", {
    SubnetId,
    Cidr: (subnet?.cidrBlock ?? "").replace("/20", "/28"),
    ReservationType: "explicit",
  });
  const GroupId = (
    make("CreateSecurityGroup", { VpcId, GroupName: "g", Description: "d" }) as unknown as {
      readonly GroupId: string;
    }
  ).GroupId;
  make("AuthorizeSecurityGroupIngress", {
    GroupId,
    IpPermissions: [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId }] }],
  });
  return region;
}

function found(tx: Transaction): readonly string[] {
  return violations([{ realm: { account: "123456789012", region: "us-east-1" }, reader: tx }]);
}

test("a reference to a missing resource is a violation, whatever kind of resource has it", () => {
  const region = furnished();
  const seen = new Set<string>();
  for (const kind of KINDS) {
    for (const resource of region.reader().list(kind)) {
      for (const { kind: other, id, as } of (REFERENCES[kind] as (r: Resource) => readonly Reference[])(
        resource,
      )) {
        const tx = region.begin();
        assert.deepEqual(found(tx), []);
        tx.delete(other, id);
        assert.ok(
          found(tx).includes(`123456789012/us-east-1: ${resource.id}: its ${as} ${id} does not exist`),
          `${kind}: ${as}`,
        );
        seen.add(`${kind} ${other}`);
      }
    }
  }
  assert.ok(seen.size >= 15, [...seen].join(", "));
});

/** Ways to break a rule, and what is said of each. */
const BREAKS: readonly (readonly [said: RegExp, by: (tx: Tx) => void])[] = [
  [
    /two internet gateways/,
    (tx) => {
      const [gateway] = tx.list("internet-gateway");
      if (gateway) tx.put({ ...gateway, id: "igw-0123456789abcdef0", slot: tx.slot("internet-gateway") });
    },
  ],
  [
    /overlaps that of/,
    (tx) => change(tx, "subnet", (one, all) => ({ ...one, cidrBlock: all[1]?.cidrBlock ?? "" })),
  ],
  [/is not in its VPC/, (tx) => change(tx, "subnet", (one) => ({ ...one, cidrBlock: "10.99.0.0/20" }))],
  [/is no canonical block/, (tx) => change(tx, "subnet", (one) => ({ ...one, cidrBlock: "172.31.0.1/20" }))],
  [
    /its blocks .* overlap/,
    (tx) => change(tx, "vpc", (one) => ({ ...one, cidrBlocks: [...one.cidrBlocks, ...one.cidrBlocks] })),
  ],
  [
    /is another's in the VPC, too/,
    (tx) =>
      change(tx, "network-interface", (one, all) => ({
        ...one,
        privateIpAddresses: all[1]?.privateIpAddresses ?? [],
      })),
  ],
  [
    /is not in 172\.31\./,
    (tx) => change(tx, "network-interface", (one) => ({ ...one, privateIpAddresses: ["10.0.0.1"] })),
  ],
  [
    /has no address 10\.0\.0\.9/,
    (tx) =>
      change(tx, "address", (one) => ({
        ...one,
        ...(one.association ? { association: { ...one.association, privateIpAddress: "10.0.0.9" } } : {}),
      })),
  ],
  [
    /main route table is another VPC's/,
    (tx) => change(tx, "route-table", (one) => ({ ...one, vpcId: "vpc-0123456789abcdef0" })),
  ],
  [/slot \d+ is that of/, (tx) => change(tx, "subnet", (one, all) => ({ ...one, slot: all[1]?.slot ?? 0 }))],
  [
    /203\.0\.113\.\d+ is that of/,
    (tx) =>
      change(tx, "network-interface", (one) => ({
        ...one,
        autoPublicIp: tx.list("address")[0]?.publicIp ?? "",
      })),
  ],
];

function change<K extends Resource["kind"]>(
  tx: Tx,
  kind: K,
  body: (one: Resource & { kind: K }, all: readonly (Resource & { kind: K })[]) => Resource,
): void {
  const all = tx.list(kind) as unknown as readonly (Resource & { kind: K })[];
  const [one] = all;
  if (one) tx.put(body(one, all));
}

for (const [said, by] of BREAKS) {
  test(`a state is out of order when ${said.source}`, () => {
    const tx = furnished().begin();
    assert.deepEqual(found(tx), []);
    by(tx);
    assert.ok(
      found(tx).some((words) => said.test(words)),
      found(tx).join("\n"),
    );
  });
}
