import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

/** A public subnet with a NAT gateway in it, and a private one whose table sends everything there. */
function made(name: string): {
  readonly s: Story;
  readonly vpc: string;
  readonly table: string;
  readonly eni: () => string;
} {
  const s = story(name);
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const vpc = s.id("vpc");
  s.name(present(s.region.reader().get("vpc", vpc), vpc).mainRouteTable.routeTableId, "public table");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("public table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  s.ec2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.0.0.0/24" }, "public subnet");
  s.ec2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.0.1.0/24" }, "private subnet");
  s.ec2("AllocateAddress", {}, "address");
  s.ec2("CreateNatGateway", { SubnetId: s.id("public subnet"), AllocationId: s.id("address") }, "nat");
  s.ec2("CreateRouteTable", { VpcId: vpc }, "private table");
  s.ec2("AssociateRouteTable", { RouteTableId: s.id("private table"), SubnetId: s.id("private subnet") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("private table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("nat"),
  });
  return {
    s,
    vpc,
    table: s.id("private table"),
    eni: () =>
      present(s.region.reader().by("network-interface", "natGatewayId", s.id("nat"))[0], "its interface").id,
  };
}

test("a NAT gateway lets the inside out, and nobody in", { skip: noKernel }, () => {
  const { s } = made("nat-gateway");
  const worker = s.launch("worker", { SubnetId: s.id("private subnet") });
  const other = s.launch("other", { SubnetId: s.id("private subnet") });
  const address = present(s.region.reader().get("address", s.id("address")), "the address").publicIp;

  s.title("Out and back");
  assert.equal(s.send({ from: worker.ip, to: "198.51.100.1" }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  s.title("Another with the same port gets another one there");
  assert.equal(s.send({ from: other.ip, to: "198.51.100.1" }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  s.title("UDP and ping");
  s.send({ from: worker.ip, to: "198.51.100.1", protocol: "udp", port: 53 });
  assert.equal(s.answer().verdict, "deliver");
  s.send({ from: worker.ip, to: "198.51.100.1", protocol: "ping" });
  assert.equal(s.answer().verdict, "deliver");

  s.title("Nobody comes in");
  assert.equal(s.send({ from: "198.51.100.1", to: address, port: 22 }).reason, "nat_no_connection");
  assert.equal(s.send({ from: "198.51.100.1", to: address, protocol: "ping" }).reason, "nat_no_connection");
  assert.equal(
    s.send({ from: "198.51.100.7", to: address, sourcePort: 80, port: 40_000, flags: "ack" }).reason,
    "nat_no_connection",
  );

  s.title("After 350 idle seconds");
  s.send({ from: worker.ip, to: "198.51.100.1", sourcePort: 50_000 });
  s.answer();
  s.wait(349);
  assert.equal(
    s.send({ from: worker.ip, to: "198.51.100.1", sourcePort: 50_000, flags: "ack" }).verdict,
    "internet",
  );
  s.wait(350);
  assert.deepEqual(
    [s.send({ from: worker.ip, to: "198.51.100.1", sourcePort: 50_000, flags: "ack" })].map(
      ({ verdict, reason }) => [verdict, reason],
    ),
    [["error", "nat_connection_expired"]],
  );
  s.end();
});

test("what a NAT gateway does to packets", { skip: noKernel }, () => {
  const { s, eni } = made("nat-gateway-packets");
  const worker = s.launch("worker", { SubnetId: s.id("private subnet") });
  const inside = present(s.region.reader().get("network-interface", eni()), "its interface")
    .privateIpAddresses[0];
  const ttlOf = (bytes: Uint8Array | undefined): number | undefined => bytes?.[22];

  s.title("It is a hop, which a traceroute shows by its private address");
  const last = s.send({ from: worker.ip, to: "198.51.100.1", protocol: "udp", port: 33_434, ttl: 1 });
  const told = present(last.frame, "the ICMP error");
  assert.deepEqual([last.verdict, last.reason, ...told.subarray(34, 36)], ["error", "nat_ttl", 11, 0]);
  assert.equal(told.subarray(26, 30).join("."), inside);
  assert.equal(told.subarray(30, 34).join("."), worker.ip);
  const further = s.send({ from: worker.ip, to: "198.51.100.1", protocol: "udp", port: 33_435, ttl: 2 });
  assert.deepEqual([further.verdict, ttlOf(further.frame)], ["internet", 1]);
  assert.equal(ttlOf(s.answer().frame), 1, "and likewise on the way back");
  assert.equal(s.send({ from: worker.ip, to: "198.51.100.1", protocol: "ping", ttl: 1 }).reason, "nat_ttl");

  s.title("It carries fragments of UDP, and none of TCP or ICMP");
  assert.equal(
    s.send({ from: worker.ip, to: "198.51.100.1", protocol: "udp", port: 53, data: 1472, fragment: true })
      .verdict,
    "internet",
  );
  assert.equal(
    s.send({ from: worker.ip, to: "198.51.100.1", protocol: "ping", fragment: true }).reason,
    "nat_fragment",
  );
  assert.equal(
    s.send({ from: worker.ip, to: "198.51.100.1", data: 1456, fragment: true }).reason,
    "nat_fragment",
  );

  s.title("It carries nothing but TCP, UDP and ICMP, and answers nobody itself");
  assert.equal(
    s.raw({ source: worker.ip, destination: "198.51.100.1" }, 47, Buffer.alloc(8)).reason,
    "nat_protocol",
  );
  assert.equal(
    s.raw({ source: worker.ip, destination: "198.51.100.1" }, 132, Buffer.alloc(12)).reason,
    "nat_protocol",
  );
  assert.equal(
    s.send({ from: worker.ip, to: present(inside, "its address"), protocol: "ping" }).reason,
    "nat_no_connection",
  );

  s.title("Its ports are 1024 and above, and 55,000 for each destination");
  const ports = new Set<number>();
  for (let port = 20_000; port < 20_050; port++)
    ports.add(
      s.send({ from: worker.ip, to: "198.51.100.1", sourcePort: port }).trace?.packet.sourcePort ?? 0,
    );
  assert.equal(ports.size, 50, "another for each connection");
  assert.ok([...ports].every((port) => port >= 1024 && port < 1024 + 55_000));

  s.title("A whole subnet of the VPC behind it");
  s.ec2("CreateSubnet", { VpcId: s.id("vpc"), CidrBlock: "10.0.2.0/24" }, "database subnet");
  const database = s.launch("database", { SubnetId: s.id("database subnet") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("private table"),
    DestinationCidrBlock: "10.0.2.0/24",
    NatGatewayId: s.id("nat"),
  });
  s.ec2("AuthorizeSecurityGroupIngress", {
    GroupId: present(s.region.reader().get("network-interface", database.eni), "its interface").groupIds[0],
    IpPermissions: [
      { IpProtocol: "tcp", FromPort: 5432, ToPort: 5432, IpRanges: [{ CidrIp: `${inside}/32` }] },
    ],
  });
  const query = s.send({ from: worker.ip, to: database.ip, port: 5432 });
  assert.deepEqual([query.verdict, query.trace?.packet.source], ["deliver", inside]);
  assert.equal(s.answer().trace?.packet.destination, worker.ip);
  s.end();
});

test("a NAT gateway that has no way out", { skip: noKernel }, () => {
  const { s } = made("nat-gateway-lost");
  const worker = s.launch("worker", { SubnetId: s.id("private subnet") });
  const out = (): string => s.send({ from: worker.ip, to: "198.51.100.1", protocol: "udp", port: 53 }).reason;
  s.title("The public subnet's route is taken away");
  s.ec2("DeleteRoute", { RouteTableId: s.id("public table"), DestinationCidrBlock: "0.0.0.0/0" });
  assert.equal(out(), "no_route");
  s.title("It leads back to the NAT gateway");
  s.ec2("CreateRoute", {
    RouteTableId: s.id("public table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("nat"),
  });
  assert.equal(out(), "route_loop");
  s.title("A private NAT gateway has no way to the internet");
  s.ec2("ReplaceRoute", {
    RouteTableId: s.id("public table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  s.ec2("CreateNatGateway", { SubnetId: s.id("public subnet"), ConnectivityType: "private" }, "inner nat");
  s.ec2("ReplaceRoute", {
    RouteTableId: s.id("private table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("inner nat"),
  });
  assert.equal(out(), "nat_private");
  s.title("The NAT gateway is deleted");
  s.ec2("ReplaceRoute", {
    RouteTableId: s.id("private table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("nat"),
  });
  assert.equal(out(), "none");
  s.ec2("DeleteNatGateway", { NatGatewayId: s.id("nat") });
  assert.equal(out(), "blackhole");
  s.end();
});
