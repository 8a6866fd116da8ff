import assert from "node:assert/strict";
import { test } from "node:test";
import { icmp } from "../../src/datapath/test-frame.ts";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { nat64Address } from "../../src/lib/nat64.ts";
import { folded, wordSum } from "../reference/bytes.ts";
import { type Story, story } from "./story.ts";

const HOST = "198.51.100.1";
const SYNTHETIC = nat64Address(HOST);

/** A public subnet with a NAT gateway in it, and an IPv6-only one whose table sends 64:ff9b::/96 there. */
function made(name: string): {
  readonly s: Story;
  readonly worker: ReturnType<Story["launch"]>;
  readonly address: string;
} {
  const s = story(name);
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }, "vpc");
  const vpc = present(s.region.reader().get("vpc", s.id("vpc")), "the VPC");
  s.name(vpc.mainRouteTable.routeTableId, "public table");
  s.name(vpc.defaultSecurityGroupId, "group");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: vpc.id, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("public table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.0.0/24" }, "public subnet");
  s.ec2("AllocateAddress", {}, "address");
  s.ec2("CreateNatGateway", { SubnetId: s.id("public subnet"), AllocationId: s.id("address") }, "nat");
  const block = present(vpc.ipv6CidrBlocks?.[0], "the VPC's IPv6 block").ipv6CidrBlock.replace("/56", "/64");
  s.ec2("CreateSubnet", { VpcId: vpc.id, Ipv6Native: true, Ipv6CidrBlock: block }, "inner subnet");
  s.ec2("CreateRouteTable", { VpcId: vpc.id }, "inner table");
  s.ec2("AssociateRouteTable", { RouteTableId: s.id("inner table"), SubnetId: s.id("inner subnet") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("inner table"),
    DestinationIpv6CidrBlock: "64:ff9b::/96",
    NatGatewayId: s.id("nat"),
  });
  const worker = s.launch("worker", {
    SubnetId: s.id("inner subnet"),
    InstanceType: "t3.micro",
    Ipv6AddressCount: 1,
  });
  return {
    s,
    worker,
    address: present(s.region.reader().get("address", s.id("address")), "the address").publicIp,
  };
}

const typeOf = (frame: Uint8Array | undefined): number =>
  (present(frame, "a frame")[12] ?? 0) * 256 + (frame?.[13] ?? 0);

/** Whether the transport's checksum of an IPv4 or IPv6 frame without options is right. */
function isSummed(frame: Uint8Array): boolean {
  const ipv6 = typeOf(frame) === 0x86dd;
  const [protocol, start, ends] = ipv6 ? [frame[20] ?? 0, 54, 32] : [frame[23] ?? 0, 34, 8];
  const end = ipv6
    ? 54 + (frame[18] ?? 0) * 256 + (frame[19] ?? 0)
    : 14 + (frame[16] ?? 0) * 256 + (frame[17] ?? 0);
  const pseudo = protocol === 1 ? 0 : wordSum(frame, start - ends, ends) + protocol + end - start;
  return folded(pseudo + wordSum(frame, start, end - start)) === 0xffff;
}

test("NAT64: only IPv6 inside, IPv4 outside", { skip: noKernel }, () => {
  const { s, worker, address } = made("nat64");
  const out = (said: Partial<Parameters<Story["send"]>[0]> = {}) =>
    s.send({ from: worker.ipv6, to: SYNTHETIC, ...said });

  s.title("TCP, UDP and ping go out as the NAT gateway's address, and their answers come back");
  for (const protocol of ["tcp", "udp", "ping"] as const) {
    const sent = out({ protocol });
    assert.deepEqual(
      [sent.verdict, typeOf(sent.frame), sent.trace?.packet.source],
      ["internet", 0x0800, address],
    );
    assert.equal(sent.frame?.[22], 63, "a hop");
    const back = s.answer();
    assert.deepEqual(
      [back.verdict, typeOf(back.frame), back.trace?.packet.source],
      ["deliver", 0x86dd, SYNTHETIC],
    );
    assert.equal(back.trace?.packet.destination, worker.ipv6);
    assert.equal(back.frame?.[21], 63, "a hop");
    for (const { frame } of [sent, back])
      assert.ok(isSummed(present(frame, "a frame")), `${protocol}'s checksum`);
  }
  assert.equal(out({ protocol: "udp", data: 1460 }).verdict, "internet", "what is 1500 bytes as IPv4 fits");
  const long = out({ protocol: "udp", data: 1480 });
  assert.deepEqual(
    [long.verdict, long.reason, long.frame?.[54], ...(long.frame?.subarray(58, 62) ?? [])],
    ["error", "too_big", 2, 0, 0, 1520 >> 8, 1520 & 255],
  );

  s.title("Nobody comes in, by IPv4 or IPv6");
  assert.equal(s.send({ from: HOST, to: address, port: 22 }).reason, "nat_no_connection");

  s.title("An ICMP error about what went out comes back in IPv6's words, its MTU for IPv6's headers");
  const sent = present(out({ protocol: "udp", sourcePort: 5_000, port: 53, data: 1400 }).frame, "the packet");
  const quoted = sent.subarray(14, 14 + 28);
  const needed = s.raw({ source: "198.51.100.9", destination: address }, 1, icmp(3, 4, 1400, quoted));
  const told = present(needed.frame, "the error");
  assert.deepEqual(
    [needed.verdict, told[20], told[54], told[55], ...told.subarray(58, 62)],
    ["deliver", 58, 2, 0, 0, 0, 1420 >> 8, 1420 & 255],
  );
  assert.ok(isSummed(told), "its checksum");
  assert.equal(needed.trace?.packet.source, nat64Address("198.51.100.9"));
  const { about } = present(needed.trace, "its way").packet;
  assert.deepEqual([about?.source, about?.destination, about?.sourcePort], [worker.ipv6, SYNTHETIC, 5_000]);
  assert.equal(
    s.raw({ source: "198.51.100.9", destination: address }, 1, icmp(12, 0, 0, quoted)).reason,
    "nat_protocol",
  );

  s.title("UDP without a checksum gets one on the way in, unless it is in pieces");
  const asked = present(out({ protocol: "udp", sourcePort: 5_001, port: 53 }).trace, "its way").packet;
  const answer = Buffer.from([
    0,
    53,
    (asked.sourcePort ?? 0) >> 8,
    (asked.sourcePort ?? 0) & 255,
    0,
    12,
    0,
    0,
    1,
    2,
    3,
    4,
  ]);
  const summed = s.raw({ source: HOST, destination: address }, 17, answer);
  assert.deepEqual([summed.verdict, isSummed(present(summed.frame, "the answer"))], ["deliver", true]);

  s.title("It is a hop, and its limits are those of IPv4");
  const last = out({ protocol: "udp", port: 33_434, ttl: 1 });
  const expired = present(last.frame, "the ICMP error");
  assert.deepEqual(
    [last.verdict, last.reason, expired[54], expired[55], isSummed(expired)],
    ["error", "nat_ttl", 3, 0, true],
  );
  for (const nowhere of ["0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
    assert.equal(
      s.send({ from: worker.ipv6, to: nat64Address(nowhere) }).reason,
      "nat64_destination",
      nowhere,
    );
  assert.equal(
    s.send({ from: worker.ipv6, to: nat64Address("169.254.169.254") }).reason,
    "private_destination",
  );

  s.title("After 350 idle seconds");
  out({ sourcePort: 50_000 });
  s.answer();
  s.wait(351);
  const reset = out({ sourcePort: 50_000, flags: "ack" });
  assert.deepEqual(
    [reset.verdict, reset.reason, (reset.frame?.[67] ?? 0) & 4, isSummed(present(reset.frame, "the reset"))],
    ["error", "nat_connection_expired", 4, true],
  );

  s.title("Only IPv4 within the VPC");
  s.ec2("AuthorizeSecurityGroupIngress", {
    GroupId: s.id("group"),
    IpPermissions: [
      { IpProtocol: "tcp", FromPort: 5432, ToPort: 5432, IpRanges: [{ CidrIp: "10.0.0.0/24" }] },
    ],
  });
  const database = s.launch("database", { SubnetId: s.id("public subnet") });
  assert.equal(s.send({ from: worker.ipv6, to: nat64Address(database.ip), port: 5432 }).verdict, "deliver");
  assert.equal(s.answer().trace?.packet.destination, worker.ipv6);

  s.title("Without one of the NAT gateway's own conditions nothing passes");
  s.ec2("DeleteRoute", { RouteTableId: s.id("public table"), DestinationCidrBlock: "0.0.0.0/0" });
  assert.equal(out().reason, "no_route");
  s.ec2("DeleteRoute", { RouteTableId: s.id("inner table"), DestinationIpv6CidrBlock: "64:ff9b::/96" });
  assert.equal(out().reason, "no_route");
  s.end();
});
