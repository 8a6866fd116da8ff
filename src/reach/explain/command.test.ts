import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "./call.ts";
import { commandsOf } from "./command.ts";

test("a request is the CLI's command, with its own options where it has some", () => {
  const rule = { IpProtocol: "tcp", FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  const ipv6 = { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: "::/0" }] };
  const entry = {
    NetworkAclId: "acl-1",
    Egress: false,
    RuleNumber: 90,
    Protocol: "6",
    PortRange: { From: 1, To: 2 },
  };
  assert.deepEqual(
    commandsOf(
      [
        request("AuthorizeSecurityGroupIngress", { GroupId: "sg-1", IpPermissions: [rule] }),
        request("AuthorizeSecurityGroupEgress", { GroupId: "sg-1", IpPermissions: [ipv6] }),
        request("CreateNetworkAclEntry", entry),
        request("ModifyVpcAttribute", { VpcId: "vpc-1", EnableDnsSupport: { Value: true } }),
        request("ModifyNetworkInterfaceAttribute", {
          NetworkInterfaceId: "eni-1",
          SourceDestCheck: { Value: false },
        }),
        request("AssociateVpcCidrBlock", { VpcId: "vpc-1", AmazonProvidedIpv6CidrBlock: true }),
        { kind: "wait", until: "instance-stopped", instanceId: "i-1" },
      ],
      undefined,
    ),
    [
      "aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 80 --cidr 0.0.0.0/0",
      "aws ec2 authorize-security-group-egress --group-id sg-1 --ip-permissions 'IpProtocol=icmpv6,FromPort=-1,ToPort=-1,Ipv6Ranges=[{CidrIpv6=::/0}]'",
      "aws ec2 create-network-acl-entry --network-acl-id acl-1 --ingress --rule-number 90 --protocol 6 --port-range From=1,To=2",
      "aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-support",
      "aws ec2 modify-network-interface-attribute --network-interface-id eni-1 --no-source-dest-check",
      "aws ec2 associate-vpc-cidr-block --vpc-id vpc-1 --amazon-provided-ipv6-cidr-block",
      "aws ec2 wait instance-stopped --instance-ids i-1",
    ],
  );
});

test("what one request answers goes straight into the next, and into a variable where more of them need it", () => {
  const named = { named: "table" };
  const made = request(
    "CreateRouteTable",
    { VpcId: "vpc-1" },
    { name: "table", path: "RouteTable.RouteTableId" },
  );
  const used = request("AssociateRouteTable", { RouteTableId: named, SubnetId: "subnet-1" });
  const create =
    "aws ec2 create-route-table --vpc-id vpc-1 --query RouteTable.RouteTableId --output text --region eu-west-1";
  assert.deepEqual(commandsOf([made, used], "eu-west-1"), [
    `aws ec2 associate-route-table --route-table-id "$(${create})" --subnet-id subnet-1 --region eu-west-1`,
  ]);
  assert.deepEqual(commandsOf([made, used, used], "eu-west-1")[0], `table=$(${create})`);
  assert.match(commandsOf([made, used, used], "eu-west-1")[1] ?? "", /--route-table-id "\$table" /);
});

test("a word that a shell would read otherwise stands in quotes", () => {
  assert.deepEqual(commandsOf([request("CreateTags", { Value: "it's $HOME; [0]" })], undefined), [
    "aws ec2 create-tags --value 'it'\\''s $HOME; [0]'",
  ]);
});
