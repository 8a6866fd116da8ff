import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { frame, icmp, tcp, TCP, udp } from "./test-frame.ts";
import { A, allow, type Bench, bench, INTERNET, noKernel, rules } from "./test-kit.ts";

const PUBLIC = "203.0.113.5";
const PRIVATE = "10.0.1.5";
const OUT = { source: PRIVATE, destination: INTERNET };

function outUdp(b: Bench, port: number): string {
  return b.fromEni(A, frame({ ...OUT, payload: udp(OUT, port, 53) })).reason;
}
function outTcp(b: Bench, flags: number, port: number): string {
  return b.fromEni(A, frame({ ...OUT, protocol: 6, payload: tcp(OUT, port, 443, flags) })).reason;
}
function outIcmp(b: Bench, message: Buffer): string {
  return b.fromEni(A, frame({ ...OUT, protocol: 1, payload: message })).reason;
}

describe("flows for everybody both ways", { skip: noKernel }, () => {
  const ssh = allow({ protocol: 6, port_from: 443, port_to: 443 });
  const outOpen = rules("security_group_out", 1, [allow()], 1);
  const remembered = (b: Bench) =>
    b.datapath.connections(A).filter(({ expires }) => expires > b.now()).length;
  const serverIn = (b: Bench, flags: number) => {
    const ends = { source: INTERNET, destination: PUBLIC };
    return b.fromInternet(frame({ ...ends, protocol: 6, payload: tcp(ends, 40000, 443, flags) })).reason;
  };
  const serverOut = (b: Bench, flags: number) => {
    const ends = { source: PRIVATE, destination: INTERNET };
    return b.fromEni(A, frame({ ...ends, protocol: 6, payload: tcp(ends, 443, 40000, flags) })).reason;
  };

  it("are not remembered, and end with their rule", () => {
    const b = bench();
    b.put(...outOpen, ...rules("security_group_in", 1, [ssh], 1));
    assert.equal(serverIn(b, TCP.syn), "none");
    assert.equal(serverOut(b, TCP.syn | TCP.ack), "none");
    assert.equal(serverIn(b, TCP.ack), "none");
    assert.equal(remembered(b), 0);
    b.put(...rules("security_group_in", 1, []));
    assert.equal(serverIn(b, TCP.ack), "security_group_in");
  });

  it("end with their rule both ways, whoever sends next", () => {
    const b = bench();
    b.put(...outOpen, ...rules("security_group_in", 1, [ssh], 1));
    serverIn(b, TCP.syn);
    serverOut(b, TCP.syn | TCP.ack);
    assert.equal(serverIn(b, TCP.ack), "none");
    b.put(...rules("security_group_in", 1, []));
    for (const flags of [TCP.ack, TCP.syn | TCP.ack, TCP.fin | TCP.ack, TCP.rst]) {
      // The outbound rule lets it pass, but no connection is remembered that would let an answer in.
      assert.equal(serverOut(b, flags), "none");
      assert.equal(remembered(b), 0);
      assert.equal(serverIn(b, TCP.ack), "security_group_in");
    }
    assert.equal(serverOut(b, TCP.syn), "none");
    assert.equal(serverIn(b, TCP.syn | TCP.ack), "none");
  });

  it("pass both ways untracked when only their middle is seen, and are tracked once they are opened anew", () => {
    const b = bench();
    b.put(...outOpen, ...rules("security_group_in", 1, [ssh], 0));
    for (let i = 0; i < 2; i++)
      assert.deepEqual([serverIn(b, TCP.ack), serverOut(b, TCP.ack)], ["none", "none"]);
    assert.equal(remembered(b), 0);
    for (const flags of [TCP.syn, TCP.ack]) assert.equal(serverIn(b, flags), "none");
    assert.equal(serverOut(b, TCP.syn | TCP.ack), "none");
    b.put(...rules("security_group_in", 1, []), ...rules("security_group_out", 1, []));
    b.at(430_000);
    assert.deepEqual([serverIn(b, TCP.ack), serverOut(b, TCP.ack)], ["none", "none"]);
  });

  it("are remembered when the rule is not for everybody, and then outlive it", () => {
    const b = bench();
    b.put(...outOpen, ...rules("security_group_in", 1, [ssh], 0));
    assert.equal(serverIn(b, TCP.syn), "none");
    assert.equal(remembered(b), 1);
    b.put(...rules("security_group_in", 1, []));
    assert.equal(serverIn(b, TCP.ack), "none");
  });

  it("are remembered when no direction is open for all ports, and when nobody may start them the other way", () => {
    const b = bench();
    b.put(...rules("security_group_out", 1, [ssh], 1), ...rules("security_group_in", 1, [ssh], 1));
    assert.equal(serverIn(b, TCP.syn), "none");
    assert.equal(remembered(b), 1);
    b.put(...outOpen);
    assert.equal(outTcp(b, TCP.syn, 50000), "none");
    assert.equal(remembered(b), 2);
  });

  it("are remembered when they are pings", () => {
    const b = bench();
    b.put(...outOpen, ...rules("security_group_in", 1, [allow()], 1));
    assert.equal(outIcmp(b, icmp(8, 0, 0x00050001)), "none");
    assert.equal(outUdp(b, 5000), "none");
    assert.equal(remembered(b), 1);
  });
});
