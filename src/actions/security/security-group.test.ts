import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { networkInterfaceActions } from "../interface/network-interface.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { subnetDeleteActions } from "../vpc/subnet-delete.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { vpcDeleteActions } from "../vpc/vpc-delete.ts";
import { securityGroupDescribeActions } from "./security-group-describe.ts";
import { securityGroupReferenceActions } from "./security-group-reference.ts";
import { securityGroupRuleActions } from "./security-group-rule.ts";
import { securityGroupActions } from "./security-group.ts";

const { CreateSecurityGroup, DeleteSecurityGroup } = securityGroupActions;
const { DescribeSecurityGroups } = securityGroupDescribeActions;
const { GetSecurityGroupsForVpc, DescribeSecurityGroupReferences } = securityGroupReferenceActions;
const { AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress } = securityGroupRuleActions;

function vpcIn(region: TestRegion): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
}

function groupIn(region: TestRegion, VpcId: string, GroupName = "web"): string {
  return must(region.call(CreateSecurityGroup, { GroupName, Description: "d", VpcId }).GroupId);
}

const ANYWHERE = {
  IpProtocol: "-1",
  UserIdGroupPairs: [],
  IpRanges: [{ CidrIp: "0.0.0.0/0", Description: undefined }],
  Ipv6Ranges: [],
  PrefixListIds: [],
};

test("a new group lets everything out and nothing in; the default group also lets its members in", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const GroupId = groupIn(region, VpcId);
  const [standard, own] = must(region.call(DescribeSecurityGroups, {}).SecurityGroups);
  assert.equal(standard?.GroupName, "default");
  assert.equal(standard?.Description, "default VPC security group");
  assert.deepEqual(standard?.IpPermissionsEgress, [ANYWHERE]);
  const itself = { GroupId: standard?.GroupId, UserId: "123456789012", Description: undefined };
  assert.deepEqual(standard?.IpPermissions, [{ ...ANYWHERE, IpRanges: [], UserIdGroupPairs: [itself] }]);
  assert.deepEqual(own, {
    GroupId,
    GroupName: "web",
    Description: "d",
    OwnerId: "123456789012",
    VpcId,
    IpPermissions: [],
    IpPermissionsEgress: [ANYWHERE],
    Tags: undefined,
    SecurityGroupArn: `arn:aws:ec2:us-east-1:123456789012:security-group/${GroupId}`,
  });
});

test("names are unique in a VPC, and of the documented characters", () => {
  const region = newRegion();
  const [VpcId, other] = [vpcIn(region), vpcIn(region)];
  groupIn(region, VpcId);
  groupIn(region, other);
  refuses(
    "InvalidGroup.Duplicate",
    () => groupIn(region, VpcId),
    `The security group 'web' already exists for VPC '${VpcId}'`,
  );
  for (const GroupName of ["sg-web", "default", "a|b", "漢", "x".repeat(256)]) {
    refuses("InvalidParameterValue", () => groupIn(region, VpcId, GroupName));
  }
  refuses("InvalidParameterValue", () =>
    region.call(CreateSecurityGroup, { GroupName: "ok", Description: "<bad>", VpcId }),
  );
  refuses("MissingParameter", () =>
    region.call(CreateSecurityGroup, { GroupName: "", Description: "d", VpcId }),
  );
  refuses("InvalidVpcID.NotFound", () => groupIn(region, "vpc-1"), "The vpc ID 'vpc-1' does not exist");
  refuses("VPCIdNotSpecified", () => region.call(CreateSecurityGroup, { GroupName: "ok", Description: "d" }));
});

test("a group without a VPC is in the default VPC, and may be given by name instead of id", () => {
  const region = newRegion({ defaultVpc: true });
  const { GroupId } = region.call(CreateSecurityGroup, { GroupName: "web", Description: "d" });
  assert.equal(
    region.call(DescribeSecurityGroups, { GroupNames: ["web"] }).SecurityGroups?.[0]?.GroupId,
    GroupId,
  );
  refuses(
    "InvalidGroup.NotFound",
    () => region.call(DescribeSecurityGroups, { GroupNames: ["none"] }),
    /does not exist in default VPC 'vpc-/,
  );
  region.call(DeleteSecurityGroup, { GroupName: "web" });
  assert.equal(region.call(DescribeSecurityGroups, {}).SecurityGroups?.length, 1);
});

test("a group in use, a group that another names, and a default group are not deleted", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const [GroupId, peer] = [groupIn(region, VpcId), groupIn(region, VpcId, "peer")];
  const words = `resource ${GroupId} has a dependent object`;
  const itself = { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId }] };
  region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [itself] });
  region.call(AuthorizeSecurityGroupIngress, { GroupId: peer, IpPermissions: [itself] });
  refuses("DependencyViolation", () => region.call(DeleteSecurityGroup, { GroupId }), words);
  region.call(RevokeSecurityGroupIngress, { GroupId: peer, IpPermissions: [itself] });
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  const { NetworkInterface: eni } = region.call(networkInterfaceActions.CreateNetworkInterface, {
    SubnetId,
    Groups: [GroupId],
  });
  refuses("DependencyViolation", () => region.call(DeleteSecurityGroup, { GroupId }), words);
  region.call(networkInterfaceActions.DeleteNetworkInterface, {
    NetworkInterfaceId: eni?.NetworkInterfaceId,
  });
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId });
  assert.deepEqual(region.call(DeleteSecurityGroup, { GroupId }), { Return: true, GroupId });
  assert.equal(region.reader().by("security-group-rule", "groupId", GroupId).length, 0);
  refuses(
    "InvalidGroup.NotFound",
    () => region.call(DescribeSecurityGroups, { GroupIds: [GroupId] }),
    `The security group '${GroupId}' does not exist`,
  );
  const standard = must(region.reader().by("security-group", "vpcName", `${VpcId}/default`)[0]).id;
  refuses(
    "CannotDelete",
    () => region.call(DeleteSecurityGroup, { GroupId: standard }),
    `the specified group: "${standard}" name: "default" cannot be deleted by a user`,
  );
  refuses(
    "InvalidGroupId.Malformed",
    () => region.call(DeleteSecurityGroup, { GroupId: "foobar" }),
    "The security group ID 'foobar' is malformed",
  );
  region.call(DeleteSecurityGroup, { GroupId: peer });
  region.call(vpcDeleteActions.DeleteVpc, { VpcId });
  assert.equal(region.reader().count("security-group-rule"), 0, "the default group's rules go with it");
});

test("filters look into the rules, each filter on its own", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const [GroupId, source] = [groupIn(region, VpcId), groupIn(region, VpcId, "source")];
  const IpPermissions = [
    {
      IpProtocol: "tcp",
      FromPort: 80,
      ToPort: 90,
      IpRanges: [{ CidrIp: "192.0.2.0/24" }],
      Ipv6Ranges: [{ CidrIpv6: "2001:db8::/32" }],
    },
    { IpProtocol: "udp", FromPort: 53, ToPort: 53, UserIdGroupPairs: [{ GroupId: source }] },
  ];
  region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions });
  const found = (filters: Readonly<Record<string, string>>) => {
    const Filters = Object.entries(filters).map(([Name, value]) => ({ Name, Values: [value] }));
    return region.call(DescribeSecurityGroups, { Filters }).SecurityGroups?.map((group) => group.GroupId);
  };
  const matching = {
    "ip-permission.cidr": "192.0.2.0/24",
    "ip-permission.ipv6-cidr": "2001:db8::/32",
    "ip-permission.from-port": "80",
    "ip-permission.to-port": "90",
    "ip-permission.protocol": "udp",
    "ip-permission.group-id": source,
    "ip-permission.group-name": "source",
  };
  for (const [name, value] of Object.entries(matching))
    assert.deepEqual(found({ [name]: value }), [GroupId], name);
  assert.deepEqual(found({ "ip-permission.from-port": "53", "ip-permission.cidr": "192.0.2.0/24" }), [
    GroupId,
  ]);
  assert.deepEqual(found({ "egress.ip-permission.cidr": "192.0.2.0/24" }), []);
  assert.equal(found({ "egress.ip-permission.cidr": "0.0.0.0/0" })?.length, 3);
  assert.deepEqual(found({ "ip-permission.from-port": "-1" }), [], "all protocols have no port");
  assert.deepEqual(found({ "group-name": "so*" }), [source]);
  assert.deepEqual(
    region.call(GetSecurityGroupsForVpc, { VpcId }).SecurityGroupForVpcs?.map((group) => group.GroupName),
    ["default", "web", "source"],
  );
  assert.deepEqual(
    region.call(DescribeSecurityGroupReferences, { GroupId: [GroupId] }).SecurityGroupReferenceSet,
    [],
  );
});

test("the quota counts groups that users made", () => {
  const region = newRegion({ quotas: { ...DEFAULT_QUOTAS, "security-groups": 2 } });
  const VpcId = vpcIn(region);
  groupIn(region, VpcId);
  refuses("SecurityGroupLimitExceeded", () => groupIn(region, VpcId, "second"), /for VPC 'vpc-/);
});
