import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpPermission } from "@aws-sdk/client-ec2";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { securityGroupDescribeActions } from "./security-group-describe.ts";
import { securityGroupRuleModifyActions } from "./security-group-rule-modify.ts";
import { securityGroupRuleActions } from "./security-group-rule.ts";
import { securityGroupActions } from "./security-group.ts";

const {
  AuthorizeSecurityGroupIngress,
  AuthorizeSecurityGroupEgress,
  RevokeSecurityGroupIngress,
  RevokeSecurityGroupEgress,
} = securityGroupRuleActions;
const {
  DescribeSecurityGroupRules,
  ModifySecurityGroupRules,
  UpdateSecurityGroupRuleDescriptionsIngress,
  UpdateSecurityGroupRuleDescriptionsEgress,
} = securityGroupRuleModifyActions;

type Place = { readonly region: TestRegion; readonly vpcId: string; readonly GroupId: string };

function newGroup(settings: Parameters<typeof newRegion>[0] = {}): Place {
  const region = newRegion(settings);
  const vpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  return { region, vpcId, GroupId: groupIn(region, vpcId) };
}

function groupIn(region: TestRegion, VpcId: string, GroupName = "web"): string {
  return must(
    region.call(securityGroupActions.CreateSecurityGroup, { GroupName, Description: "d", VpcId }).GroupId,
  );
}

function described({ region, GroupId }: Place) {
  return must(
    region.call(securityGroupDescribeActions.DescribeSecurityGroups, { GroupIds: [GroupId] })
      .SecurityGroups?.[0],
  );
}

const SSH: IpPermission = {
  IpProtocol: "tcp",
  FromPort: 22,
  ToPort: 22,
  IpRanges: [{ CidrIp: "0.0.0.0/0" }],
};

test("the single rule's parameters and the list come to the same rule", () => {
  const place = newGroup();
  const { region, GroupId } = place;
  const single = { GroupId, IpProtocol: "tcp", FromPort: 22, ToPort: 22, CidrIp: "0.0.0.0/0" };
  const answer = region.call(AuthorizeSecurityGroupIngress, single);
  const SecurityGroupRuleId = answer.SecurityGroupRules?.[0]?.SecurityGroupRuleId;
  assert.match(must(SecurityGroupRuleId), /^sgr-[0-9a-f]{17}$/);
  assert.deepEqual(answer, {
    Return: true,
    SecurityGroupRules: [
      {
        SecurityGroupRuleId,
        GroupId,
        GroupOwnerId: "123456789012",
        IsEgress: false,
        IpProtocol: "tcp",
        FromPort: 22,
        ToPort: 22,
        CidrIpv4: "0.0.0.0/0",
        CidrIpv6: undefined,
        ReferencedGroupInfo: undefined,
        Description: undefined,
        Tags: [],
        SecurityGroupRuleArn: `arn:aws:ec2:us-east-1:123456789012:security-group-rule/${SecurityGroupRuleId}`,
      },
    ],
  });
  refuses(
    "InvalidPermission.Duplicate",
    () => region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [SSH] }),
    'the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists',
  );
  refuses("InvalidParameterCombination", () =>
    region.call(AuthorizeSecurityGroupIngress, { ...single, IpPermissions: [SSH] }),
  );
  refuses("MissingParameter", () => region.call(AuthorizeSecurityGroupIngress, { GroupId }));
  refuses("MissingParameter", () => region.call(AuthorizeSecurityGroupIngress, { IpPermissions: [SSH] }));
  refuses("MissingParameter", () => region.call(AuthorizeSecurityGroupEgress, single));
  region.call(RevokeSecurityGroupIngress, single);
  assert.deepEqual(described(place).IpPermissions, []);
});

test("a request that is refused adds none of its rules", () => {
  const place = newGroup();
  const { region, GroupId } = place;
  const https = { ...SSH, FromPort: 443, ToPort: 443 };
  refuses(
    "InvalidParameterValue",
    () => region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [SSH, https, SSH] }),
    "The same permission must not appear multiple times",
  );
  refuses("InvalidParameterValue", () =>
    region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [SSH, { ...https, ToPort: 1 }] }),
  );
  assert.deepEqual(described(place).IpPermissions, []);
});

test("rules of one protocol and range are listed as one permission, their blocks canonical", () => {
  const place = newGroup();
  const { region, vpcId, GroupId } = place;
  const source = groupIn(region, vpcId, "source");
  const IpPermissions = [
    {
      ...SSH,
      IpRanges: [{ CidrIp: "192.0.2.77/24", Description: "office" }],
      Ipv6Ranges: [{ CidrIpv6: "2001:DB8:0::1/32" }],
    },
    { IpProtocol: "6", FromPort: 22, ToPort: 22, UserIdGroupPairs: [{ GroupId: source }] },
    { IpProtocol: "icmp", FromPort: 8, ToPort: -1, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
    { IpProtocol: "50", FromPort: 1, ToPort: 2, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
  ];
  region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions });
  const none = { UserIdGroupPairs: [], IpRanges: [], Ipv6Ranges: [], PrefixListIds: [] };
  const anywhere = { ...none, IpRanges: [{ CidrIp: "0.0.0.0/0", Description: undefined }] };
  assert.deepEqual(described(place).IpPermissions, [
    {
      IpProtocol: "tcp",
      FromPort: 22,
      ToPort: 22,
      UserIdGroupPairs: [{ Description: undefined, GroupId: source, UserId: "123456789012" }],
      IpRanges: [{ CidrIp: "192.0.2.0/24", Description: "office" }],
      Ipv6Ranges: [{ CidrIpv6: "2001:db8::/32", Description: undefined }],
      PrefixListIds: [],
    },
    { ...anywhere, IpProtocol: "icmp", FromPort: 8, ToPort: -1 },
    { ...anywhere, IpProtocol: "50" },
  ]);
});

test("what AWS refuses in a rule is refused with its words", () => {
  const { region, vpcId, GroupId } = newGroup();
  const other = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.1.0.0/16" }).Vpc?.VpcId);
  const stranger = groupIn(region, other);
  const refused = (change: Partial<IpPermission>, code: Parameters<typeof refuses>[0], words?: string) =>
    refuses(
      code,
      () => region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [{ ...SSH, ...change }] }),
      words,
    );
  const value = "InvalidParameterValue";
  refused({ IpRanges: [{ CidrIp: "10.0.0.1" }] }, value, "CIDR block 10.0.0.1 is malformed");
  refused({ IpRanges: [{ CidrIp: "10.0.0.0/33" }] }, value, "CIDR block 10.0.0.0/33 is malformed");
  refused({ IpRanges: [{ CidrIp: "::/0" }] }, value, "CIDR block ::/0 is malformed");
  refused({ Ipv6Ranges: [{ CidrIpv6: "10.0.0.0/8" }] }, value, "CIDR block 10.0.0.0/8 is malformed");
  refused({ Ipv6Ranges: [{ CidrIpv6: "::ffff:10.0.0.0/104" }] }, value);
  refused({ IpProtocol: "all" }, value, "Invalid value 'all' for IP protocol. Unknown protocol.");
  refused({ IpProtocol: "256" }, value, "Invalid value '256' for IP protocol. Unknown protocol.");
  refused(
    { IpProtocol: undefined },
    value,
    "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
  );
  refused(
    { FromPort: undefined },
    value,
    "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
  );
  refused({ ToPort: 65_536 }, value, "TCP/UDP (to) port (65536) out of range");
  refused({ FromPort: -1, ToPort: -1 }, value, "TCP/UDP (from) port (-1) out of range");
  refused({ FromPort: 80 }, value, "Invalid TCP/UDP port range (80:22)");
  refused({ IpProtocol: "icmp", FromPort: 256, ToPort: 0 }, value, "ICMP type (256) out of range");
  refused({ IpProtocol: "icmp", FromPort: 0, ToPort: 65_535 }, value, "ICMP code (65535) out of range");
  refused({ IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "<x>" }] }, value);
  const peers =
    "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId";
  refused({ IpRanges: [] }, "MissingParameter", peers);
  refused(
    { IpProtocol: "icmp", ToPort: undefined },
    value,
    "Invalid value for portRange. Must specify both from and to ports with ICMP.",
  );
  const words = "You have specified two resources that belong to different networks.";
  refused({ UserIdGroupPairs: [{ GroupId: stranger }] }, "InvalidGroup.NotFound", words);
  refused(
    { UserIdGroupPairs: [{ GroupId: "sg-00000000" }] },
    "InvalidGroup.NotFound",
    "The security group 'sg-00000000' does not exist",
  );
  refused({ UserIdGroupPairs: [{ GroupId, UserId: "999999999999" }] }, "InvalidGroup.NotFound");
  refused(
    { PrefixListIds: [{ PrefixListId: "pl-1" }] },
    "InvalidPrefixListID.NotFound",
    "The prefix list ID 'pl-1' does not exist",
  );
  assert.equal(region.reader().by("security-group", "vpcId", vpcId).length, 2);
});

test("duplicates are named as AWS names them", () => {
  const { region, GroupId } = newGroup();
  const anywhere = { IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  const words: readonly [IpPermission, string][] = [
    [{ IpProtocol: "-1", ...anywhere }, "peer: 0.0.0.0/0, ALL, ALLOW"],
    [
      { IpProtocol: "icmp", FromPort: 8, ToPort: -1, ...anywhere },
      "peer: 0.0.0.0/0, ICMP, type: 8, code: ALL, ALLOW",
    ],
    [
      { IpProtocol: "udp", FromPort: 1, ToPort: 2, UserIdGroupPairs: [{ GroupId }] },
      `peer: ${GroupId}, UDP, from port: 1, to port: 2, ALLOW`,
    ],
  ];
  for (const [permission, rule] of words) {
    const input = { GroupId, IpPermissions: [permission] };
    region.call(AuthorizeSecurityGroupIngress, input);
    refuses(
      "InvalidPermission.Duplicate",
      () => region.call(AuthorizeSecurityGroupIngress, input),
      `the specified rule "${rule}" already exists`,
    );
  }
  refuses("InvalidPermission.Duplicate", () =>
    region.call(AuthorizeSecurityGroupEgress, {
      GroupId,
      IpPermissions: [{ IpProtocol: "-1", ...anywhere }],
    }),
  );
});

test("a rule that isn't there is an error, but only reported in the default VPC", () => {
  const { region, GroupId } = newGroup({ defaultVpc: true });
  refuses(
    "InvalidPermission.NotFound",
    () => region.call(RevokeSecurityGroupIngress, { GroupId, IpPermissions: [SSH] }),
    "The specified rule does not exist in this security group.",
  );
  const standard = must(region.reader().by("vpc", "isDefault", "true")[0]).defaultSecurityGroupId;
  const answer = region.call(RevokeSecurityGroupIngress, { GroupId: standard, IpPermissions: [SSH] });
  assert.deepEqual(answer.RevokedSecurityGroupRules, []);
  assert.equal(answer.UnknownIpPermissions?.[0]?.FromPort, 22);
});

test("rules are revoked by id, only in their own group and direction", () => {
  const place = newGroup();
  const { region, vpcId, GroupId } = place;
  const rules = must(
    region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [SSH] }).SecurityGroupRules,
  );
  const SecurityGroupRuleIds = [must(rules[0]?.SecurityGroupRuleId)];
  const words = `The security group rule ID '${SecurityGroupRuleIds[0]}' does not exist`;
  const code = "InvalidSecurityGroupRuleId.NotFound";
  refuses(code, () => region.call(RevokeSecurityGroupEgress, { GroupId, SecurityGroupRuleIds }), words);
  const other = groupIn(region, vpcId, "other");
  refuses(
    code,
    () => region.call(RevokeSecurityGroupIngress, { GroupId: other, SecurityGroupRuleIds }),
    words,
  );
  refuses("InvalidSecurityGroupRuleId.Malformed", () =>
    region.call(RevokeSecurityGroupIngress, { GroupId, SecurityGroupRuleIds: ["sgr-x"] }),
  );
  const answer = region.call(RevokeSecurityGroupIngress, { GroupId, SecurityGroupRuleIds });
  assert.equal(answer.RevokedSecurityGroupRules?.[0]?.CidrIpv4, "0.0.0.0/0");
  assert.deepEqual(described(place).IpPermissions, []);
  refuses(code, () => region.call(DescribeSecurityGroupRules, { SecurityGroupRuleIds }), words);
});

test("rules carry tags and descriptions, which can be changed and found", () => {
  const place = newGroup();
  const { region, GroupId } = place;
  const TagSpecifications = [
    { ResourceType: "security-group-rule" as const, Tags: [{ Key: "Name", Value: "ssh" }] },
  ];
  const answer = region.call(AuthorizeSecurityGroupIngress, {
    GroupId,
    IpPermissions: [SSH],
    TagSpecifications,
  });
  const SecurityGroupRuleId = must(answer.SecurityGroupRules?.[0]?.SecurityGroupRuleId);
  const byTag = region.call(DescribeSecurityGroupRules, { Filters: [{ Name: "tag:Name", Values: ["ssh"] }] });
  assert.equal(byTag.SecurityGroupRules?.[0]?.SecurityGroupRuleId, SecurityGroupRuleId);
  const description = () => described(place).IpPermissions?.[0]?.IpRanges?.[0]?.Description;
  const update = (Description: string) =>
    region.call(UpdateSecurityGroupRuleDescriptionsIngress, {
      GroupId,
      SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId, Description }],
    });
  update("from anywhere");
  assert.equal(description(), "from anywhere");
  const IpPermissions = [{ ...SSH, IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "again" }] }];
  region.call(UpdateSecurityGroupRuleDescriptionsIngress, { GroupId, IpPermissions });
  assert.equal(description(), "again");
  update("");
  assert.equal(description(), undefined);
  refuses("InvalidPermission.NotFound", () =>
    region.call(UpdateSecurityGroupRuleDescriptionsEgress, { GroupId, IpPermissions }),
  );
});

test("a rule is given other contents under the same id", () => {
  const place = newGroup();
  const { region, GroupId } = place;
  const https = { ...SSH, FromPort: 443, ToPort: 443 };
  const rules = must(
    region.call(AuthorizeSecurityGroupIngress, { GroupId, IpPermissions: [SSH, https] }).SecurityGroupRules,
  );
  const SecurityGroupRuleId = must(rules[0]?.SecurityGroupRuleId);
  const modify = (SecurityGroupRule: object) =>
    region.call(ModifySecurityGroupRules, {
      GroupId,
      SecurityGroupRules: [{ SecurityGroupRuleId, SecurityGroupRule }],
    });
  modify({ IpProtocol: "udp", FromPort: 53, ToPort: 53, CidrIpv4: "192.0.2.1/32", Description: "dns" });
  const [rule] = must(
    region.call(DescribeSecurityGroupRules, { SecurityGroupRuleIds: [SecurityGroupRuleId] })
      .SecurityGroupRules,
  );
  assert.equal(rule?.IpProtocol, "udp");
  assert.equal(rule?.CidrIpv4, "192.0.2.1/32");
  assert.equal(rule?.Description, "dns");
  modify({ IpProtocol: "udp", FromPort: 53, ToPort: 53, CidrIpv4: "192.0.2.1/32" });
  refuses("InvalidPermission.Duplicate", () =>
    modify({ IpProtocol: "tcp", FromPort: 443, ToPort: 443, CidrIpv4: "0.0.0.0/0" }),
  );
  const peers =
    "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId";
  refuses("MissingParameter", () => modify({ IpProtocol: "-1" }), peers);
  const range = "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.";
  refuses(
    "InvalidParameterValue",
    () => modify({ IpProtocol: "udp", ToPort: 53, CidrIpv4: "10.0.0.0/8" }),
    range,
  );
  refuses("InvalidParameterCombination", () =>
    modify({ IpProtocol: "-1", CidrIpv4: "0.0.0.0/0", ReferencedGroupId: GroupId }),
  );
});

test("the quota counts IPv4 and IPv6 rules, and each direction, separately", () => {
  const { region, GroupId } = newGroup({ quotas: { ...DEFAULT_QUOTAS, "rules-per-security-group": 2 } });
  const port = (FromPort: number, peers: Partial<IpPermission>) =>
    region.call(AuthorizeSecurityGroupIngress, {
      GroupId,
      IpPermissions: [{ IpProtocol: "tcp", FromPort, ToPort: FromPort, ...peers }],
    });
  const [four, six] = [{ IpRanges: [{ CidrIp: "0.0.0.0/0" }] }, { Ipv6Ranges: [{ CidrIpv6: "::/0" }] }];
  port(1, four);
  port(2, four);
  port(1, six);
  refuses("RulesPerSecurityGroupLimitExceeded", () => port(3, four));
  port(2, six);
  refuses("RulesPerSecurityGroupLimitExceeded", () => port(3, six));
  refuses("RulesPerSecurityGroupLimitExceeded", () => port(3, { UserIdGroupPairs: [{ GroupId }] }));
});
