import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpv6 } from "../lib/address.ts";
import { blockContains, ipv6BlockOf } from "../lib/block.ts";
import { DEFAULT_QUOTAS } from "../model/quota.ts";
import { applyChanges, beginTx, newWorld } from "../model/world.ts";
import { networkInterfaceAttachmentActions } from "./interface/network-interface-attachment.ts";
import { networkInterfaceAttributeActions } from "./interface/network-interface-attribute.ts";
import { networkInterfaceIpv6Actions } from "./interface/network-interface-ipv6.ts";
import { networkInterfaceListActions } from "./interface/network-interface-list.ts";
import { networkInterfaceActions } from "./interface/network-interface.ts";
import { networkAclActions } from "./security/network-acl.ts";
import { securityGroupDescribeActions } from "./security/security-group-describe.ts";
import { securityGroupRuleActions } from "./security/security-group-rule.ts";
import { securityGroupActions } from "./security/security-group.ts";
import { instanceNow, launchedPending, launchedRunning } from "./test-launch.ts";
import { must, newRegion, refuses, type TestRegion } from "./test-region.ts";
import { subnetCidrBlockActions } from "./vpc/subnet-cidr-block.ts";
import { subnetCreateActions } from "./vpc/subnet-create.ts";
import { subnetDeleteActions } from "./vpc/subnet-delete.ts";
import { subnetActions } from "./vpc/subnet.ts";
import { vpcCidrBlockActions } from "./vpc/vpc-cidr-block.ts";
import { vpcCreateActions } from "./vpc/vpc-create.ts";
import { vpcActions } from "./vpc/vpc.ts";

const { CreateVpc } = vpcCreateActions;
const { DescribeVpcs } = vpcActions;
const { AssociateVpcCidrBlock, DisassociateVpcCidrBlock } = vpcCidrBlockActions;
const { CreateSubnet } = subnetCreateActions;
const { DescribeSubnets, ModifySubnetAttribute } = subnetActions;
const { AssociateSubnetCidrBlock, DisassociateSubnetCidrBlock } = subnetCidrBlockActions;
const { CreateNetworkInterface } = networkInterfaceActions;
const { AssignIpv6Addresses, UnassignIpv6Addresses, DescribeIpv6Pools } = networkInterfaceIpv6Actions;

type Place = {
  readonly VpcId: string;
  readonly SubnetId: string;
  readonly vpcBlock: string;
  readonly subnetBlock: string;
};

/** The `n`th /64 of a /56. */
function nth(block: string, n: number): string {
  return block.replace(/00::\/56$/, `${n.toString(16).padStart(2, "0")}::/64`);
}

function blocksOf(region: TestRegion, VpcId: string) {
  return region.call(DescribeVpcs, { VpcIds: [VpcId] }).Vpcs?.[0]?.Ipv6CidrBlockAssociationSet;
}

/** A VPC with an IPv6 block, and a subnet with a /64 of it. */
function place(region: TestRegion): Place {
  const VpcId = must(
    region.call(CreateVpc, { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }).Vpc?.VpcId,
  );
  const vpcBlock = must(blocksOf(region, VpcId)?.[0]?.Ipv6CidrBlock);
  const subnetBlock = nth(vpcBlock, 1);
  const SubnetId = must(
    region.call(CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: subnetBlock }).Subnet
      ?.SubnetId,
  );
  return { VpcId, SubnetId, vpcBlock, subnetBlock };
}

test("a VPC's block is a /56 of Amazon's: associating in the answer, associated when described", () => {
  const region = newRegion();
  const { Vpc } = region.call(CreateVpc, { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true });
  assert.equal(Vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlockState?.State, "associating");
  const [block, ...more] = must(blocksOf(region, must(Vpc?.VpcId)));
  assert.deepEqual(more, []);
  assert.match(must(block?.AssociationId), /^vpc-cidr-assoc-[0-9a-f]{17}$/);
  assert.match(must(block?.Ipv6CidrBlock), /^2001:db8:[0-9a-f:]*00::\/56$/);
  assert.deepEqual(
    [block?.Ipv6CidrBlockState?.State, block?.Ipv6Pool, block?.NetworkBorderGroup],
    ["associated", "Amazon", "us-east-1"],
  );
  const by = (Name: string, value: string | undefined) =>
    region.call(DescribeVpcs, { Filters: [{ Name, Values: [must(value)] }] }).Vpcs?.map((vpc) => vpc.VpcId);
  assert.deepEqual(by("ipv6-cidr-block-association.ipv6-cidr-block", block?.Ipv6CidrBlock), [Vpc?.VpcId]);
  assert.deepEqual(by("ipv6-cidr-block-association.association-id", block?.AssociationId), [Vpc?.VpcId]);
  assert.deepEqual(by("ipv6-cidr-block-association.ipv6-pool", "Amazon"), [Vpc?.VpcId]);
  assert.deepEqual(by("ipv6-cidr-block-association.state", "associated"), [Vpc?.VpcId]);
});

test("no two blocks of the machine are the same, whatever the account and region, and none is the simulated internet's", () => {
  const world = newWorld();
  const quotas = { ...DEFAULT_QUOTAS, vpcs: 50 };
  const blocks: string[] = [];
  for (const [account, name] of [
    ["123456789012", "us-east-1"] as const,
    ["123456789012", "eu-west-1"] as const,
    ["210987654321", "us-east-1"] as const,
  ]) {
    const context = { ...newRegion({ quotas }).context(), account, region: name };
    for (let n = 0; n < 5; n += 1) {
      const tx = beginTx(world, account, name);
      const { Vpc } = CreateVpc(tx, { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }, context);
      const { Ipv6CidrBlockAssociation } = AssociateVpcCidrBlock(
        tx,
        { VpcId: Vpc?.VpcId, AmazonProvidedIpv6CidrBlock: true },
        context,
      );
      blocks.push(
        must(Vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock),
        must(Ipv6CidrBlockAssociation?.Ipv6CidrBlock),
      );
      applyChanges(world, account, name, tx.changes());
    }
  }
  assert.equal(blocks.length, 30);
  assert.equal(new Set(blocks).size, 30);
  for (const block of blocks) {
    assert.ok(
      blockContains(ipv6BlockOf("2001:db8::/32"), ipv6BlockOf(block)) &&
        !blockContains(ipv6BlockOf("2001:db8:ffff::/48"), ipv6BlockOf(block)),
    );
  }
});

test("blocks come and go: five at most, none while a subnet is within", () => {
  const region = newRegion();
  const { VpcId, SubnetId, vpcBlock } = place(region);
  const first = must(blocksOf(region, VpcId)?.[0]?.AssociationId);
  const associate = () =>
    region.call(AssociateVpcCidrBlock, { VpcId, AmazonProvidedIpv6CidrBlock: true }).Ipv6CidrBlockAssociation;
  const second = associate();
  assert.equal(second?.Ipv6CidrBlockState?.State, "associating");
  for (let n = 0; n < 3; n += 1) associate();
  refuses(
    "CidrLimitExceeded",
    associate,
    /^This network vpc-\w+ has met its maximum number of allowed CIDRs: 5/,
  );
  refuses(
    "InvalidCidrBlock.InUse",
    () => region.call(DisassociateVpcCidrBlock, { AssociationId: first }),
    `The vpc ${VpcId} currently has a subnet within CIDR block ${vpcBlock}`,
  );
  const answer = region.call(DisassociateVpcCidrBlock, { AssociationId: must(second?.AssociationId) });
  assert.equal(answer.Ipv6CidrBlockAssociation?.Ipv6CidrBlockState?.State, "disassociating");
  const states = () => blocksOf(region, VpcId)?.map((block) => block.Ipv6CidrBlockState?.State);
  assert.deepEqual(states(), [...Array<string>(4).fill("associated"), "disassociated"]);
  region.advance(5 * 60_000);
  assert.equal(blocksOf(region, VpcId)?.length, 4);
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId });
  region.call(DisassociateVpcCidrBlock, { AssociationId: first });
  refuses("InvalidVpcCidrBlockAssociationID.NotFound", () =>
    region.call(DisassociateVpcCidrBlock, { AssociationId: first }),
  );
  refuses("InvalidParameterCombination", () =>
    region.call(AssociateVpcCidrBlock, {
      VpcId,
      AmazonProvidedIpv6CidrBlock: true,
      CidrBlock: "10.1.0.0/16",
    }),
  );
  refuses("InvalidParameterValue", () =>
    region.call(AssociateVpcCidrBlock, {
      VpcId,
      AmazonProvidedIpv6CidrBlock: true,
      Ipv6CidrBlockNetworkBorderGroup: "us-west-2",
    }),
  );
  refuses("UnsupportedOperation", () =>
    region.call(AssociateVpcCidrBlock, { VpcId, Ipv6Pool: "p", Ipv6CidrBlock: "2001:db8::/56" }),
  );
  assert.deepEqual(region.call(DescribeIpv6Pools, {}).Ipv6Pools, []);
  refuses("InvalidParameterValue", () => region.call(DescribeIpv6Pools, { PoolIds: ["ipv6pool-ec2-0"] }));
});

test("with the first block, default rules that nobody changed let IPv6 through", () => {
  const region = newRegion();
  const VpcId = must(region.call(CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const group = (GroupName: string) =>
    must(
      region.call(securityGroupActions.CreateSecurityGroup, { VpcId, GroupName, Description: "d" }).GroupId,
    );
  const [asMade, changed] = [group("as made"), group("changed")];
  const everything = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  region.call(securityGroupRuleActions.RevokeSecurityGroupEgress, {
    GroupId: changed,
    IpPermissions: [everything],
  });
  region.call(AssociateVpcCidrBlock, { VpcId, AmazonProvidedIpv6CidrBlock: true });
  const born = group("born later");
  const outward = (GroupId: string) =>
    region.call(securityGroupDescribeActions.DescribeSecurityGroups, { GroupIds: [GroupId] })
      .SecurityGroups?.[0]?.IpPermissionsEgress;
  const { defaultSecurityGroupId } = must(region.reader().get("vpc", VpcId));
  for (const id of [asMade, born, defaultSecurityGroupId]) {
    const [permission, ...more] = must(outward(id));
    assert.deepEqual(more, [], "both families in one permission");
    assert.deepEqual(
      [permission?.IpRanges?.[0]?.CidrIp, permission?.Ipv6Ranges?.[0]?.CidrIpv6],
      ["0.0.0.0/0", "::/0"],
    );
  }
  assert.deepEqual(outward(changed), []);
  const entries = () =>
    region
      .call(networkAclActions.DescribeNetworkAcls, { Filters: [{ Name: "vpc-id", Values: [VpcId] }] })
      .NetworkAcls?.[0]?.Entries?.map((entry) => [
        entry.Egress,
        entry.RuleNumber,
        entry.RuleAction,
        entry.CidrBlock ?? entry.Ipv6CidrBlock,
      ]);
  const each = (egress: boolean) => [
    [egress, 100, "allow", "0.0.0.0/0"],
    [egress, 101, "allow", "::/0"],
    [egress, 32_767, "deny", "0.0.0.0/0"],
    [egress, 32_768, "deny", "::/0"],
  ];
  assert.deepEqual(entries(), [...each(true), ...each(false)]);
});

test("a subnet's block is a /44 to /64 of the VPC's, and no other subnet's", () => {
  const region = newRegion();
  const { VpcId, SubnetId, vpcBlock, subnetBlock } = place(region);
  const described = region.call(DescribeSubnets, { SubnetIds: [SubnetId] }).Subnets?.[0];
  const [association] = must(described?.Ipv6CidrBlockAssociationSet);
  assert.match(must(association?.AssociationId), /^subnet-cidr-assoc-[0-9a-f]{17}$/);
  assert.deepEqual(
    [association?.Ipv6CidrBlock, association?.Ipv6CidrBlockState?.State],
    [subnetBlock, "associated"],
  );
  const found = region.call(DescribeSubnets, {
    Filters: [{ Name: "ipv6-cidr-block-association.ipv6-cidr-block", Values: [subnetBlock] }],
  });
  assert.deepEqual(
    found.Subnets?.map((subnet) => subnet.SubnetId),
    [SubnetId],
  );
  const create = (Ipv6CidrBlock: string, CidrBlock = "10.0.2.0/24") =>
    region.call(CreateSubnet, { VpcId, CidrBlock, Ipv6CidrBlock });
  refuses(
    "InvalidSubnet.Conflict",
    () => create(subnetBlock),
    `The IPv6 CIDR '${subnetBlock}' conflicts with another subnet`,
  );
  refuses("InvalidSubnet.Conflict", () => create(vpcBlock));
  refuses(
    "InvalidSubnet.Range",
    () => create("2001:db8:f000::/64"),
    "The IPv6 CIDR '2001:db8:f000::/64' is invalid.",
  );
  for (const wrong of [
    vpcBlock.replace("/56", "/62"),
    vpcBlock.replace("/56", "/68"),
    "ten",
    "10.0.0.0/24",
  ]) {
    refuses(
      "InvalidParameterValue",
      () => create(wrong),
      `invalid value for parameter ipv6-cidr-block: ${wrong}`,
    );
  }
  create(nth(vpcBlock, 0x10).replace("/64", "/60"));
  const bare = must(region.call(CreateSubnet, { VpcId, CidrBlock: "10.0.9.0/24" }).Subnet?.SubnetId);
  const turnOn = () =>
    region.call(ModifySubnetAttribute, { SubnetId: bare, AssignIpv6AddressOnCreation: { Value: true } });
  refuses(
    "InvalidParameterValue",
    turnOn,
    `Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to true unless the subnet (${bare}) has an IPv6 CIDR block associated with it.`,
  );
  const answer = region.call(AssociateSubnetCidrBlock, { SubnetId: bare, Ipv6CidrBlock: nth(vpcBlock, 9) });
  const AssociationId = must(answer.Ipv6CidrBlockAssociation?.AssociationId);
  assert.equal(answer.Ipv6CidrBlockAssociation?.Ipv6CidrBlockState?.State, "associating");
  refuses("CidrLimitExceeded", () =>
    region.call(AssociateSubnetCidrBlock, { SubnetId: bare, Ipv6CidrBlock: nth(vpcBlock, 10) }),
  );
  turnOn();
  const disassociate = () => region.call(DisassociateSubnetCidrBlock, { AssociationId });
  const words = `The subnet IPv6 CIDR block with association ID ${AssociationId} may not be disassociated, because its subnet has assign-ipv6-address-on-creation set to true.`;
  refuses("InvalidCidrBlock.InUse", disassociate, words);
  region.call(ModifySubnetAttribute, { SubnetId: bare, AssignIpv6AddressOnCreation: { Value: false } });
  region.call(CreateNetworkInterface, { SubnetId: bare, Ipv6AddressCount: 1 });
  refuses("InvalidCidrBlock.InUse", disassociate);
  const eni = must(region.reader().by("network-interface", "subnetId", bare)[0]);
  region.call(UnassignIpv6Addresses, {
    NetworkInterfaceId: eni.id,
    Ipv6Addresses: [...must(eni.ipv6Addresses)],
  });
  disassociate();
  refuses("InvalidSubnetCidrBlockAssociationID.NotFound", disassociate);
  const malformed = () => region.call(DisassociateSubnetCidrBlock, { AssociationId: "assoc" });
  refuses(
    "InvalidSubnetCidrBlockAssociationId.Malformed",
    malformed,
    "The subnet CIDR block with association ID assoc is malformed",
  );
  region.call(ModifySubnetAttribute, { SubnetId, EnableDns64: { Value: true } });
  assert.equal(region.call(DescribeSubnets, { SubnetIds: [SubnetId] }).Subnets?.[0]?.EnableDns64, true);
});

test("an interface's addresses: named, counted, or one where the subnet gives one; never the same twice", () => {
  const region = newRegion();
  const { SubnetId, subnetBlock } = place(region);
  const at = (end: string) => subnetBlock.replace("::/64", `::${end}`);
  const create = (input: Omit<Parameters<typeof CreateNetworkInterface>[1], "SubnetId">) =>
    must(region.call(CreateNetworkInterface, { SubnetId, ...input }).NetworkInterface);
  assert.deepEqual(create({}).Ipv6Addresses, []);
  const named = create({
    Ipv6Addresses: [{ Ipv6Address: `${at("00ab")}` }, { Ipv6Address: at("ff") }],
    EnablePrimaryIpv6: true,
  });
  assert.deepEqual(named.Ipv6Addresses, [
    { Ipv6Address: at("ab"), IsPrimaryIpv6: true },
    { Ipv6Address: at("ff"), IsPrimaryIpv6: false },
  ]);
  assert.equal(named.Ipv6Address, at("ab"));
  const counted = must(create({ Ipv6AddressCount: 3 }).Ipv6Addresses).map((one) => must(one.Ipv6Address));
  assert.equal(new Set(counted).size, 3);
  for (const ip of counted) assert.ok(blockContains(ipv6BlockOf(subnetBlock), must(parseIpv6(ip))), ip);
  region.call(ModifySubnetAttribute, { SubnetId, AssignIpv6AddressOnCreation: { Value: true } });
  assert.equal(create({}).Ipv6Addresses?.length, 1);
  assert.equal(
    create({ Ipv6AddressCount: 0 }).Ipv6Addresses?.length,
    0,
    "a count of 0 overrides the subnet's",
  );
  const refused = (code: Parameters<typeof refuses>[0], input: Parameters<typeof create>[0]) =>
    refuses(code, () => create(input));
  refused("InvalidIPAddress.InUse", { Ipv6Addresses: [{ Ipv6Address: at("ab") }] });
  refused("InvalidIPAddress.InUse", {
    Ipv6Addresses: [{ Ipv6Address: at("1:5") }, { Ipv6Address: at("1:5") }],
  });
  for (const Ipv6Address of [at("3"), at("ffff:ffff:ffff:ffff"), "2001:db8:ffff::1", "10.0.1.9", "no"]) {
    refused("InvalidParameterValue", { Ipv6Addresses: [{ Ipv6Address }] });
  }
  refused("InvalidParameterCombination", { Ipv6Addresses: [{ Ipv6Address: at("77") }], Ipv6AddressCount: 1 });
  refused("InvalidParameterCombination", { EnablePrimaryIpv6: true, Ipv6AddressCount: 0 });
  refused("InvalidParameterValue", { Ipv6AddressCount: -1 });
  refused("UnsupportedOperation", { Ipv6PrefixCount: 1 });
  const found = region.call(networkInterfaceListActions.DescribeNetworkInterfaces, {
    Filters: [{ Name: "ipv6-addresses.ipv6-address", Values: [at("ff")] }],
  });
  assert.deepEqual(
    found.NetworkInterfaces?.map((eni) => eni.NetworkInterfaceId),
    [named.NetworkInterfaceId],
  );
});

test("addresses are assigned and unassigned; the primary one stays", () => {
  const region = newRegion();
  const { SubnetId, subnetBlock } = place(region);
  const at = (end: string) => subnetBlock.replace("::/64", `::${end}`);
  const NetworkInterfaceId = must(
    region.call(CreateNetworkInterface, { SubnetId }).NetworkInterface?.NetworkInterfaceId,
  );
  const modify = (EnablePrimaryIpv6: boolean) =>
    region.call(networkInterfaceAttributeActions.ModifyNetworkInterfaceAttribute, {
      NetworkInterfaceId,
      EnablePrimaryIpv6,
    });
  refuses("InvalidParameterValue", () => modify(true));
  const assign = (Ipv6Addresses: string[]) =>
    region.call(AssignIpv6Addresses, { NetworkInterfaceId, Ipv6Addresses });
  assert.deepEqual(assign([at("a"), at("B")]).AssignedIpv6Addresses, [at("a"), at("b")]);
  assert.deepEqual(assign([at("a")]).AssignedIpv6Addresses, [at("a")], "asked again");
  assert.equal(
    region.call(AssignIpv6Addresses, { NetworkInterfaceId, Ipv6AddressCount: 2 }).AssignedIpv6Addresses
      ?.length,
    2,
  );
  assert.equal(region.reader().get("network-interface", NetworkInterfaceId)?.ipv6Addresses?.length, 4);
  modify(true);
  refuses("InvalidParameterValue", () => modify(false));
  const unassign = (Ipv6Addresses: string[]) =>
    region.call(UnassignIpv6Addresses, { NetworkInterfaceId, Ipv6Addresses });
  refuses(
    "InvalidParameterValue",
    () => unassign([at("a")]),
    `The primary IPv6 address ${at("a")} cannot be unassigned.`,
  );
  assert.deepEqual(unassign([at("b")]).UnassignedIpv6Addresses, [at("b")]);
  refuses(
    "InvalidParameterValue",
    () => unassign([at("b")]),
    `Some of [${at("b")}] are not assigned to interface ${NetworkInterfaceId}`,
  );
  refuses("MissingParameter", () => unassign([]));
  refuses("MissingParameter", () => region.call(AssignIpv6Addresses, { NetworkInterfaceId }));
  refuses("InvalidParameterCombination", () =>
    region.call(AssignIpv6Addresses, { NetworkInterfaceId, Ipv6Addresses: [at("e")], Ipv6AddressCount: 1 }),
  );
  refuses("UnsupportedOperation", () =>
    region.call(AssignIpv6Addresses, { NetworkInterfaceId, Ipv6PrefixCount: 1 }),
  );
  const other = must(region.call(CreateNetworkInterface, { SubnetId }).NetworkInterface?.NetworkInterfaceId);
  refuses("InvalidIPAddress.InUse", () =>
    region.call(AssignIpv6Addresses, { NetworkInterfaceId: other, Ipv6Addresses: [at("a")] }),
  );
});

test("a launch: addresses by count and by name, on the request or on its interface, as many as the type bears", () => {
  const region = newRegion();
  const { SubnetId, subnetBlock, VpcId } = place(region);
  const at = (end: string) => subnetBlock.replace("::/64", `::${end}`);
  const named = launchedRunning(region, {
    SubnetId,
    Ipv6Addresses: [{ Ipv6Address: at("50") }],
    EnablePrimaryIpv6: true,
  });
  assert.equal(instanceNow(region, named).Ipv6Address, at("50"));
  assert.deepEqual(instanceNow(region, named).NetworkInterfaces?.[0]?.Ipv6Addresses, [
    { Ipv6Address: at("50"), IsPrimaryIpv6: true },
  ]);
  const [first, second] = launchedPending(region, { count: 2, SubnetId, Ipv6AddressCount: 1 });
  const ips = [first, second].map((id) => must(instanceNow(region, must(id)).Ipv6Address));
  assert.equal(new Set(ips).size, 2);
  const spec = { DeviceIndex: 0, SubnetId, Ipv6AddressCount: 2, PrimaryIpv6: true };
  const [viaSpec] = launchedPending(region, { NetworkInterfaces: [spec] });
  assert.equal(instanceNow(region, must(viaSpec)).NetworkInterfaces?.[0]?.Ipv6Addresses?.length, 2);
  const refused = (code: Parameters<typeof refuses>[0], request: Parameters<typeof launchedPending>[1]) =>
    refuses(code, () => launchedPending(region, request));
  refused("PrivateIpAddressLimitExceeded", { NetworkInterfaces: [{ ...spec, Ipv6AddressCount: 3 }] });
  refused("InvalidParameterCombination", { NetworkInterfaces: [spec], Ipv6AddressCount: 1 });
  refused("InvalidParameterCombination", { NetworkInterfaces: [spec], EnablePrimaryIpv6: true });
  refused("InvalidParameterCombination", { count: 2, SubnetId, Ipv6Addresses: [{ Ipv6Address: at("60") }] });
  refused("InvalidIPAddress.InUse", { SubnetId, Ipv6Addresses: [{ Ipv6Address: at("50") }] });
  const bare = must(region.call(CreateSubnet, { VpcId, CidrBlock: "10.0.9.0/24" }).Subnet?.SubnetId);
  const noBlock = () => launchedPending(region, { SubnetId: bare, Ipv6AddressCount: 1 });
  refuses("InvalidParameterValue", noBlock, "Subnet does not contain any IPv6 CIDR block ranges");
  const many = must(
    region.call(CreateNetworkInterface, { SubnetId, Ipv6AddressCount: 3 }).NetworkInterface
      ?.NetworkInterfaceId,
  );
  refuses("PrivateIpAddressLimitExceeded", () =>
    region.call(networkInterfaceAttachmentActions.AttachNetworkInterface, {
      NetworkInterfaceId: many,
      InstanceId: named,
      DeviceIndex: 1,
    }),
  );
});

test("more IPv6 addresses than any instance can have are refused before free ones are searched for", () => {
  const region = newRegion();
  const { SubnetId } = place(region);
  const words = "Number of IPv6 addresses will exceed limit.";
  const Ipv6AddressCount = 2_000_000_000;
  refuses(
    "PrivateIpAddressLimitExceeded",
    () => region.call(CreateNetworkInterface, { SubnetId, Ipv6AddressCount }),
    words,
  );
  const NetworkInterfaceId = must(
    region.call(CreateNetworkInterface, { SubnetId }).NetworkInterface?.NetworkInterfaceId,
  );
  refuses(
    "PrivateIpAddressLimitExceeded",
    () => region.call(AssignIpv6Addresses, { NetworkInterfaceId, Ipv6AddressCount }),
    words,
  );
  const SecondaryPrivateIpAddressCount = 2_000_000_000;
  refuses("PrivateIpAddressLimitExceeded", () =>
    region.call(CreateNetworkInterface, { SubnetId, SecondaryPrivateIpAddressCount }),
  );
  for (const request of [
    { Ipv6AddressCount },
    { NetworkInterfaces: [{ DeviceIndex: 0, SubnetId, Ipv6AddressCount }] },
  ]) {
    const subnet = "NetworkInterfaces" in request ? {} : { SubnetId };
    refuses("PrivateIpAddressLimitExceeded", () => launchedPending(region, { ...subnet, ...request }), words);
  }
});
