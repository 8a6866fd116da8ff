import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { arp, frame, macs, mac, ROUTER, tcp, TCP, udp } from "./test-frame.ts";
import { A, B, bench, C, D, eni, INTERNET, macOf, noKernel, settings, interfaceFlags } from "./test-kit.ts";

const OUT = { source: "10.0.1.5", destination: INTERNET };
const good = frame({ ...OUT, payload: udp(OUT, 40000, 53) });

/** The good frame with some bytes changed and its header checksum set right again. */
function broken(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(good);
  change(bytes);
  bytes.writeUInt16BE(0, 24);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes.writeUInt16BE(~sum & 0xffff, 24);
  return bytes;
}

const routed = (options: readonly number[]): Buffer =>
  frame({ ...OUT, options: Buffer.from(options), payload: udp(OUT, 40000, 53) });

describe("parse", { skip: noKernel }, () => {
  const cases: readonly [name: string, reason: string, frame: () => Buffer][] = [
    ["IP version 5", "malformed", () => broken((b) => (b[14] = 0x55))],
    ["a header of 16 bytes", "malformed", () => broken((b) => (b[14] = 0x44))],
    ["a total length over the frame's", "malformed", () => broken((b) => b.writeUInt16BE(200, 16))],
    ["a total length under the header's", "malformed", () => broken((b) => b.writeUInt16BE(19, 16))],
    ["a wrong header checksum", "malformed", () => Buffer.from(good).fill(0xab, 24, 25)],
    ["a UDP header cut short", "malformed", () => frame({ ...OUT, payload: Buffer.alloc(7) })],
    [
      "a TCP header cut short",
      "malformed",
      () => frame({ ...OUT, protocol: 6, payload: tcp(OUT, 1, 2, TCP.syn).subarray(0, 16) }),
    ],
    [
      "a fragment over the TCP header's end",
      "malformed",
      () => frame({ ...OUT, protocol: 6, fragment: 1, payload: Buffer.alloc(40) }),
    ],
    [
      "a UDP-Lite header cut short",
      "malformed",
      () => frame({ ...OUT, protocol: 136, payload: Buffer.alloc(7) }),
    ],
    [
      "a fragment over the longest packet",
      "malformed",
      () => frame({ ...OUT, fragment: 0x1fff, payload: Buffer.alloc(40) }),
    ],
    [
      "a fragment over the longest packet by its header",
      "malformed",
      () => frame({ ...OUT, fragment: 0x1ffd, payload: Buffer.alloc(36) }),
    ],
    ["a TTL of 0", "malformed", () => frame({ ...OUT, ttl: 0, payload: udp(OUT, 1, 2) })],
    ["a loose source route", "malformed", () => routed([1, 131, 7, 4, 10, 0, 1, 6])],
    ["a strict source route", "malformed", () => routed([137, 7, 4, 10, 0, 1, 6, 0])],
    ["an option that is cut short", "malformed", () => routed([7, 9, 4, 0, 0, 0, 0, 0])],
    ["an option without a length", "malformed", () => routed([1, 1, 1, 7])],
    ["source 127.0.0.1", "malformed", () => frame({ ...OUT, source: "127.0.0.1", payload: udp(OUT, 1, 2) })],
    [
      "a multicast source",
      "malformed",
      () => frame({ ...OUT, source: "224.0.0.1", payload: udp(OUT, 1, 2) }),
    ],
    [
      "destination 0.0.0.0",
      "malformed",
      () => frame({ ...OUT, destination: "0.0.0.0", payload: udp(OUT, 1, 2) }),
    ],
    [
      "IPv6 without a header",
      "malformed",
      () => Buffer.concat([macs(ROUTER, macOf(A), 0x86dd), Buffer.alloc(40)]),
    ],
    ["another EtherType", "not_ip", () => Buffer.concat([macs(ROUTER, macOf(A), 0x88cc), Buffer.alloc(46)])],
  ];
  for (const [name, reason, build] of cases) {
    it(`drops ${name}: ${reason}`, () => {
      const run = bench().fromEni(A, build());
      assert.deepEqual([run.verdict, run.reason, run.action], ["drop", reason, 2]);
    });
  }

  it("cuts off what follows the packet, but for Ethernet's padding, on the fast path too", () => {
    const b = bench();
    const packet = frame({ ...OUT, payload: udp(OUT, 41000, 53, "x".repeat(40)) });
    for (let i = 0; i < 3; i++) {
      const run = b.fromEni(A, Buffer.concat([packet, Buffer.alloc(2000, 0x61)]));
      assert.deepEqual([run.verdict, run.frame.length], ["internet", packet.length]);
    }
    // A frame that a device is to cut into segments has none: its length would not be its packet's.
    const large = frame({ ...OUT, protocol: 6, payload: tcp(OUT, 41002, 53, TCP.syn, "x".repeat(2_000)) });
    for (let i = 0; i < 3; i++) {
      assert.equal(b.fromEni(A, large, { gsoSize: 1_400 }).verdict, "internet");
      assert.equal(
        b.fromEni(A, Buffer.concat([large, Buffer.alloc(1)]), { gsoSize: 1_400 }).reason,
        "malformed",
      );
    }
    const short = frame({ ...OUT, payload: udp(OUT, 41001, 53) });
    const padded = Buffer.concat([short, Buffer.alloc(60 - short.length)]);
    for (let i = 0; i < 2; i++) assert.equal(b.fromEni(A, padded).frame.length, 60);
  });

  it("passes IP options through, and NAT still fits", () => {
    const run = bench().fromEni(
      A,
      frame({ ...OUT, options: Buffer.from([7, 7, 4, 0, 0, 0, 0, 0]), payload: udp(OUT, 40000, 53) }),
    );
    const after = { ...OUT, source: "203.0.113.5" };
    assert.equal(run.verdict, "internet");
    assert.equal(
      run.frame.subarray(14).toString("hex"),
      frame({ ...after, options: Buffer.from([7, 7, 4, 0, 0, 0, 0, 0]), payload: udp(after, 40000, 53) })
        .subarray(14)
        .toString("hex"),
    );
  });
});

describe("admit", { skip: noKernel }, () => {
  const to = (destination: string, change: { to?: string } = {}): Buffer => {
    const ends = { source: "10.0.1.5", destination };
    return frame({ ...ends, ...change, payload: udp(ends, 1, 2) });
  };
  it("knows the interface only by its link", () => {
    const { fromEni } = bench();
    assert.equal(fromEni(40, good).reason, "unknown_interface");
    assert.equal(fromEni(1000, good).reason, "unknown_interface");
    assert.equal(fromEni(B, good).reason, "spoofed_mac");
  });
  it("drops what an interface that is down sends", () => {
    const { fromEni, put } = bench();
    put(
      ...eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "source_dest_check"),
      }),
    );
    assert.equal(fromEni(A, good).reason, "interface_down");
  });
  it("drops a source that is not the interface's own, unless its check is off", () => {
    const { fromEni } = bench();
    const ends = { source: "10.0.1.99", destination: "10.0.1.6" };
    assert.equal(fromEni(A, frame({ ...ends, payload: udp(ends, 1, 2) })).reason, "spoofed_source");
    assert.equal(
      fromEni(D, frame({ ...ends, from: macOf(D), payload: udp(ends, 1, 2) })).reason,
      "security_group_in",
    );
  });
  it("admits a secondary address, and translates it to its own public address", () => {
    const { fromEni, put } = bench();
    put(
      ...eni(A, {
        private_ip: "10.0.1.5",
        public_ip: "203.0.113.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "up", "source_dest_check", "secondary_addresses"),
      }),
      {
        table: "addresses",
        key: { vpc: 1, address: "10.0.1.50" },
        value: { interface: A, public_ip: "203.0.113.50" },
      },
    );
    const ends = { source: "10.0.1.50", destination: INTERNET };
    const run = fromEni(A, frame({ ...ends, payload: udp(ends, 1, 2) }));
    assert.equal(run.frame.subarray(26, 30).toString("hex"), "cb007132");
    const stranger = { source: "10.0.1.6", destination: INTERNET };
    assert.equal(fromEni(A, frame({ ...stranger, payload: udp(stranger, 1, 2) })).reason, "spoofed_source");
  });
  it("drops multicast and broadcast, by IP and by MAC address", () => {
    const { fromEni } = bench();
    assert.equal(fromEni(A, to("224.0.0.251")).reason, "multicast");
    assert.equal(fromEni(A, to("255.255.255.255")).reason, "broadcast");
    assert.equal(fromEni(A, to("10.0.1.255")).reason, "broadcast");
    assert.equal(fromEni(A, to("10.0.1.6", { to: "ff:ff:ff:ff:ff:ff" })).reason, "broadcast");
    assert.equal(fromEni(A, to("10.0.1.6", { to: "01:00:5e:00:00:01" })).reason, "multicast");
  });
  it("drops everything while the tables have another layout", () => {
    const { fromEni, fromInternet, put } = bench();
    put(settings({ layout: 9999 }));
    assert.equal(fromEni(A, good).reason, "tables_incomplete");
    assert.equal(fromInternet(good).reason, "tables_incomplete");
  });
  it("drops packets of an interface whose subnet is not in the tables", () => {
    const { fromEni, remove } = bench();
    remove({
      table: "subnets",
      key: 1,
      value: {
        vpc: 1,
        route_table: 1,
        network_acl: 1,
        block: "10.0.1.0",
        router: "10.0.1.1",
        length: 24,
        flags: 0,
        zone: 0,
        ipv6_length: 0,
        ipv6_block: "::",
      },
    });
    assert.equal(fromEni(A, to("10.0.1.6")).reason, "tables_incomplete");
  });
  it("counts drops by interface and reason", () => {
    const { fromEni, datapath } = bench();
    const count = () =>
      datapath.drops(C).find(({ reason }) => reason === "spoofed_mac") ?? { packets: 0n, bytes: 0n };
    const before = count();
    fromEni(C, good);
    fromEni(C, good);
    assert.deepEqual(
      [count().packets - before.packets, count().bytes - before.bytes],
      [2n, BigInt(2 * good.length)],
    );
  });
});

describe("ARP", { skip: noKernel }, () => {
  const self = { mac: macOf(A), ip: "10.0.1.5" };
  it("answers for any address with the router's MAC", () => {
    const run = bench().fromEni(A, arp(1, self, { ip: "10.0.1.77" }));
    assert.deepEqual([run.verdict, run.target, run.action], ["arp", A, 7]);
    const answer = arp(2, { mac: ROUTER, ip: "10.0.1.77" }, { mac: macOf(A), ip: "10.0.1.5" });
    answer.set(mac(macOf(A)), 0);
    assert.equal(run.frame.toString("hex"), answer.toString("hex"));
  });
  it("does not answer for the sender's own address, announcements and answers", () => {
    const { fromEni } = bench();
    for (const frame of [
      arp(1, { mac: macOf(A), ip: "0.0.0.0" }, { ip: "10.0.1.5" }),
      arp(1, self, { ip: "10.0.1.5" }),
      arp(2, self, { mac: ROUTER, ip: "10.0.1.1" }),
    ]) {
      assert.equal(fromEni(A, frame).verdict, "absorb");
    }
  });
  it("drops what is spoofed", () => {
    const { fromEni } = bench();
    assert.equal(
      fromEni(A, arp(1, { mac: macOf(B), ip: "10.0.1.5" }, { ip: "10.0.1.1" })).reason,
      "spoofed_mac",
    );
    assert.equal(
      fromEni(A, arp(1, { mac: macOf(B), ip: "10.0.1.5" }, { ip: "10.0.1.1" }, macOf(A))).reason,
      "spoofed_mac",
    );
    assert.equal(
      fromEni(A, arp(1, { mac: macOf(A), ip: "10.0.1.6" }, { ip: "10.0.1.1" })).reason,
      "spoofed_source",
    );
  });
  it("answers for the pools on the internet's side, and for the aliases on the services'", () => {
    const { fromInternet, fromServices } = bench();
    const asker = { mac: "02:00:00:00:02:02", ip: INTERNET };
    assert.equal(
      fromInternet(arp(1, asker, { ip: "203.0.113.9" }))
        .frame.subarray(6, 12)
        .toString("hex"),
      "020000000201",
    );
    assert.equal(fromInternet(arp(1, asker, { ip: "198.51.100.7" })).verdict, "absorb");
    const service = { mac: "02:00:00:00:03:02", ip: "169.254.169.254" };
    assert.equal(
      fromServices(arp(1, service, { ip: "240.0.0.16" }))
        .frame.subarray(6, 12)
        .toString("hex"),
      "020000000301",
    );
  });
});
