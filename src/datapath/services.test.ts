import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flaws, frame, icmp, ipv6Frame, read, tcp, TCP, udp } from "./test-frame.ts";
import { arrived, holds, ipv6Bench, OWN, sent } from "./test-ipv6.ts";
import { A, B, bench, eni, macOf, noKernel, OTHER, rules, settings, interfaceFlags } from "./test-kit.ts";

const METADATA = "169.254.169.254";
const DNS = "169.254.169.253";
const TIME = "169.254.169.123";
const SERVICES = { to: "02:00:00:00:03:01", from: "02:00:00:00:03:02" };

function http(destination: string, source = "10.0.1.5", port = 80): Buffer {
  const ends = { source, destination };
  return frame({ ...ends, protocol: 6, payload: tcp(ends, 1000, port, TCP.syn) });
}
function query(destination: string): Buffer {
  const ends = { source: "10.0.1.5", destination };
  return frame({ ...ends, payload: udp(ends, 1000, 53) });
}

describe("the metadata and DNS services", { skip: noKernel }, () => {
  it("see an address for each interface, past groups and ACLs", () => {
    const { fromEni, put } = bench();
    put(...rules("security_group_out", 1, []), ...rules("network_acl_out", 1, []));
    const run = fromEni(A, http(METADATA));
    assert.deepEqual([run.verdict, run.target], ["service", 3]);
    const ends = { source: "240.0.0.16", destination: METADATA };
    const expected = frame({
      ...ends,
      to: SERVICES.from,
      from: SERVICES.to,
      protocol: 6,
      payload: tcp(ends, 1000, 80, TCP.syn),
    });
    assert.equal(run.frame.toString("hex"), expected.toString("hex"));
    assert.equal(read(fromEni(A, query(DNS)).frame).source, "240.0.0.16");
    const atVpc = read(fromEni(A, query("10.0.0.2")).frame);
    assert.deepEqual([atVpc.source, atVpc.destination], ["242.0.0.16", DNS]);
  });

  it("answer from the address that was asked, with the metadata's hop limit", () => {
    const { fromServices, put } = bench();
    put(...eni(A, { private_ip: "10.0.1.5", subnet: 1, groups: [1], hop_limit: 2 }));
    const metadata = { source: METADATA, destination: "240.0.0.16" };
    const answer = fromServices(
      frame({ ...metadata, ...SERVICES, protocol: 6, payload: tcp(metadata, 80, 1000, TCP.ack, "x") }),
    );
    const seen = read(answer.frame);
    assert.deepEqual(
      [answer.verdict, answer.target, seen.source, seen.destination, seen.ttl, seen.to],
      ["deliver", A, METADATA, "10.0.1.5", 2, macOf(A)],
    );
    assert.deepEqual(flaws(answer.frame), []);
    const dns = { source: DNS, destination: "242.0.0.16" };
    const fromVpc = fromServices(frame({ ...dns, ...SERVICES, payload: udp(dns, 53, 1000) }));
    assert.deepEqual(
      [read(fromVpc.frame).source, read(fromVpc.frame).ttl, flaws(fromVpc.frame)],
      ["10.0.0.2", 64, []],
    );
  });

  it("can be switched off, each by its own flag", () => {
    const { fromEni, put } = bench();
    put(
      {
        table: "vpcs",
        key: 1,
        value: { internet_gateway: 8, flags: 0, gateway_route_table: 0, dns: "10.0.0.2" },
      },
      ...eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "up", "source_dest_check"),
      }),
    );
    assert.equal(fromEni(A, http(METADATA)).reason, "metadata_disabled");
    assert.equal(fromEni(A, query(DNS)).reason, "dns_disabled");
    assert.equal(fromEni(A, query("10.0.0.2")).reason, "dns_disabled");
  });

  it("offer nothing else, and nothing to others", () => {
    const { fromEni, fromServices, put } = bench();
    assert.equal(fromEni(A, http(METADATA, "10.0.1.5", 443)).reason, "no_such_service");
    assert.equal(fromEni(A, http("10.0.0.2")).reason, "no_such_service");
    assert.equal(
      fromEni(A, frame({ source: "10.0.1.5", destination: METADATA, protocol: 1, payload: icmp(8, 0, 1) }))
        .reason,
      "no_such_service",
    );
    assert.equal(fromEni(A, http("169.254.1.1")).reason, "link_local");
    put(
      ...eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "up", "source_dest_check", "secondary_addresses", "metadata"),
      }),
      {
        table: "addresses",
        key: { vpc: 1, address: "10.0.1.50" },
        value: { interface: A, public_ip: "0.0.0.0" },
      },
    );
    assert.equal(fromEni(A, http(METADATA, "10.0.1.50")).reason, "no_such_service");
    const back = (source: string, destination: string) => {
      const ends = { source, destination };
      return fromServices(frame({ ...ends, ...SERVICES, payload: udp(ends, 53, 1000) })).reason;
    };
    assert.equal(back(DNS, "240.0.0.60"), "unknown_interface");
    assert.equal(back(DNS, "244.0.0.16"), "no_such_service");
    assert.equal(back(DNS, "240.16.0.16"), "no_such_service");
    assert.equal(back(TIME, "242.0.0.16"), "no_such_service");
    assert.equal(back(DNS, "10.0.1.5"), "no_such_service");
    assert.equal(back("10.0.1.6", "240.0.0.16"), "no_such_service");
    assert.equal(back(METADATA, "242.0.0.16"), "no_such_service");
  });

  it("answer an interface's first 31 addresses, each at itself", () => {
    const { fromEni, fromServices, put } = bench();
    const own = ["10.0.1.5", ...Array.from({ length: 31 }, (_, index) => `10.0.1.${50 + index}`)];
    put(
      ...eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "up", "source_dest_check", "secondary_addresses", "metadata"),
      }),
      ...own.map((address) => ({
        table: "addresses" as const,
        key: { vpc: 1, address },
        value: { interface: A, public_ip: "0.0.0.0" },
      })),
      {
        table: "asking_addresses",
        key: { interface: A, ipv6: 0 },
        value: { addresses: Array.from({ length: 32 }, (_, index) => own.slice(0, 31)[index] ?? "::") },
      },
    );
    const aliases = own.slice(0, 31).map((address) => read(fromEni(A, http(METADATA, address)).frame).source);
    assert.deepEqual(
      aliases,
      own.slice(0, 31).map((_, index) => `${240 + (index >> 4)}.${(index & 15) << 4}.0.16`),
    );
    assert.equal(fromEni(A, http(METADATA, "10.0.1.80")).reason, "no_such_service");
    const back = aliases.map((destination) => {
      const ends = { source: METADATA, destination };
      return read(
        fromServices(frame({ ...ends, ...SERVICES, protocol: 6, payload: tcp(ends, 80, 1000, TCP.ack) }))
          .frame,
      ).destination;
    });
    assert.deepEqual(back, own.slice(0, 31));
    const atVpc = { source: "10.0.1.51", destination: "10.0.0.2" };
    const asked = read(fromEni(A, frame({ ...atVpc, payload: udp(atVpc, 1000, 53) })).frame);
    assert.deepEqual([asked.source, asked.destination], ["242.32.0.16", DNS]);
    const answer = { source: DNS, destination: "242.32.0.16" };
    const came = fromServices(frame({ ...answer, ...SERVICES, payload: udp(answer, 53, 1000) })).frame;
    assert.deepEqual([read(came).source, read(came).destination, flaws(came)], ["10.0.0.2", "10.0.1.51", []]);
  });

  it("tell the time to everybody, whatever is switched off", () => {
    const { fromEni, fromServices, put } = bench();
    put(
      {
        table: "vpcs",
        key: 1,
        value: { internet_gateway: 0, flags: 0, gateway_route_table: 0, dns: "10.0.0.2" },
      },
      ...eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "up", "source_dest_check"),
      }),
      ...rules("security_group_out", 1, []),
      ...rules("network_acl_out", 1, []),
    );
    const ask = (port: number) => {
      const ends = { source: "10.0.1.5", destination: TIME };
      return fromEni(A, frame({ ...ends, payload: udp(ends, 1000, port) }));
    };
    assert.deepEqual(
      [ask(123).verdict, read(ask(123).frame).source, ask(124).reason],
      ["service", "240.0.0.16", "no_such_service"],
    );
    assert.equal(fromEni(A, http(TIME, "10.0.1.5", 123)).reason, "no_such_service");
    const ends = { source: TIME, destination: "240.0.0.16" };
    const answer = fromServices(frame({ ...ends, ...SERVICES, payload: udp(ends, 123, 1000) }));
    assert.deepEqual(
      [read(answer.frame).source, read(answer.frame).destination, read(answer.frame).ttl],
      [TIME, "10.0.1.5", 64],
    );
  });

  it("take so many packets of an interface in a second, without a loss for other interfaces", () => {
    const { fromEni, put, clock } = bench();
    put(settings({ link_local_allowance: 3 }));
    const asked = () => fromEni(A, query(DNS)).reason;
    assert.deepEqual([asked(), fromEni(A, http(METADATA)).reason, asked()], ["none", "none", "none"]);
    assert.deepEqual(
      [asked(), fromEni(A, http(METADATA)).reason],
      ["link_local_allowance", "link_local_allowance"],
    );
    const other = { source: "10.0.1.6", destination: METADATA };
    assert.equal(
      fromEni(B, frame({ ...other, from: macOf(B), protocol: 6, payload: tcp(other, 1, 80, TCP.syn) }))
        .verdict,
      "service",
    );
    clock(1);
    assert.equal(asked(), "none");
    // A large segment counts as the packets it contains, whatever size the sender gives for them.
    const ends = { source: "10.0.1.5", destination: METADATA };
    const large = frame({ ...ends, protocol: 6, payload: tcp(ends, 1, 80, TCP.ack, "x".repeat(3_000)) });
    assert.equal(fromEni(A, large, { gsoSize: 1_400 }).verdict, "service");
    assert.equal(asked(), "link_local_allowance");
  });

  it("answer over IPv6 as well, the first 31 addresses too, and tell the time", () => {
    const b = ipv6Bench();
    const own = [OWN, "2001:db8:1:1::7", "2001:db8:1:1::8"];
    b.put(
      ...eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "up", "source_dest_check", "metadata", "metadata_ipv6"),
        ipv6: OWN,
      }),
      ...own.map((address) => holds(A, address)),
      {
        table: "asking_addresses",
        key: { interface: A, ipv6: 1 },
        value: { addresses: Array.from({ length: 32 }, (_, index) => own.slice(0, 2)[index] ?? "::") },
      },
    );
    const ask = (source: string, destination: string, port: number) => {
      const ends = { source, destination };
      return b.fromEni(A, sent({ ...ends, payload: udp(ends, 1000, port) }));
    };
    const to = { to: SERVICES.from, from: SERVICES.to };
    for (const [service, port] of [
      ["fd00:ec2::253", 53],
      ["fd00:ec2::123", 123],
    ] as const)
      for (const [index, source] of own.slice(0, 2).entries()) {
        const alias = { source: index === 0 ? "fd00:6b67::10" : "fd00:6b67::1:0:10", destination: service };
        const run = ask(source, service, port);
        assert.deepEqual(
          [run.verdict, run.frame],
          ["service", ipv6Frame({ ...alias, ...to, payload: udp(alias, 1000, port) })],
        );
        const ends = { source: service, destination: alias.source };
        const back = { source: service, destination: source };
        const answer = b.fromServices(ipv6Frame({ ...ends, ...SERVICES, payload: udp(ends, port, 1000) }));
        assert.deepEqual(
          [answer.verdict, answer.frame],
          ["deliver", arrived({ ...back, payload: udp(back, port, 1000) })],
        );
      }
    assert.equal(ask(own[2] ?? "", "fd00:ec2::123", 123).reason, "no_such_service");
    assert.equal(ask(OWN, "fd00:ec2::123", 124).reason, "no_such_service");
    const stranger = { source: "fd00:ec2::123", destination: "fd00:6b67::2:0:10" };
    assert.equal(
      b.fromServices(ipv6Frame({ ...stranger, ...SERVICES, payload: udp(stranger, 123, 1000) })).reason,
      "no_such_service",
    );
  });

  it("tell interfaces with the same address apart", () => {
    const { fromEni } = bench();
    const ends = { source: "10.0.1.5", destination: METADATA };
    const run = fromEni(
      OTHER,
      frame({ ...ends, from: macOf(OTHER), protocol: 6, payload: tcp(ends, 1, 80, TCP.syn) }),
    );
    assert.equal(read(run.frame).source, "240.0.0.20");
  });
});
