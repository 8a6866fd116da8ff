import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { story } from "./story.ts";

/** Addresses of the prefix lists of S3 and DynamoDB. */
const [S3, DYNAMODB] = ["52.216.0.1", "52.94.0.1"];

test("endpoints", { skip: noKernel }, () => {
  const s = story("vpc-endpoint");
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const vpc = present(s.region.reader().get("vpc", s.id("vpc")), "the VPC");
  s.name(vpc.mainRouteTable.routeTableId, "table");
  s.name(vpc.defaultSecurityGroupId, "group");
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.1.0/24" }, "subnet");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: vpc.id, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  const web = s.launch("web", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: s.id("subnet"), AssociatePublicIpAddress: true }],
  });
  const send = (to: string) => s.send({ from: web.ip, to, port: 443 });

  s.title("Without an endpoint a service is a part of the internet");
  assert.equal(send(S3).verdict, "internet");

  s.title("An endpoint's routes go before 0.0.0.0/0, and behind it nothing stands");
  const service = { VpcId: vpc.id, ServiceName: "com.amazonaws.us-east-1.s3" };
  s.ec2("CreateVpcEndpoint", { ...service, RouteTableIds: [s.id("table")] }, "endpoint");
  assert.equal(send(S3).reason, "nothing_behind");
  assert.equal(send(DYNAMODB).verdict, "internet");

  s.title("A security group's rule knows the service's prefix list");
  const all = [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
  s.ec2("RevokeSecurityGroupEgress", { GroupId: s.id("group"), IpPermissions: all });
  const tls = {
    IpProtocol: "tcp",
    FromPort: 443,
    ToPort: 443,
    PrefixListIds: [{ PrefixListId: "pl-02cd2c6b" }],
  };
  s.ec2("AuthorizeSecurityGroupEgress", { GroupId: s.id("group"), IpPermissions: [tls] });
  assert.equal(s.send({ from: web.ip, to: S3, port: 443, sourcePort: 40_001 }).reason, "security_group_out");
  assert.equal(s.send({ from: web.ip, to: DYNAMODB, port: 443, sourcePort: 40_001 }).verdict, "internet");
  s.ec2("AuthorizeSecurityGroupEgress", { GroupId: s.id("group"), IpPermissions: all });

  s.title("A table that the endpoint no longer names");
  s.ec2("ModifyVpcEndpoint", { VpcEndpointId: s.id("endpoint"), RemoveRouteTableIds: [s.id("table")] });
  assert.equal(send(S3).verdict, "internet");

  s.title("An interface endpoint is an address in the VPC, guarded by its group; behind it nothing stands");
  const inside = {
    VpcId: vpc.id,
    VpcEndpointType: "Interface",
    ServiceName: "com.amazonaws.us-east-1.ec2",
    PrivateDnsEnabled: false,
  };
  s.ec2(
    "CreateVpcEndpoint",
    { ...inside, SubnetIds: [s.id("subnet")], SecurityGroupIds: [s.id("group")] },
    "interface endpoint",
  );
  const [eni] = s.region.reader().by("network-interface", "vpcEndpointId", s.id("interface endpoint"));
  const address = present(eni?.privateIpAddresses[0], "the endpoint's address");
  assert.equal(send(address).reason, "endpoint_without_service");
  const own = { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: s.id("group") }] };
  s.ec2("RevokeSecurityGroupIngress", { GroupId: s.id("group"), IpPermissions: [own] });
  assert.equal(
    s.send({ from: web.ip, to: address, port: 443, sourcePort: 40_002 }).reason,
    "security_group_in",
  );

  s.title("Nothing is behind a virtual private gateway either; one that is detached leaves a blackhole");
  s.ec2("CreateVpnGateway", { Type: "ipsec.1" }, "vpn");
  const office = {
    RouteTableId: s.id("table"),
    DestinationCidrBlock: "192.168.0.0/16",
    GatewayId: s.id("vpn"),
  };
  s.refused("CreateRoute", office);
  s.ec2("AttachVpnGateway", { VpcId: vpc.id, VpnGatewayId: s.id("vpn") });
  s.ec2("CreateRoute", office);
  assert.equal(send("192.168.0.1").reason, "nothing_behind");
  s.ec2("DetachVpnGateway", { VpcId: vpc.id, VpnGatewayId: s.id("vpn") });
  assert.equal(send("192.168.0.1").reason, "blackhole");
  s.end();
});
