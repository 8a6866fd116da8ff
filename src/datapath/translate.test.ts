import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flaws, frame, icmp, packet, read, tcp, TCP, udp } from "./test-frame.ts";
import { A, allow, B, bench, C, INTERNET, macOf, noKernel, OTHER, rules } from "./test-kit.ts";

const OUT = { source: "10.0.1.5", destination: INTERNET };
const IN = { source: INTERNET, destination: "203.0.113.5" };

describe("one-to-one NAT", { skip: noKernel }, () => {
  it("gives the source its public address on the way out, and nothing else changes but checksums and MACs", () => {
    const { fromEni } = bench();
    const sent = frame({ ...OUT, ttl: 9, payload: udp(OUT, 40000, 53) });
    const run = fromEni(A, sent);
    assert.deepEqual([run.verdict, run.reason, run.action], ["internet", "none", 7]);
    const expected = frame({
      ...IN,
      source: "203.0.113.5",
      destination: INTERNET,
      ttl: 9,
      to: "02:00:00:00:02:02",
      from: "02:00:00:00:02:01",
      payload: udp({ source: "203.0.113.5", destination: INTERNET }, 40000, 53),
    });
    assert.equal(run.frame.toString("hex"), expected.toString("hex"));
  });

  it("gives the destination its private address on the way in", () => {
    const { fromInternet, put } = bench();
    put(...rules("security_group_in", 1, [allow()]));
    const run = fromInternet(frame({ ...IN, protocol: 6, payload: tcp(IN, 443, 80, TCP.syn) }));
    assert.deepEqual([run.verdict, run.target], ["deliver", A]);
    const ends = { source: INTERNET, destination: "10.0.1.5" };
    assert.equal(
      run.frame.toString("hex"),
      frame({
        ...ends,
        to: macOf(A),
        from: "02:67:6b:00:00:01",
        protocol: 6,
        payload: tcp(ends, 443, 80, TCP.syn),
      }).toString("hex"),
    );
  });

  it("keeps a UDP checksum of zero, and never makes one", () => {
    const { fromEni } = bench();
    const payload = udp(OUT, 40000, 53);
    payload.writeUInt16BE(0, 6);
    assert.equal(fromEni(A, frame({ ...OUT, payload })).frame.readUInt16BE(14 + 20 + 6), 0);
    // Data chosen so that the translated checksum would come out as 0x0000: it must be sent as 0xffff.
    const after = { source: "203.0.113.5", destination: INTERNET };
    const base = udp(after, 40000, 53, Buffer.from([0, 0])).readUInt16BE(6);
    const data = Buffer.from([base >> 8, base & 255]);
    assert.equal(udp(after, 40000, 53, data).readUInt16BE(6), 0xffff);
    assert.equal(
      fromEni(A, frame({ ...OUT, payload: udp(OUT, 40000, 53, data) })).frame.readUInt16BE(14 + 20 + 6),
      0xffff,
    );
  });

  it("tells overlapping VPCs apart by the link", () => {
    const { fromEni } = bench();
    const run = fromEni(OTHER, frame({ ...OUT, from: macOf(OTHER), payload: udp(OUT, 1, 2) }));
    assert.equal(read(run.frame).source, "203.0.113.20");
  });

  it("reaches another public address of the VPC from the public address, without group identity", () => {
    const { fromEni, put } = bench();
    const ends = { source: "10.0.1.5", destination: "203.0.113.7" };
    const sent = frame({ ...ends, payload: udp(ends, 1, 2) });
    put(...rules("security_group_in", 2, [allow({ group: 2 })]));
    assert.equal(fromEni(A, sent).reason, "security_group_in");
    put(...rules("security_group_in", 2, [allow({ peer: "203.0.113.5", peer_length: 128 })]));
    const run = fromEni(A, sent);
    assert.deepEqual([run.verdict, run.target], ["deliver", C]);
    const { source, destination } = read(run.frame);
    assert.deepEqual([source, destination, flaws(run.frame)], ["203.0.113.5", "10.0.2.7", []]);
  });

  it("refuses a hairpin without a public address of one's own", () => {
    const { fromEni } = bench();
    const ends = { source: "10.0.1.6", destination: "203.0.113.7" };
    assert.equal(
      fromEni(B, frame({ ...ends, from: macOf(B), payload: udp(ends, 1, 2) })).reason,
      "no_public_ip",
    );
  });
});

describe("ICMP errors through NAT", { skip: noKernel }, () => {
  for (const [name, protocol, inner] of [
    ["UDP", 17, (e: typeof IN) => udp(e, 443, 40000, "data")],
    ["TCP", 6, (e: typeof IN) => tcp(e, 443, 40000, TCP.ack, "data")],
    ["ICMP", 1, () => icmp(8, 0, 0x00070001, "data")],
  ] as const) {
    it(`translates the ${name} packet inside, outwards and inwards`, () => {
      const { fromEni, fromInternet, put } = bench();
      put(...rules("security_group_in", 1, [allow()]));
      // The instance answers what it received: inside is internet -> private address.
      const received = { source: INTERNET, destination: "10.0.1.5" };
      const error = frame({
        ...OUT,
        protocol: 1,
        payload: icmp(3, 3, 0, packet({ ...received, protocol, payload: inner(received) })),
      });
      const out = fromEni(A, error);
      assert.equal(out.verdict, "internet");
      assert.equal(
        read(out.frame).payload.toString("hex"),
        icmp(3, 3, 0, packet({ ...IN, protocol, payload: inner(IN) })).toString("hex"),
      );
      // A router answers what the instance sent: inside is public address -> internet.
      const sentPublic = { source: "203.0.113.5", destination: INTERNET };
      const back = fromInternet(
        frame({
          ...IN,
          source: "192.0.2.1",
          protocol: 1,
          payload: icmp(11, 0, 0, packet({ ...sentPublic, protocol, payload: inner(sentPublic) })),
        }),
      );
      assert.deepEqual([back.verdict, flaws(back.frame)], ["deliver", []]);
      assert.equal(
        read(back.frame).payload.toString("hex"),
        icmp(11, 0, 0, packet({ ...OUT, protocol, payload: inner(OUT) })).toString("hex"),
      );
    });
  }

  it("copes with as little of the packet inside as RFC 792 asks for, and with none", () => {
    const { fromInternet, put } = bench();
    put(...rules("security_group_in", 1, [allow()]));
    const sent = { source: "203.0.113.5", destination: INTERNET };
    const whole = packet({ ...sent, protocol: 6, payload: tcp(sent, 40000, 443, TCP.syn) });
    const short = fromInternet(frame({ ...IN, protocol: 1, payload: icmp(11, 0, 0, whole.subarray(0, 28)) }));
    assert.equal(
      read(short.frame).payload.subarray(8).toString("hex"),
      packet({ ...OUT, protocol: 6, payload: tcp(OUT, 40000, 443, TCP.syn) })
        .subarray(0, 28)
        .toString("hex"),
    );
    assert.deepEqual(flaws(short.frame), []);
    const none = fromInternet(frame({ ...IN, protocol: 1, payload: icmp(11, 0, 0) }));
    assert.deepEqual([none.verdict, flaws(none.frame)], ["deliver", []]);
  });
});
