import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { newNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";

const ECS = "com.amazonaws.us-east-1.ecs";
const S3 = "com.amazonaws.us-east-1.s3";

type Wish = Readonly<Record<string, unknown>>;
type Endpoint = {
  readonly VpcEndpointId?: string;
  readonly NetworkInterfaceIds?: string[];
  readonly SubnetIds?: string[];
  readonly State?: string;
  readonly PrivateDnsEnabled?: boolean;
  readonly DnsEntries?: { readonly DnsName?: string; readonly HostedZoneId?: string }[];
  readonly Groups?: { readonly GroupId?: string; readonly GroupName?: string }[];
};

/** A VPC with names, and a subnet in each of two zones. */
function scene(settings: Parameters<typeof newNetwork>[0] = {}) {
  const network = newNetwork(settings);
  const { region, vpcId: VpcId } = network;
  const call = <T>(operation: string, input: object): T => region.perform(operation, input) as T;
  call("ModifyVpcAttribute", { VpcId, EnableDnsHostnames: { Value: true } });
  const subnet = (CidrBlock: string, AvailabilityZone: string, of = VpcId): string =>
    must(
      call<{ Subnet: { SubnetId: string } }>("CreateSubnet", { VpcId: of, CidrBlock, AvailabilityZone })
        .Subnet.SubnetId,
    );
  const [a, b] = [subnet("10.0.50.0/24", "us-east-1b"), subnet("10.0.51.0/24", "us-east-1c")];
  const create = (more: Wish = {}): Endpoint =>
    must(
      call<{ VpcEndpoint: Endpoint }>("CreateVpcEndpoint", {
        VpcId,
        ServiceName: ECS,
        VpcEndpointType: "Interface",
        ...more,
      }).VpcEndpoint,
    );
  const now = (VpcEndpointId: string | undefined): Endpoint =>
    must(
      call<{ VpcEndpoints: Endpoint[] }>("DescribeVpcEndpoints", { VpcEndpointIds: [VpcEndpointId] })
        .VpcEndpoints[0],
    );
  const modify = (VpcEndpointId: string | undefined, more: Wish): unknown =>
    call("ModifyVpcEndpoint", { VpcEndpointId, ...more });
  const interfaces = (Filters: object[]): Record<string, unknown>[] =>
    call<{ NetworkInterfaces: Record<string, unknown>[] }>("DescribeNetworkInterfaces", { Filters })
      .NetworkInterfaces;
  const group = (GroupName: string): string =>
    must(call<{ GroupId: string }>("CreateSecurityGroup", { VpcId, GroupName, Description: "d" }).GroupId);
  return { ...network, call, subnet, a, b, create, now, modify, interfaces, group };
}

test("an interface endpoint has an interface in each subnet, with its groups, and names", () => {
  const { call, vpcId, a, b, create, now, interfaces } = scene();
  const made = create({ SubnetIds: [a], SubnetConfigurations: [{ SubnetId: b, Ipv4: "10.0.51.10" }] });
  assert.equal(made.State, "pending");
  const endpoint = now(made.VpcEndpointId);
  const id = must(made.VpcEndpointId);
  assert.deepEqual(
    [endpoint.State, endpoint.PrivateDnsEnabled, endpoint.SubnetIds],
    ["available", true, [a, b]],
  );
  const [of, inA, inC, hidden] = must(endpoint.DnsEntries);
  assert.match(
    must(of?.DnsName),
    new RegExp(`^${id}-[0-9a-z]{8}\\.ecs\\.us-east-1\\.vpce\\.amazonaws\\.com$`),
  );
  assert.equal(inA?.DnsName, must(of?.DnsName).replace(".ecs", "-us-east-1b.ecs"));
  assert.equal(inC?.DnsName, must(of?.DnsName).replace(".ecs", "-us-east-1c.ecs"));
  assert.equal(hidden?.DnsName, "ecs.us-east-1.amazonaws.com");
  assert.deepEqual(
    endpoint.Groups?.map(({ GroupName }) => GroupName),
    ["default"],
  );
  const enis = interfaces([{ Name: "vpc-id", Values: [vpcId] }]);
  assert.deepEqual(
    enis.map((eni) => eni["NetworkInterfaceId"]).toSorted(),
    endpoint.NetworkInterfaceIds?.toSorted(),
  );
  for (const eni of enis) {
    assert.deepEqual(
      [
        eni["InterfaceType"],
        eni["Status"],
        eni["RequesterManaged"],
        eni["Description"],
        (eni["Groups"] as object[]).length,
      ],
      ["vpc_endpoint", "in-use", true, `VPC Endpoint Interface ${id}`, 1],
    );
    const NetworkInterfaceId = eni["NetworkInterfaceId"];
    refuses(
      "InvalidParameterValue",
      () => call("DeleteNetworkInterface", { NetworkInterfaceId }),
      /currently in use/,
    );
    refuses("AuthFailure", () =>
      call("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId, SourceDestCheck: { Value: false } }),
    );
    refuses("AuthFailure", () =>
      call("AssignPrivateIpAddresses", { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 1 }),
    );
  }
  assert.ok(enis.some((eni) => eni["PrivateIpAddress"] === "10.0.51.10"));
  refuses("DependencyViolation", () => call("DeleteSubnet", { SubnetId: a }));
  call("DeleteVpcEndpoints", { VpcEndpointIds: [id] });
  assert.deepEqual(interfaces([{ Name: "vpc-id", Values: [vpcId] }]), []);
  call("DeleteSubnet", { SubnetId: a });
});

test("subnets and groups are added and removed, an address goes with its interface, and one group must stay", () => {
  const { a, b, create, now, modify, group, interfaces, subnet } = scene();
  const [one, two] = [group("one"), group("two")];
  const { VpcEndpointId: id } = create({ SubnetIds: [a], SecurityGroupIds: [one] });
  const [before] = must(now(id).NetworkInterfaceIds);
  modify(id, { AddSubnetIds: [a, b], AddSecurityGroupIds: [two] });
  assert.deepEqual([now(id).SubnetIds, now(id).NetworkInterfaceIds?.[0]], [[a, b], before]);
  const groupsOf = (eni: string | undefined) =>
    (
      must(interfaces([{ Name: "network-interface-id", Values: [eni] }])[0])["Groups"] as {
        GroupId: string;
      }[]
    ).map(({ GroupId }) => GroupId);
  for (const eni of now(id).NetworkInterfaceIds ?? []) assert.deepEqual(groupsOf(eni), [one, two]);
  modify(id, { RemoveSecurityGroupIds: [one], RemoveSubnetIds: [b] });
  assert.deepEqual([now(id).SubnetIds, groupsOf(before)], [[a], [two]]);
  modify(id, { SubnetConfigurations: [{ SubnetId: a, Ipv4: "10.0.50.99" }] });
  const [after] = must(now(id).NetworkInterfaceIds);
  assert.notEqual(after, before);
  assert.equal(
    interfaces([{ Name: "network-interface-id", Values: [after] }])[0]?.["PrivateIpAddress"],
    "10.0.50.99",
  );
  refuses("InvalidParameter", () => modify(id, { RemoveSecurityGroupIds: [two] }), /at least one/);
  refuses("InvalidParameter", () => modify(id, { RemoveSecurityGroupIds: [one] }), /not associated/);
  refuses("InvalidParameter", () => modify(id, { RemoveSubnetIds: [b] }), /not associated/);
  refuses("InvalidParameter", () => modify(id, { AddRouteTableIds: ["rtb-1"] }), /Interface type/);
  refuses("DuplicateSubnetsInSameZone", () =>
    modify(id, { AddSubnetIds: [subnet("10.0.52.0/24", "us-east-1b")] }),
  );
  modify(id, { PolicyDocument: '{"Statement":[]}', PrivateDnsEnabled: false });
  assert.deepEqual([now(id).PrivateDnsEnabled, now(id).DnsEntries?.length], [false, 2]);
});

test("private names need the VPC's DNS, and only one endpoint of a service can have them", () => {
  const { call, vpcId: VpcId, a, create, modify } = scene();
  const { VpcEndpointId: id } = create({ SubnetIds: [a] });
  const words = `private-dns-enabled cannot be set because there is already a conflicting DNS domain for ecs.us-east-1.amazonaws.com in the VPC ${VpcId}`;
  refuses("InvalidParameter", () => create(), words);
  const { VpcEndpointId: second } = create({ PrivateDnsEnabled: false });
  refuses("InvalidParameter", () => modify(second, { PrivateDnsEnabled: true }), words);
  modify(id, { PrivateDnsEnabled: false });
  modify(second, { PrivateDnsEnabled: true });
  call("ModifyVpcAttribute", { VpcId, EnableDnsHostnames: { Value: false } });
  const both = `Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for ${VpcId}`;
  refuses("InvalidParameter", () => create({ ServiceName: "com.amazonaws.us-east-1.sqs" }), both);
  create({ ServiceName: "com.amazonaws.us-east-1.sqs", PrivateDnsEnabled: false });
});

test("private names for S3 need a gateway endpoint, unless they are for all resolvers", () => {
  const { call, vpcId: VpcId, create, now } = scene();
  const words = `To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC ${VpcId} must have a Gateway endpoint for the service.`;
  refuses("InvalidParameter", () => create({ ServiceName: S3 }), words);
  const { VpcEndpointId: id } = create({
    ServiceName: S3,
    DnsOptions: { PrivateDnsOnlyForInboundResolverEndpoint: false },
  });
  const entries = must(now(id).DnsEntries).map(({ DnsName }) => must(DnsName));
  assert.match(must(entries[0]), /^\*\.vpce-.*\.s3\.us-east-1\.vpce\.amazonaws\.com$/);
  assert.ok(entries.includes("*.s3.us-east-1.amazonaws.com"));
  refuses("InvalidParameter", () =>
    create({ DnsOptions: { PrivateDnsOnlyForInboundResolverEndpoint: true } }),
  );
  call("DeleteVpcEndpoints", { VpcEndpointIds: [id] });
  call("CreateVpcEndpoint", { VpcId, ServiceName: S3 });
  create({ ServiceName: S3 });
});

test("what an interface endpoint cannot be is refused", () => {
  const { call, a, subnet, create } = scene({
    quotas: { ...DEFAULT_QUOTAS, "interface-vpc-endpoints-per-vpc": 1 },
  });
  const refused = (code: Parameters<typeof refuses>[0], more: Wish, words?: RegExp) =>
    refuses(code, () => create(more), words);
  refused("InvalidServiceName", { ServiceName: "com.amazonaws.us-east-1.nope" });
  refused("InvalidServiceName", { ServiceName: "com.amazonaws.eu-west-1.ecs" });
  refused("InvalidServiceName", { ServiceName: "ecs" });
  refused("InvalidSubnetID.NotFound", { SubnetIds: ["subnet-00000000000000000"] });
  refused("InvalidGroup.NotFound", { SecurityGroupIds: ["sg-00000000000000000"] });
  refused("InvalidParameter", { RouteTableIds: ["rtb-1"] }, /Interface type/);
  refused("UnsupportedOperation", { IpAddressType: "dualstack" }, /interface endpoints/);
  refused("InvalidParameterValue", { ServiceRegion: "eu-west-1" });
  refused("InvalidParameterValue", { SubnetConfigurations: [{ SubnetId: a, Ipv4: "10.9.9.9" }] });
  refused(
    "DuplicateSubnetsInSameZone",
    { SubnetIds: [a, subnet("10.0.53.0/24", "us-east-1b")] },
    /Found another VPC endpoint subnet/,
  );
  const other = must(call<{ Vpc: { VpcId: string } }>("CreateVpc", { CidrBlock: "10.7.0.0/16" }).Vpc.VpcId);
  refused(
    "InvalidParameter",
    { SubnetIds: [subnet("10.7.0.0/24", "us-east-1a", other)] },
    /different networks/,
  );
  create();
  refused("VpcEndpointLimitExceeded", { PrivateDnsEnabled: false });
});

test("an endpoint in no subnet yet has groups of its VPC, no more than an interface may have, and holds them", () => {
  const { call, vpcId, create, modify, now, group } = scene();
  const { VpcId: other } = call<{ Vpc: { VpcId: string } }>("CreateVpc", { CidrBlock: "10.7.0.0/16" }).Vpc;
  const wish = { VpcId: other, GroupName: "theirs", Description: "d" };
  const { GroupId: theirs } = call<{ GroupId: string }>("CreateSecurityGroup", wish);
  const words = new RegExp(
    `^Security group ${theirs} and VPC endpoint vpce-[0-9a-f]{17} belong to different networks`,
  );
  const many = Array.from({ length: 17 }, (_, n) => group(`many ${n}`));
  refuses("InvalidParameter", () => create({ SecurityGroupIds: [theirs] }), words);
  refuses("SecurityGroupsPerInterfaceLimitExceeded", () => create({ SecurityGroupIds: many }));
  const own = group("own");
  const { VpcEndpointId } = create({ SecurityGroupIds: [own] });
  refuses("InvalidParameter", () => modify(VpcEndpointId, { AddSecurityGroupIds: [theirs] }), words);
  refuses("SecurityGroupsPerInterfaceLimitExceeded", () =>
    modify(VpcEndpointId, { AddSecurityGroupIds: many }),
  );
  refuses("DependencyViolation", () => call("DeleteSecurityGroup", { GroupId: own }));
  call("AssociateSecurityGroupVpc", { GroupId: theirs, VpcId: vpcId });
  modify(VpcEndpointId, { AddSecurityGroupIds: [theirs] });
  refuses("DependencyViolation", () =>
    call("DisassociateSecurityGroupVpc", { GroupId: theirs, VpcId: vpcId }),
  );
  modify(VpcEndpointId, { RemoveSecurityGroupIds: [theirs, own], AddSecurityGroupIds: many.slice(0, 1) });
  call("DisassociateSecurityGroupVpc", { GroupId: theirs, VpcId: vpcId });
  call("DeleteSecurityGroup", { GroupId: own });
  assert.deepEqual(
    now(VpcEndpointId).Groups?.map(({ GroupId }) => GroupId),
    many.slice(0, 1),
  );
});
