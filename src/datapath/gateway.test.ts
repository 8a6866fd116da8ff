import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROUTE_TARGET, VPC_FLAGS } from "../contract/tables.ts";
import { frame, read, udp } from "./test-frame.ts";
import {
  A,
  allow,
  B,
  bench,
  C,
  D,
  eni,
  INTERNET,
  macOf,
  noKernel,
  route,
  rules,
  settings,
  interfaceFlags,
} from "./test-kit.ts";

function from(slot: number, source: string, destination: string, port = 80): Buffer {
  const ends = { source, destination };
  return frame({ ...ends, from: macOf(slot), payload: udp(ends, 1000, port) });
}
function inbound(source: string, destination: string): Buffer {
  const ends = { source, destination };
  return frame({ ...ends, to: "02:00:00:00:02:01", from: "02:00:00:00:02:02", payload: udp(ends, 1000, 80) });
}
const open = rules("security_group_in", 1, [allow()]);

describe("the three conditions", { skip: noKernel }, () => {
  it("names the one that is missing, outwards", () => {
    const { fromEni, put, remove } = bench();
    const send = () => fromEni(A, from(A, "10.0.1.5", INTERNET)).reason;
    assert.equal(send(), "none");
    put({
      table: "vpcs",
      key: 1,
      value: { internet_gateway: 0, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
    });
    assert.equal(send(), "no_internet_gateway");
    put({
      table: "vpcs",
      key: 1,
      value: { internet_gateway: 9, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
    });
    assert.equal(send(), "no_internet_gateway");
    put({
      table: "vpcs",
      key: 1,
      value: { internet_gateway: 8, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
    });
    remove(route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 }));
    assert.equal(send(), "no_route");
    put(route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.blackhole, slot: 0 }));
    assert.equal(send(), "blackhole");
    put(
      route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 }),
      ...eni(A, { private_ip: "10.0.1.5", subnet: 1, groups: [1] }),
    );
    assert.equal(send(), "no_public_ip");
  });

  it("names the one that is missing, inwards; the route is not asked", () => {
    const { fromInternet, put, remove } = bench();
    put(...open);
    const send = () => fromInternet(inbound(INTERNET, "203.0.113.5"));
    remove(route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 }));
    assert.deepEqual([send().verdict, send().target], ["deliver", A]);
    put({
      table: "vpcs",
      key: 1,
      value: { internet_gateway: 0, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
    });
    assert.deepEqual([send().reason, send().target], ["no_internet_gateway", A]);
    remove({ table: "public_addresses", key: 5, value: { interface: A, private_ip: "10.0.1.5" } });
    assert.deepEqual([send().reason, send().target], ["public_ip_not_mapped", 0]);
  });

  it("reports group, ACL, route, gateway and public address in that order", () => {
    const { fromEni, put } = bench();
    put(
      ...rules("security_group_out", 2, []),
      ...rules("network_acl_out", 1, []),
      route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.blackhole, slot: 0 }),
      {
        table: "vpcs",
        key: 1,
        value: { internet_gateway: 0, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
      },
    );
    const send = () => fromEni(B, from(B, "10.0.1.6", INTERNET)).reason;
    assert.equal(send(), "security_group_out");
    put(...rules("security_group_out", 2, [allow()]));
    assert.equal(send(), "network_acl_out");
    put(...rules("network_acl_out", 1, [allow()]));
    assert.equal(send(), "blackhole");
    put(route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 }));
    assert.equal(send(), "no_internet_gateway");
    put({
      table: "vpcs",
      key: 1,
      value: { internet_gateway: 8, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
    });
    assert.equal(send(), "no_public_ip");
  });
});

describe("what the internet cannot carry", { skip: noKernel }, () => {
  for (const [destination, reason] of [
    ["172.31.0.1", "private_destination"],
    ["192.168.1.1", "private_destination"],
    ["10.9.0.1", "private_destination"],
    ["240.0.0.1", "private_destination"],
    ["100.64.0.1", "shared_destination"],
    ["203.0.113.99", "public_ip_not_mapped"],
  ] as const) {
    it(`to ${destination}: ${reason}`, () =>
      assert.equal(bench().fromEni(A, from(A, "10.0.1.5", destination)).reason, reason));
  }
  for (const [source, reason] of [
    ["10.1.1.1", "private_source"],
    ["169.254.1.1", "private_source"],
    ["100.127.255.255", "shared_source"],
    ["203.0.113.7", "own_source"],
  ] as const) {
    it(`from ${source}: ${reason}`, () =>
      assert.equal(bench().fromInternet(inbound(source, "203.0.113.5")).reason, reason));
  }
  it("drops packets that are not for the pools", () =>
    assert.equal(bench().fromInternet(inbound(INTERNET, "192.0.2.7")).reason, "not_for_us"));
  it("lets a pool declare a private range", () => {
    const { fromEni, put } = bench();
    const none = { base: "0.0.0.0", mask: "0.0.0.0", first: 0, size: 0 };
    const pools = [
      { base: "203.0.113.0", mask: "255.255.255.0", first: 0, size: 256 },
      { base: "192.168.5.0", mask: "255.255.255.0", first: 256, size: 256 },
      ...Array.from({ length: 6 }, () => none),
    ];
    put(settings({ pool_count: 2, pools }), {
      table: "public_addresses",
      key: 256 + 9,
      value: { interface: C, private_ip: "10.0.2.7" },
    });
    put(...rules("security_group_in", 2, [allow()]));
    const run = fromEni(A, from(A, "10.0.1.5", "192.168.5.9"));
    assert.deepEqual([run.verdict, run.target, read(run.frame).destination], ["deliver", C, "10.0.2.7"]);
  });
});

describe("inside the VPC", { skip: noKernel }, () => {
  it("delivers within the subnet without ACLs, and does not change the TTL", () => {
    const { fromEni, put } = bench();
    put(
      ...rules("security_group_in", 2, [allow()]),
      ...rules("network_acl_out", 1, []),
      ...rules("network_acl_in", 1, []),
    );
    const run = fromEni(A, from(A, "10.0.1.5", "10.0.1.6"));
    assert.deepEqual([run.verdict, run.target], ["deliver", B]);
    const { to, from: sender, ttl } = read(run.frame);
    assert.deepEqual([to, sender, ttl], [macOf(B), "02:67:6b:00:00:01", 64]);
  });
  it("meets both ACLs between subnets: source private outwards, destination private inwards", () => {
    const { fromEni, put } = bench();
    put(...rules("security_group_in", 2, [allow()]));
    const send = () => fromEni(A, from(A, "10.0.1.5", "10.0.2.7"));
    assert.deepEqual([send().verdict, send().target], ["deliver", C]);
    put(...rules("network_acl_in", 2, [allow({ peer: "10.0.1.5", peer_length: 128, action: 0 }), allow()]));
    assert.deepEqual([send().reason, send().target], ["network_acl_in", C]);
    put(...rules("network_acl_out", 1, [allow({ peer: "10.0.2.0", peer_length: 120, action: 0 }), allow()]));
    assert.deepEqual([send().reason, send().target], ["network_acl_out", A]);
  });
  it("drops packets for an address that nobody has, and for an interface that is down", () => {
    const { fromEni, put } = bench();
    assert.equal(fromEni(A, from(A, "10.0.1.5", "10.0.1.200")).reason, "no_such_private_address");
    assert.equal(fromEni(A, from(A, "10.0.1.5", "10.0.9.9")).reason, "no_such_private_address");
    put(
      ...rules("security_group_in", 2, [allow()]),
      ...eni(B, {
        private_ip: "10.0.1.6",
        subnet: 1,
        groups: [2],
        flags: interfaceFlags("present", "source_dest_check"),
      }),
    );
    assert.deepEqual(
      [
        fromEni(A, from(A, "10.0.1.5", "10.0.1.6")).reason,
        fromEni(A, from(A, "10.0.1.5", "10.0.1.6")).target,
      ],
      ["destination_down", B],
    );
  });
  it("takes the longest prefix, to a blackhole or an appliance", () => {
    const { fromEni, put } = bench();
    assert.equal(fromEni(A, from(A, "10.0.1.5", "192.0.2.1")).reason, "blackhole");
    put(...open);
    const run = fromEni(A, from(A, "10.0.1.5", "198.18.5.5"));
    assert.deepEqual([run.verdict, run.target, read(run.frame).destination], ["deliver", D, "198.18.5.5"]);
    assert.equal(fromEni(D, from(D, "10.0.2.8", "198.18.5.5")).reason, "route_loop");
    put(...eni(D, { private_ip: "10.0.2.8", subnet: 2, groups: [1] }));
    assert.equal(fromEni(A, from(A, "10.0.1.5", "198.18.5.6")).reason, "destination_check");
  });
});
