import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flaws, frame, icmp, read, tcp, TCP, udp } from "./test-frame.ts";
import { A, bench, eni, macOf, noKernel, OTHER, rules } from "./test-kit.ts";

const METADATA = "169.254.169.254";
const DNS = "169.254.169.253";
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
    const ends = { source: "100.64.0.16", destination: METADATA };
    const expected = frame({ ...ends, to: SERVICES.from, from: SERVICES.to, protocol: 6, payload: tcp(ends, 1000, 80, TCP.syn) });
    assert.equal(run.frame.toString("hex"), expected.toString("hex"));
    assert.equal(read(fromEni(A, query(DNS)).frame).source, "100.64.0.16");
    const atVpc = read(fromEni(A, query("10.0.0.2")).frame);
    assert.deepEqual([atVpc.source, atVpc.destination], ["100.96.0.16", DNS]);
  });

  it("answer from the address that was asked, with the metadata's hop limit", () => {
    const { fromServices, put } = bench();
    put(...eni(A, { private_ip: "10.0.1.5", subnet: 1, groups: [1], hop_limit: 2 }));
    const metadata = { source: METADATA, destination: "100.64.0.16" };
    const answer = fromServices(frame({ ...metadata, ...SERVICES, protocol: 6, payload: tcp(metadata, 80, 1000, TCP.ack, "x") }));
    const seen = read(answer.frame);
    assert.deepEqual(
      [answer.verdict, answer.target, seen.source, seen.destination, seen.ttl, seen.to],
      ["deliver", A, METADATA, "10.0.1.5", 2, macOf(A)],
    );
    assert.deepEqual(flaws(answer.frame), []);
    const dns = { source: DNS, destination: "100.96.0.16" };
    const fromVpc = fromServices(frame({ ...dns, ...SERVICES, payload: udp(dns, 53, 1000) }));
    assert.deepEqual([read(fromVpc.frame).source, read(fromVpc.frame).ttl, flaws(fromVpc.frame)], ["10.0.0.2", 64, []]);
  });

  it("can be switched off, each by its own flag", () => {
    const { fromEni, put } = bench();
    put(
      { table: "vpcs", key: 1, value: { internet_gateway: 8, flags: 0, gateway_route_table: 0, dns: "10.0.0.2" } },
      ...eni(A, { private_ip: "10.0.1.5", subnet: 1, groups: [1], flags: 7 }),
    );
    assert.equal(fromEni(A, http(METADATA)).reason, "metadata_disabled");
    assert.equal(fromEni(A, query(DNS)).reason, "dns_disabled");
    assert.equal(fromEni(A, query("10.0.0.2")).reason, "dns_disabled");
  });

  it("offer nothing else, to nobody else", () => {
    const { fromEni, fromServices, put } = bench();
    assert.equal(fromEni(A, http(METADATA, "10.0.1.5", 443)).reason, "no_such_service");
    assert.equal(fromEni(A, http("10.0.0.2")).reason, "no_such_service");
    assert.equal(
      fromEni(A, frame({ source: "10.0.1.5", destination: METADATA, protocol: 1, payload: icmp(8, 0, 1) })).reason,
      "no_such_service",
    );
    assert.equal(fromEni(A, http("169.254.1.1")).reason, "link_local");
    put(...eni(A, { private_ip: "10.0.1.5", subnet: 1, groups: [1], flags: 31 }), {
      table: "addresses",
      key: { vpc: 1, address: "10.0.1.50" },
      value: { interface: A, public_ip: "0.0.0.0" },
    });
    assert.equal(fromEni(A, http(METADATA, "10.0.1.50")).reason, "no_such_service");
    const back = (source: string, destination: string) => {
      const ends = { source, destination };
      return fromServices(frame({ ...ends, ...SERVICES, payload: udp(ends, 53, 1000) })).reason;
    };
    assert.equal(back(DNS, "100.64.0.60"), "unknown_interface");
    assert.equal(back(DNS, "10.0.1.5"), "no_such_service");
    assert.equal(back("10.0.1.6", "100.64.0.16"), "no_such_service");
    assert.equal(back(METADATA, "100.96.0.16"), "no_such_service");
  });

  it("tell interfaces with the same address apart", () => {
    const { fromEni } = bench();
    const ends = { source: "10.0.1.5", destination: METADATA };
    const run = fromEni(OTHER, frame({ ...ends, from: macOf(OTHER), protocol: 6, payload: tcp(ends, 1, 80, TCP.syn) }));
    assert.equal(read(run.frame).source, "100.64.0.20");
  });
});
