import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Entry } from "../contract/tables.ts";
import { type Datapath, openDatapath } from "./loader.ts";
import { frame, icmp, packet, tcp, TCP, udp } from "./test-frame.ts";
import {
  A,
  allow,
  B,
  type Bench,
  bench,
  bpffs,
  C,
  eni,
  INTERNET,
  macOf,
  noKernel,
  OBJECT,
  region,
  rules,
  settings,
  interfaceFlags,
} from "./test-kit.ts";
import { testRun } from "./test-run.ts";

const PUBLIC = "203.0.113.5";
const PRIVATE = "10.0.1.5";

function settingsTime(rows: readonly Entry[]): bigint {
  return rows.find((row) => row.table === "settings")?.value.now ?? 0n;
}
function outUdp(b: Bench, port: number, remotePort = 53): string {
  const ends = { source: PRIVATE, destination: INTERNET };
  return b.fromEni(A, frame({ ...ends, payload: udp(ends, port, remotePort) })).reason;
}
function inUdp(b: Bench, port: number, remotePort = 53): string {
  const ends = { source: INTERNET, destination: PUBLIC };
  return b.fromInternet(frame({ ...ends, payload: udp(ends, remotePort, port) })).reason;
}
function outTcp(b: Bench, flags: number, port = 40000): string {
  const ends = { source: PRIVATE, destination: INTERNET };
  return b.fromEni(A, frame({ ...ends, protocol: 6, payload: tcp(ends, port, 443, flags) })).reason;
}
function inTcp(b: Bench, flags: number, port = 40000): string {
  const ends = { source: INTERNET, destination: PUBLIC };
  return b.fromInternet(frame({ ...ends, protocol: 6, payload: tcp(ends, 443, port, flags) })).reason;
}
function outIcmp(b: Bench, message: Buffer): string {
  return b.fromEni(A, frame({ source: PRIVATE, destination: INTERNET, protocol: 1, payload: message }))
    .reason;
}
function inIcmp(b: Bench, message: Buffer): string {
  return b.fromInternet(frame({ source: INTERNET, destination: PUBLIC, protocol: 1, payload: message }))
    .reason;
}

describe("security groups remember", { skip: noKernel }, () => {
  it("answers to what went out, and only those", () => {
    const b = bench();
    assert.equal(inUdp(b, 1000), "security_group_in");
    assert.equal(outUdp(b, 1000), "none");
    assert.equal(inUdp(b, 1000), "none");
    assert.equal(inUdp(b, 1001), "security_group_in");
    assert.equal(inUdp(b, 1000, 54), "security_group_in");
  });

  it("answers to what came in, also after the rule is gone", () => {
    const b = bench();
    b.put(
      ...rules("security_group_out", 1, []),
      ...rules("security_group_in", 1, [allow({ protocol: 17, port_from: 7, port_to: 7 })]),
    );
    assert.equal(outUdp(b, 7), "security_group_out");
    assert.equal(inUdp(b, 7), "none");
    assert.equal(outUdp(b, 7), "none");
    b.put(...rules("security_group_in", 1, []));
    assert.equal(outUdp(b, 7), "none");
    assert.equal(inUdp(b, 7, 99), "security_group_in");
  });

  it("UDP for 30 seconds one way, and after one question and its answer", () => {
    const b = bench();
    for (const port of [2000, 2001, 2002]) outUdp(b, port);
    for (const port of [2001, 2002]) assert.equal(inUdp(b, port), "none");
    b.at(29.9);
    assert.deepEqual([inUdp(b, 2000), inUdp(b, 2001)], ["none", "none"]);
    b.at(30.1);
    assert.equal(inUdp(b, 2002), "security_group_in");
  });

  it("UDP for 180 seconds once a second question has its answer, whoever began and however often each spoke", () => {
    const b = bench();
    b.put(...rules("security_group_in", 1, [allow({ protocol: 17, port_from: 7, port_to: 7 })]));
    for (let exchange = 0; exchange < 2; exchange++) {
      for (let i = 0; i < 3; i++) assert.equal(outUdp(b, 2000), "none");
      for (let i = 0; i < 3; i++) assert.equal(inUdp(b, 2000), "none");
      assert.deepEqual([inUdp(b, 7), outUdp(b, 7)], ["none", "none"]);
    }
    assert.deepEqual([outUdp(b, 2001), inUdp(b, 2001), outUdp(b, 2001)], ["none", "none", "none"]);
    b.put(...rules("security_group_in", 1, []), ...rules("security_group_out", 1, []));
    b.at(30.1);
    assert.equal(inUdp(b, 2001), "security_group_in");
    b.at(179.9);
    assert.deepEqual([inUdp(b, 2000), outUdp(b, 7)], ["none", "none"]);
    b.at(179.9 + 180.1);
    assert.deepEqual([inUdp(b, 2000), outUdp(b, 7)], ["security_group_in", "security_group_out"]);
  });

  it("other protocols for 600 seconds, a ping for 30", () => {
    const b = bench();
    const gre = (source: string, destination: string) =>
      frame({ source, destination, protocol: 47, payload: Buffer.alloc(24) });
    assert.equal(b.fromEni(A, gre(PRIVATE, INTERNET)).reason, "none");
    assert.equal(outIcmp(b, icmp(8, 0, 0x00050001)), "none");
    b.at(30.1);
    assert.equal(inIcmp(b, icmp(0, 0, 0x00050001)), "security_group_in");
    b.at(599.9);
    assert.equal(b.fromInternet(gre(INTERNET, PUBLIC)).reason, "none");
    b.at(599.9 + 600.1);
    assert.equal(b.fromInternet(gre(INTERNET, PUBLIC)).reason, "security_group_in");
  });

  it("what the interface's own idle timeouts say, from the next packet on", () => {
    const b = bench();
    const own = { private_ip: PRIVATE, public_ip: PUBLIC, subnet: 1, groups: [1] };
    const times = (tcp_established: number, udp: number, udp_stream: number) => {
      const value = { tcp_established, udp, udp_stream };
      b.put(
        { table: "idle_timeouts", key: { interface: A }, value },
        ...eni(A, {
          ...own,
          flags: interfaceFlags("present", "up", "source_dest_check", "metadata", "idle_timeouts"),
        }),
      );
    };
    times(60, 60, 70);
    outUdp(b, 2000);
    for (let exchange = 0; exchange < 2; exchange++) for (const way of [outUdp, inUdp]) way(b, 2001);
    for (const port of [40000, 40001])
      for (const way of [outTcp, inTcp]) way(b, way === outTcp ? TCP.syn : TCP.syn | TCP.ack, port);
    b.at(59.9);
    assert.deepEqual([inUdp(b, 2000), inTcp(b, TCP.ack)], ["none", "none"]);
    b.at(60.1);
    assert.equal(inTcp(b, TCP.ack, 40001), "security_group_in");
    b.at(69.9);
    assert.equal(inUdp(b, 2001), "none");
    times(120, 30, 60);
    assert.equal(inTcp(b, TCP.ack), "none");
    assert.equal(inUdp(b, 2001), "none");
    b.at(69 + 60.1);
    assert.deepEqual([inUdp(b, 2001), inTcp(b, TCP.ack)], ["security_group_in", "none"]);
  });

  it("established TCP for five days, half-open for a minute, closed for seconds", () => {
    const b = bench();
    outTcp(b, TCP.syn);
    outTcp(b, TCP.syn, 40001);
    b.at(60.1);
    assert.equal(inTcp(b, TCP.syn | TCP.ack, 40001), "security_group_in");
    outTcp(b, TCP.syn);
    assert.equal(inTcp(b, TCP.syn | TCP.ack), "none");
    b.at(60 + 431_999);
    assert.equal(inTcp(b, TCP.ack), "none");
    inTcp(b, TCP.fin | TCP.ack);
    outTcp(b, TCP.fin | TCP.ack);
    b.at(60 + 431_999 + 9);
    assert.equal(inTcp(b, TCP.ack), "none");
    b.at(60 + 431_999 + 9 + 11);
    assert.equal(inTcp(b, TCP.ack), "security_group_in");
  });

  it("a closed connection only until its next SYN, which the rules decide", () => {
    const b = bench();
    outTcp(b, TCP.syn);
    inTcp(b, TCP.rst | TCP.ack);
    assert.equal(inTcp(b, TCP.ack), "none");
    assert.equal(inTcp(b, TCP.syn), "security_group_in");
    b.put(...rules("security_group_out", 1, []));
    assert.equal(outTcp(b, TCP.syn), "security_group_out");
  });

  it("a ping's answer, not a ping the other way", () => {
    const b = bench();
    assert.equal(inIcmp(b, icmp(0, 0, 0x00050001)), "security_group_in");
    assert.equal(outIcmp(b, icmp(8, 0, 0x00050001)), "none");
    assert.equal(inIcmp(b, icmp(0, 0, 0x00050001)), "none");
    assert.equal(inIcmp(b, icmp(0, 0, 0x00060001)), "security_group_in");
    assert.equal(inIcmp(b, icmp(8, 0, 0x00050001)), "security_group_in");
  });

  it("ICMP errors about a known exchange, both ways, through the translation", () => {
    const b = bench();
    const sent = { source: PUBLIC, destination: INTERNET };
    const about = (port: number) =>
      icmp(3, 3, 0, packet({ ...sent, payload: udp(sent, port, 53) }).subarray(0, 28));
    assert.equal(inIcmp(b, about(3000)), "security_group_in");
    outUdp(b, 3000);
    assert.equal(inIcmp(b, about(3000)), "none");
    assert.equal(inIcmp(b, about(3001)), "security_group_in");
    const received = { source: INTERNET, destination: PRIVATE };
    const answer = (port: number) => icmp(3, 3, 0, packet({ ...received, payload: udp(received, 53, port) }));
    b.put(...rules("security_group_out", 1, []));
    assert.equal(outIcmp(b, answer(3000)), "none");
    assert.equal(outIcmp(b, answer(3001)), "security_group_out");
  });

  it("no ICMP error that goes elsewhere than to whom it is about", () => {
    const b = bench();
    b.put(
      ...rules("security_group_out", 1, []),
      ...rules("security_group_in", 1, [allow({ protocol: 17, port_from: 7, port_to: 7 })]),
    );
    assert.equal(inUdp(b, 7), "none");
    const came = { source: INTERNET, destination: PRIVATE };
    const about = icmp(3, 3, 0, packet({ ...came, payload: udp(came, 53, 7) }).subarray(0, 28));
    assert.equal(outIcmp(b, about), "none");
    const elsewhere = frame({ source: PRIVATE, destination: "198.51.100.99", protocol: 1, payload: about });
    assert.equal(b.fromEni(A, elsewhere).reason, "security_group_out");
  });

  it("nothing of a former interface in the same slot", () => {
    const b = bench();
    outUdp(b, 4000);
    b.at(0.5);
    b.remove(...eni(A, { private_ip: PRIVATE, public_ip: PUBLIC, subnet: 1, groups: [1] }));
    b.at(1);
    b.put(...eni(A, { private_ip: PRIVATE, public_ip: PUBLIC, subnet: 1, groups: [1] }));
    assert.equal(inUdp(b, 4000), "security_group_in");
  });

  it("nothing of a former interface in the same slot even if its removal was never written", () => {
    const another = eni(A, {
      private_ip: PRIVATE,
      public_ip: PUBLIC,
      subnet: 1,
      groups: [1],
      mac: "02:00:00:00:99:99",
    });
    const ways: readonly ((b: Bench) => void)[] = [
      (b) => b.put(...another),
      (b) =>
        b.datapath.reconcile([
          ...region().filter(({ table, key }) => table !== "interfaces" || key !== A),
          ...another.slice(0, 1),
        ]),
    ];
    for (const write of ways) {
      const b = bench();
      assert.equal(outUdp(b, 4000), "none");
      b.at(1);
      b.put(...eni(A, { private_ip: PRIVATE, public_ip: PUBLIC, subnet: 1, groups: [2] }));
      assert.equal(inUdp(b, 4000), "none");
      write(b);
      assert.equal(inUdp(b, 4000), "security_group_in");
    }
  });

  it("connections when a start makes the tables longer, and count them", () => {
    const pins = bpffs();
    const open = (interfaces: number) =>
      openDatapath({
        pins,
        netns: "/proc/thread-self/ns/net",
        object: OBJECT,
        sizes: { interfaces, flows: 64 },
        clock: () => clock,
      });
    const rows = region();
    const clock = settingsTime(rows);
    const ends = { source: PRIVATE, destination: INTERNET };
    const back = { source: INTERNET, destination: PUBLIC };
    const out = (datapath: Datapath, port: number) =>
      testRun(datapath.programs.from_eni, frame({ ...ends, payload: udp(ends, port, 53) }), { link: A })
        .reason;
    const first = open(64);
    first.reconcile(rows);
    for (let port = 1; port <= 8; port++) assert.equal(out(first, port), "none");
    assert.equal(out(first, 9), "connections_full");
    first.close();
    const second = open(128);
    assert.equal(second.fresh, true);
    second.reconcile(rows);
    assert.equal(
      testRun(second.programs.from_uplink, frame({ ...back, payload: udp(back, 53, 8) }), { link: 2 }).reason,
      "none",
    );
    for (let pass = 0; pass < 2; pass++) assert.equal(second.sweep(), 0);
    assert.equal(second.connectionCount(), 8);
    assert.equal(out(second, 9), "connections_full");
    second.close();
  });
});

describe("the limit of connections", { skip: noKernel }, () => {
  it("is a share of the table when all together have nearly filled it", () => {
    const b = bench();
    b.put(settings({ connections_crowded: 4, connection_share: 2 }));
    const other = { source: "10.0.2.7", destination: INTERNET };
    const outOther = (port: number) =>
      b.fromEni(C, frame({ ...other, from: macOf(C), payload: udp(other, port, 1) })).reason;
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((port) => outUdp(b, 5000 + port)),
      ["none", "none", "none", "none", "connections_full"],
    );
    assert.deepEqual([1, 2, 3].map(outOther), ["none", "none", "connections_full"]);
    b.datapath.sweep(b.now() + 36_000_000_000n);
    assert.deepEqual([outUdp(b, 5006), outOther(4)], ["none", "none"]);
  });

  it("is each interface's own, named when reached, and free again after a sweep", () => {
    const b = bench();
    b.put(settings({ connection_limit: 3 }));
    assert.deepEqual(
      [1, 2, 3, 4].map((port) => outUdp(b, 5000 + port)),
      ["none", "none", "none", "connections_full"],
    );
    assert.equal(outUdp(b, 5001), "none");
    const other = { source: "10.0.2.7", destination: INTERNET };
    assert.equal(
      b.fromEni(C, frame({ ...other, from: macOf(C), payload: udp(other, 1, 1) })).verdict,
      "internet",
    );
    assert.equal(b.datapath.connections(A).length, 3);
    assert.equal(b.datapath.sweep(b.now() + 36_000_000_000n), 4);
    assert.equal(b.datapath.connections(A).length, 0);
    assert.equal(outUdp(b, 5004), "none");
  });

  it("counts what is alive, however often it is swept", () => {
    const b = bench();
    b.put(settings({ connection_limit: 2 }));
    assert.equal(outUdp(b, 6001), "none");
    for (let i = 0; i < 3; i++) assert.equal(b.datapath.sweep(b.now()), 0);
    assert.equal(outUdp(b, 6002), "none");
    assert.equal(outUdp(b, 6003), "connections_full");
  });
});

describe("rules", { skip: noKernel }, () => {
  const inside = (b: Bench, port = 80) => {
    const ends = { source: PRIVATE, destination: "10.0.1.6" };
    return b.fromEni(
      A,
      frame({ ...ends, payload: udp(ends, 1000 + Math.trunc(Math.random() * 50_000), port) }),
    ).reason;
  };
  it("match protocol, ports, ICMP type and code, and block", () => {
    const b = bench();
    b.put(settings({ connection_limit: 100_000 }));
    const cases: readonly [rule: Parameters<typeof allow>[0], passes: boolean][] = [
      [{ protocol: 17, port_from: 80, port_to: 80 }, true],
      [{ protocol: 17, port_from: 0, port_to: 79 }, false],
      [{ protocol: 17, port_from: 79, port_to: 81 }, true],
      [{ protocol: 6, port_from: 80, port_to: 80 }, false],
      [{ peer: "10.0.1.5", peer_length: 128 }, true],
      [{ peer: "10.0.1.4", peer_length: 128 }, false],
      [{ peer: "10.0.1.4", peer_length: 127 }, true],
      [{ peer: "10.0.0.0", peer_length: 104 }, true],
      [{ peer: "11.0.0.0", peer_length: 104 }, false],
      [{ peer: "0.0.0.0", peer_length: 96 }, true],
      [{ peer: "2001:db8::", peer_length: 32 }, false],
      [{ peer: "::", peer_length: 64 }, false],
      [{ peer: "::", peer_length: 0 }, false],
      [{ group: 2 }, true],
      [{ group: 3 }, false],
      [{ group: 2, protocol: 6 }, false],
    ];
    for (const [rule, passes] of cases) {
      b.put(...rules("security_group_in", 2, [allow(rule)]));
      assert.equal(inside(b), passes ? "none" : "security_group_in", JSON.stringify(rule));
    }
    const ping = (type: number, code: number) =>
      b.fromEni(
        A,
        frame({
          source: PRIVATE,
          destination: "10.0.1.6",
          protocol: 1,
          payload: icmp(type, code, Math.trunc(Math.random() * 2 ** 31)),
        }),
      ).reason;
    b.put(...rules("security_group_in", 2, [allow({ protocol: 1, port_from: 8, port_to: 0xffff })]));
    assert.deepEqual([ping(8, 0), ping(13, 0)], ["none", "security_group_in"]);
    b.put(...rules("security_group_in", 2, [allow({ protocol: 1, port_from: 3, port_to: 4 })]));
    assert.deepEqual(
      [ping(3, 4), ping(3, 3), ping(8, 0)],
      ["none", "security_group_in", "security_group_in"],
    );
  });

  it("take the first that matches, over many chunks, and the last group's too", () => {
    const b = bench();
    const miss = allow({ protocol: 6 });
    const many = Array.from({ length: 4095 }, () => miss);
    b.put(settings({ connection_limit: 100_000 }), ...rules("security_group_in", 2, [...many, allow()]));
    assert.equal(inside(b), "none");
    b.put(...rules("security_group_in", 2, many));
    assert.equal(inside(b), "security_group_in");
    b.put(
      ...eni(B, { private_ip: "10.0.1.6", subnet: 1, groups: [2, 5, 6, 7] }),
      ...rules("security_group_in", 7, [allow()]),
    );
    assert.equal(inside(b), "none");
  });

  it("fail closed when a chunk is not there", () => {
    const b = bench();
    const list = rules(
      "security_group_in",
      2,
      Array.from({ length: 9 }, () => allow({ protocol: 6 })),
    );
    b.put(...list.filter((entry) => entry.table !== "rule_chunks" || entry.key.chunk !== 1));
    assert.equal(inside(b), "tables_incomplete");
    b.put({ table: "rule_lists", key: { kind: 1, owner: 2 }, value: { version: 12345n, count: 1, open: 0 } });
    assert.equal(inside(b), "tables_incomplete");
  });

  it("name groups only of those who send from their own private address", () => {
    const b = bench();
    b.put(...rules("security_group_in", 2, [allow({ group: 2 })]));
    assert.equal(inside(b), "none");
    b.put(...eni(A, { private_ip: PRIVATE, subnet: 1, groups: [1], flags: interfaceFlags("present", "up") }));
    const ends = { source: "10.0.1.77", destination: "10.0.1.6" };
    assert.equal(b.fromEni(A, frame({ ...ends, payload: udp(ends, 1, 2) })).reason, "security_group_in");
  });

  it("of ACLs are stateless and in order; none is a deny", () => {
    const b = bench();
    b.put(
      ...rules("network_acl_in", 1, [
        allow({ number: 1, action: 0, protocol: 17, port_from: 1024, port_to: 2000 }),
        allow({ number: 2 }),
      ]),
    );
    assert.equal(outUdp(b, 1500), "none");
    assert.equal(inUdp(b, 1500), "network_acl_in");
    assert.equal(outUdp(b, 3500), "none");
    assert.equal(inUdp(b, 3500), "none");
    b.put(...rules("network_acl_in", 1, []));
    assert.equal(inUdp(b, 3500), "network_acl_in");
  });
});
