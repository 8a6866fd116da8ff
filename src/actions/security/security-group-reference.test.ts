import assert from "node:assert/strict";
import { test } from "node:test";
import { vpcPeeringConnectionCreateActions } from "../gateway/vpc-peering-connection-create.ts";
import { vpcPeeringConnectionActions } from "../gateway/vpc-peering-connection.ts";
import { networkInterfaceActions } from "../interface/network-interface.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { securityGroupAssociationActions } from "./security-group-association.ts";
import { securityGroupDescribeActions } from "./security-group-describe.ts";
import { securityGroupReferenceActions } from "./security-group-reference.ts";
import { securityGroupRuleModifyActions } from "./security-group-rule-modify.ts";
import { securityGroupRuleActions } from "./security-group-rule.ts";
import { securityGroupActions } from "./security-group.ts";

const { AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress } = securityGroupRuleActions;
const { AssociateSecurityGroupVpc, DisassociateSecurityGroupVpc, DescribeSecurityGroupVpcAssociations } =
  securityGroupAssociationActions;
const { GetSecurityGroupsForVpc, DescribeSecurityGroupReferences, DescribeStaleSecurityGroups } =
  securityGroupReferenceActions;
const { DeleteSecurityGroup } = securityGroupActions;

const newVpc = (region: TestRegion, second: number) =>
  must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: `10.${second}.0.0/16` }).Vpc?.VpcId);
const newGroup = (region: TestRegion, VpcId: string, GroupName = "web") =>
  must(
    region.call(securityGroupActions.CreateSecurityGroup, { VpcId, GroupName, Description: GroupName })
      .GroupId,
  );

/** Two VPCs, peered, with a group each. */
function peered() {
  const region = newRegion();
  const [left, right] = [newVpc(region, 1), newVpc(region, 2)];
  const [own, far] = [newGroup(region, left), newGroup(region, right)];
  const { VpcPeeringConnection } = region.call(vpcPeeringConnectionCreateActions.CreateVpcPeeringConnection, {
    VpcId: left,
    PeerVpcId: right,
  });
  const connection = must(VpcPeeringConnection?.VpcPeeringConnectionId);
  const permission = (more: object = {}) => ({
    IpProtocol: "tcp",
    FromPort: 80,
    ToPort: 80,
    UserIdGroupPairs: [{ GroupId: far, ...more }],
  });
  const allow = (more: object = {}) =>
    region.call(AuthorizeSecurityGroupIngress, { GroupId: own, IpPermissions: [permission(more)] });
  const accept = () =>
    region.call(vpcPeeringConnectionActions.AcceptVpcPeeringConnection, {
      VpcPeeringConnectionId: connection,
    });
  const end = () =>
    region.call(vpcPeeringConnectionActions.DeleteVpcPeeringConnection, {
      VpcPeeringConnectionId: connection,
    });
  const pairs = () =>
    region.call(securityGroupDescribeActions.DescribeSecurityGroups, { GroupIds: [own] }).SecurityGroups?.[0]
      ?.IpPermissions?.[0]?.UserIdGroupPairs;
  const stale = () => region.call(DescribeStaleSecurityGroups, { VpcId: left }).StaleSecurityGroupSet;
  return { region, left, right, own, far, connection, permission, allow, accept, end, pairs, stale };
}

test("a rule names a group of a peered VPC, and is described with the connection", () => {
  const { region, left, right, own, far, connection, allow, accept, pairs, stale } = peered();
  const apart = "You have specified two resources that belong to different networks.";
  refuses("InvalidGroup.NotFound", () => allow(), apart);
  accept();
  refuses("InvalidVpcPeeringConnectionID.NotFound", () =>
    allow({ VpcPeeringConnectionId: "pcx-00000000000000000" }),
  );
  refuses("InvalidGroup.NotFound", () => allow({ VpcId: left }), apart);
  const { SecurityGroupRules } = allow({ VpcPeeringConnectionId: connection, VpcId: right });
  const pair = {
    GroupId: far,
    UserId: "123456789012",
    VpcId: right,
    VpcPeeringConnectionId: connection,
    PeeringStatus: "active",
  };
  assert.deepEqual(SecurityGroupRules?.[0]?.ReferencedGroupInfo, pair);
  assert.deepEqual(pairs(), [{ Description: undefined, ...pair }]);
  refuses("InvalidPermission.Duplicate", () => allow());
  const references = region.call(DescribeSecurityGroupReferences, {
    GroupId: [far, own],
  }).SecurityGroupReferenceSet;
  assert.deepEqual(references, [
    { GroupId: far, ReferencingVpcId: left, VpcPeeringConnectionId: connection },
  ]);
  assert.deepEqual(stale(), []);
  const own2 = newGroup(region, left, "other");
  const IpPermissions = [
    { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: own, VpcPeeringConnectionId: connection }] },
  ];
  refuses(
    "InvalidParameterValue",
    () => region.call(AuthorizeSecurityGroupIngress, { GroupId: own2, IpPermissions }),
    /does not lead/,
  );
});

test("a rule is stale when the connection is deleted; it can be revoked, and no new one made", () => {
  const { region, left, right, own, far, connection, permission, allow, accept, end, pairs, stale } =
    peered();
  accept();
  allow();
  end();
  const pair = {
    Description: undefined,
    GroupId: far,
    UserId: "123456789012",
    VpcId: right,
    VpcPeeringConnectionId: connection,
  };
  assert.deepEqual(pairs(), [{ ...pair, PeeringStatus: "deleted" }]);
  assert.deepEqual(stale(), [
    {
      Description: "web",
      GroupId: own,
      GroupName: "web",
      StaleIpPermissions: [
        {
          FromPort: 80,
          IpProtocol: "tcp",
          IpRanges: [],
          PrefixListIds: [],
          ToPort: 80,
          UserIdGroupPairs: [{ ...pair, PeeringStatus: "deleted" }],
        },
      ],
      StaleIpPermissionsEgress: [],
      VpcId: left,
    },
  ]);
  assert.deepEqual(
    region.call(DescribeSecurityGroupReferences, { GroupId: [far] }).SecurityGroupReferenceSet,
    [],
  );
  const other = { ...permission(), FromPort: 81, ToPort: 81 };
  refuses("InvalidGroup.NotFound", () =>
    region.call(AuthorizeSecurityGroupIngress, { GroupId: own, IpPermissions: [other] }),
  );
  const [rule] = region.reader().by("security-group-rule", "referencedGroupId", far);
  const SecurityGroupRules = [
    {
      SecurityGroupRuleId: rule?.id,
      SecurityGroupRule: { IpProtocol: "tcp", FromPort: 1, ToPort: 2, ReferencedGroupId: far },
    },
  ];
  refuses("InvalidGroup.NotFound", () =>
    region.call(securityGroupRuleModifyActions.ModifySecurityGroupRules, {
      GroupId: own,
      SecurityGroupRules,
    }),
  );
  region.call(RevokeSecurityGroupIngress, { GroupId: own, IpPermissions: [permission()] });
  assert.deepEqual(stale(), []);
});

test("a group that a peer's rule names can be deleted, and the rule is stale", () => {
  const { region, own, far, permission, allow, accept, stale } = peered();
  accept();
  allow();
  region.call(DeleteSecurityGroup, { GroupId: far });
  const [group] = stale() ?? [];
  assert.equal(group?.StaleIpPermissions?.[0]?.UserIdGroupPairs?.[0]?.GroupId, far);
  region.call(RevokeSecurityGroupIngress, { GroupId: own, IpPermissions: [permission()] });
  refuses("InvalidGroup.NotFound", () => allow(), `The security group '${far}' does not exist`);
});

test("a group is associated with another VPC, whose interfaces can then have it", () => {
  const region = newRegion();
  const [left, right] = [newVpc(region, 1), newVpc(region, 2)];
  const GroupId = newGroup(region, left);
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId: right, CidrBlock: "10.2.1.0/24" }).Subnet
      ?.SubnetId,
  );
  const used = () =>
    region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId, Groups: [GroupId] })
      .NetworkInterface;
  const groupsFor = (VpcId: string) =>
    region.call(GetSecurityGroupsForVpc, { VpcId, Filters: [{ Name: "group-name", Values: ["web"] }] })
      .SecurityGroupForVpcs;
  refuses("InvalidParameter", used);
  assert.deepEqual(groupsFor(right), []);
  assert.deepEqual(region.call(AssociateSecurityGroupVpc, { GroupId, VpcId: right }), {
    State: "associating",
  });
  assert.deepEqual(groupsFor(right)?.[0]?.PrimaryVpcId, left);
  const association = {
    GroupId,
    VpcId: right,
    VpcOwnerId: "123456789012",
    State: "associated",
    GroupOwnerId: "123456789012",
  };
  const described = (Name: string, value: string) =>
    region.call(DescribeSecurityGroupVpcAssociations, { Filters: [{ Name, Values: [value] }] })
      .SecurityGroupVpcAssociations;
  assert.deepEqual(described("vpc-id", right), [association]);
  assert.deepEqual(described("group-id", GroupId), [association]);
  assert.deepEqual(described("vpc-id", left), []);
  const NetworkInterfaceId = must(used()?.NetworkInterfaceId);
  refuses("DependencyViolation", () => region.call(DisassociateSecurityGroupVpc, { GroupId, VpcId: right }));
  refuses("Resource.AlreadyAssociated", () =>
    region.call(AssociateSecurityGroupVpc, { GroupId, VpcId: right }),
  );
  region.call(networkInterfaceActions.DeleteNetworkInterface, { NetworkInterfaceId });
  refuses(
    "DependencyViolation",
    () => region.call(DeleteSecurityGroup, { GroupId }),
    `resource ${GroupId} has a dependent object`,
  );
  assert.deepEqual(region.call(DisassociateSecurityGroupVpc, { GroupId, VpcId: right }), {
    State: "disassociating",
  });
  refuses("InvalidAssociationID.NotFound", () =>
    region.call(DisassociateSecurityGroupVpc, { GroupId, VpcId: right }),
  );
  refuses("InvalidParameter", used);
  region.call(DeleteSecurityGroup, { GroupId });
});

test("invalid associations are refused; a deleted VPC's associations end with it", () => {
  const region = newRegion({ defaultVpc: true });
  const [left, right] = [newVpc(region, 1), newVpc(region, 2)];
  const ofDefault = must(region.reader().by("vpc", "isDefault", "true")[0]);
  const own = must(region.reader().get("vpc", left)).defaultSecurityGroupId;
  const associate = (GroupId: string, VpcId: string) => () =>
    region.call(AssociateSecurityGroupVpc, { GroupId, VpcId });
  refuses("InvalidParameterValue", associate(own, right), /default security group/);
  const web = newGroup(region, left);
  refuses("InvalidParameterValue", associate(web, ofDefault.id), /default VPC/);
  refuses("InvalidParameterValue", associate(newGroup(region, ofDefault.id), right), /default VPC/);
  refuses("Resource.AlreadyAssociated", associate(web, left));
  refuses("InvalidVpcID.NotFound", associate(web, "vpc-00000000000000000"));
  associate(web, right)();
  region.perform("DeleteVpc", { VpcId: right });
  assert.deepEqual(region.call(DescribeSecurityGroupVpcAssociations, {}).SecurityGroupVpcAssociations, []);
  assert.equal(region.reader().get("security-group", web)?.associatedVpcIds, undefined);
});
