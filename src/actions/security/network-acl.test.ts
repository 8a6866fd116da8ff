import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { networkAclEntryActions } from "./network-acl-entry.ts";
import { networkAclActions } from "./network-acl.ts";

const { CreateNetworkAcl, DeleteNetworkAcl, DescribeNetworkAcls, ReplaceNetworkAclAssociation } =
  networkAclActions;
const { CreateNetworkAclEntry, ReplaceNetworkAclEntry, DeleteNetworkAclEntry } = networkAclEntryActions;

type Place = {
  readonly region: TestRegion;
  readonly VpcId: string;
  readonly SubnetId: string;
  readonly NetworkAclId: string;
};

function newAcl(settings: Parameters<typeof newRegion>[0] = {}): Place {
  const region = newRegion(settings);
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  const NetworkAclId = must(region.call(CreateNetworkAcl, { VpcId }).NetworkAcl?.NetworkAclId);
  return { region, VpcId, SubnetId, NetworkAclId };
}

function described({ region, NetworkAclId }: Place) {
  return must(region.call(DescribeNetworkAcls, { NetworkAclIds: [NetworkAclId] }).NetworkAcls?.[0]);
}

const rule = (RuleNumber: number, RuleAction: "allow" | "deny", Egress: boolean) => ({
  RuleNumber,
  Protocol: "-1",
  RuleAction,
  Egress,
  CidrBlock: "0.0.0.0/0",
  Ipv6CidrBlock: undefined,
  IcmpTypeCode: undefined,
  PortRange: undefined,
});

test("the default ACL allows everything, a new one nothing; the last rule is listed with both", () => {
  const place = newAcl();
  const { region, VpcId, SubnetId, NetworkAclId } = place;
  const [standard, own] = must(region.call(DescribeNetworkAcls, {}).NetworkAcls);
  assert.equal(standard?.IsDefault, true);
  assert.deepEqual(standard?.Entries, [
    rule(100, "allow", true),
    rule(32_767, "deny", true),
    rule(100, "allow", false),
    rule(32_767, "deny", false),
  ]);
  assert.deepEqual(
    standard?.Associations?.map((association) => association.SubnetId),
    [SubnetId],
  );
  assert.deepEqual(own, {
    NetworkAclId,
    VpcId,
    OwnerId: "123456789012",
    IsDefault: false,
    Entries: [rule(32_767, "deny", true), rule(32_767, "deny", false)],
    Associations: [],
    Tags: [],
  });
});

test("an entry is made, listed in the order of its number, replaced and removed", () => {
  const place = newAcl();
  const { region, NetworkAclId } = place;
  const entry = { NetworkAclId, RuleNumber: 200, Protocol: "6", RuleAction: "allow" as const, Egress: false };
  region.call(CreateNetworkAclEntry, {
    ...entry,
    CidrBlock: "192.0.2.9/24",
    PortRange: { From: 80, To: 90 },
  });
  region.call(CreateNetworkAclEntry, {
    ...entry,
    RuleNumber: 100,
    Protocol: "1",
    CidrBlock: "0.0.0.0/0",
    IcmpTypeCode: { Type: 8, Code: -1 },
    PortRange: { From: 1, To: 2 },
  });
  const inward = () => must(described(place).Entries).filter((one) => one.Egress === false);
  assert.deepEqual(inward(), [
    { ...rule(100, "allow", false), Protocol: "1", IcmpTypeCode: { Type: 8, Code: -1 } },
    {
      ...rule(200, "allow", false),
      Protocol: "6",
      CidrBlock: "192.0.2.0/24",
      PortRange: { From: 80, To: 90 },
    },
    rule(32_767, "deny", false),
  ]);
  const words = "The network acl entry identified by 200 already exists.";
  const again = { ...entry, CidrBlock: "0.0.0.0/0", PortRange: { From: 1, To: 1 } };
  refuses("NetworkAclEntryAlreadyExists", () => region.call(CreateNetworkAclEntry, again), words);
  region.call(CreateNetworkAclEntry, { ...again, Egress: true });
  region.call(ReplaceNetworkAclEntry, { ...again, Protocol: "-1", RuleAction: "deny", PortRange: undefined });
  assert.deepEqual(inward()[1], rule(200, "deny", false));
  refuses("InvalidNetworkAclEntry.NotFound", () =>
    region.call(ReplaceNetworkAclEntry, { ...again, RuleNumber: 300 }),
  );
  region.call(DeleteNetworkAclEntry, { NetworkAclId, RuleNumber: 200, Egress: false });
  assert.deepEqual(
    inward().map((one) => one.RuleNumber),
    [100, 32_767],
  );
  refuses("InvalidNetworkAclEntry.NotFound", () =>
    region.call(DeleteNetworkAclEntry, { NetworkAclId, RuleNumber: 200, Egress: false }),
  );
  const kept = must(described(place).Entries).some((one) => one.Egress === true && one.RuleNumber === 200);
  assert.equal(kept, true, "the outward entry of the same number is another entry");
});

test("an entry with invalid values is refused", () => {
  const { region, NetworkAclId } = newAcl();
  const good = {
    NetworkAclId,
    RuleNumber: 1,
    Protocol: "17",
    RuleAction: "allow" as const,
    Egress: true,
    CidrBlock: "0.0.0.0/0",
  };
  const input = { ...good, PortRange: { From: 53, To: 53 } };
  const refused = (
    code: Parameters<typeof refuses>[0],
    change: Partial<Parameters<typeof CreateNetworkAclEntry>[1]>,
  ) => refuses(code, () => region.call(CreateNetworkAclEntry, { ...input, ...change }));
  for (const RuleNumber of [0, -1, 32_767]) refused("InvalidParameterValue", { RuleNumber });
  refused("InvalidParameterValue", { Protocol: "tpc" });
  refused("InvalidParameterValue", { RuleAction: "maybe" as "allow" });
  refused("InvalidParameterValue", { CidrBlock: "10.0.0.0" });
  refused("InvalidParameterValue", { CidrBlock: undefined, Ipv6CidrBlock: "10.0.0.0/8" });
  refused("InvalidParameterCombination", { Ipv6CidrBlock: "::/0" });
  refused("MissingParameter", { CidrBlock: undefined });
  refused("MissingParameter", { PortRange: undefined });
  refused("MissingParameter", { Protocol: "1" });
  refused("InvalidParameterValue", { PortRange: { From: 2, To: 1 } });
  refused("InvalidParameterValue", { PortRange: { From: 0, To: 65_536 } });
  refused("InvalidParameterValue", { Protocol: "1", IcmpTypeCode: { Type: 256, Code: 0 } });
  refused("InvalidNetworkAclID.NotFound", { NetworkAclId: "acl-1" });
  region.call(CreateNetworkAclEntry, input);
});

test("a subnet has one ACL: a new association takes the old one's place", () => {
  const place = newAcl();
  const { region, VpcId, SubnetId, NetworkAclId } = place;
  const standard = must(region.reader().list("network-acl")[0]);
  const before = must(region.reader().get("subnet", SubnetId)?.networkAcl).associationId;
  const { NewAssociationId } = region.call(ReplaceNetworkAclAssociation, {
    AssociationId: before,
    NetworkAclId,
  });
  assert.deepEqual(described(place).Associations, [
    { NetworkAclAssociationId: NewAssociationId, NetworkAclId, SubnetId },
  ]);
  refuses("InvalidAssociationID.NotFound", () =>
    region.call(ReplaceNetworkAclAssociation, { AssociationId: before, NetworkAclId }),
  );
  refuses(
    "DependencyViolation",
    () => region.call(DeleteNetworkAcl, { NetworkAclId }),
    `The networkAcl '${NetworkAclId}' has dependencies and cannot be deleted.`,
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(DeleteNetworkAcl, { NetworkAclId: standard.id }),
    /^cannot delete default network ACL/,
  );
  const other = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.1.0.0/16" }).Vpc?.VpcId);
  const stranger = must(region.call(CreateNetworkAcl, { VpcId: other }).NetworkAcl?.NetworkAclId);
  const AssociationId = must(NewAssociationId);
  refuses("InvalidParameterValue", () =>
    region.call(ReplaceNetworkAclAssociation, { AssociationId, NetworkAclId: stranger }),
  );
  region.call(ReplaceNetworkAclAssociation, { AssociationId, NetworkAclId: standard.id });
  region.call(DeleteNetworkAcl, { NetworkAclId });
  const left = region.call(DescribeNetworkAcls, {
    Filters: [{ Name: "vpc-id", Values: [VpcId] }],
  }).NetworkAcls;
  assert.deepEqual(
    left?.map((acl) => acl.NetworkAclId),
    [standard.id],
  );
});

test("filters look into entries and associations", () => {
  const place = newAcl();
  const { region, SubnetId, NetworkAclId } = place;
  const entry = {
    NetworkAclId,
    RuleNumber: 7,
    Protocol: "6",
    RuleAction: "allow" as const,
    Egress: false,
    CidrBlock: "192.0.2.0/24",
  };
  region.call(CreateNetworkAclEntry, { ...entry, PortRange: { From: 80, To: 90 } });
  const found = (Name: string, value: string) =>
    region
      .call(DescribeNetworkAcls, { Filters: [{ Name, Values: [value] }] })
      .NetworkAcls?.map((acl) => acl.NetworkAclId);
  for (const [name, value] of [
    ["entry.cidr", "192.0.2.0/24"],
    ["entry.port-range.from", "80"],
    ["entry.port-range.to", "90"],
    ["entry.protocol", "6"],
    ["entry.rule-number", "7"],
    ["default", "false"],
  ] as const) {
    assert.deepEqual(found(name, value), [NetworkAclId], name);
  }
  const standard = must(region.reader().list("network-acl")[0]).id;
  assert.deepEqual(found("association.subnet-id", SubnetId), [standard]);
  assert.equal(found("entry.rule-action", "deny")?.length, 2);
});

test("the quota counts the entries of each direction", () => {
  const { region, NetworkAclId } = newAcl({ quotas: { ...DEFAULT_QUOTAS, "rules-per-network-acl": 2 } });
  const entry = { NetworkAclId, Protocol: "-1", RuleAction: "allow" as const, CidrBlock: "0.0.0.0/0" };
  for (const Egress of [true, false]) {
    for (const RuleNumber of [1, 2]) region.call(CreateNetworkAclEntry, { ...entry, RuleNumber, Egress });
    refuses("NetworkAclEntryLimitExceeded", () =>
      region.call(CreateNetworkAclEntry, { ...entry, RuleNumber: 3, Egress }),
    );
  }
});
