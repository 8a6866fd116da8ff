import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { icmpv6, ipv6Frame, packet, tcp, TCP, udp } from "./test-frame.ts";
import {
  arrived,
  came,
  chain,
  everybody,
  fragment,
  IN,
  HOST,
  ipv6Bench,
  left,
  NEIGHBOUR,
  NEXT,
  open,
  options,
  OUT,
  outUdp,
  OWN,
  sent,
} from "./test-ipv6.ts";
import { A, B, type Bench, macOf, noKernel, rules } from "./test-kit.ts";
import type { TestRun } from "./test-run.ts";

/** A piece of a packet from A to the host: `offset` in units of eight bytes. */
function piece(id: number, offset: number, more: boolean, payload: Uint8Array, protocol = 17) {
  return chain([[NEXT.fragment, fragment(id, offset, more)]], protocol, payload);
}
const out = (b: Bench, ...what: Parameters<typeof piece>): TestRun =>
  b.fromEni(A, sent({ ...OUT, ...piece(...what) }));
const into = (b: Bench, ...what: Parameters<typeof piece>): TestRun =>
  b.fromInternet(came({ ...IN, ...piece(...what) }));

describe("IPv6 fragments", { skip: noKernel }, () => {
  const whole = udp(OUT, 7000, 53, Buffer.alloc(40, 1));
  const [head, tail] = [whole.subarray(0, 16), whole.subarray(16)];

  it("follow their first one byte for byte, and are dropped without it", () => {
    const b = ipv6Bench();
    assert.equal(out(b, 701, 2, false, tail).reason, "fragment_without_first");
    for (const [offset, more, payload] of [
      [0, true, head],
      [2, false, tail],
    ] as const) {
      const run = out(b, 701, offset, more, payload);
      assert.deepEqual(
        [run.verdict, run.frame.toString("hex")],
        ["internet", left({ ...OUT, ...piece(701, offset, more, payload) }).toString("hex")],
      );
    }
    assert.equal(out(b, 702, 2, false, tail).reason, "fragment_without_first");
    // The identification is all of its 32 bits.
    const other = Buffer.from(sent({ ...OUT, ...piece(701, 2, false, tail) }));
    other[14 + 40 + 4] = 1;
    assert.equal(b.fromEni(A, other).reason, "fragment_without_first");
  });

  it("take their first one's ports and protocol, whatever their own headers say", () => {
    const b = ipv6Bench();
    b.put(...rules("network_acl_out", 1, [everybody({ protocol: 17, port_from: 53, port_to: 53 })]));
    const send = (port: number, id: number, later = 17) => {
      const first = udp(OUT, 7000, port, Buffer.alloc(40));
      return [
        out(b, id, 0, true, first.subarray(0, 16)).reason,
        out(b, id, 2, false, first.subarray(16), later).reason,
      ];
    };
    assert.deepEqual(send(53, 711), ["none", "none"]);
    assert.deepEqual(send(53, 712, NEXT.destination), ["none", "none"]);
    assert.deepEqual(send(53, 713, 6), ["none", "none"]);
    assert.deepEqual(send(54, 714), ["network_acl_out", "network_acl_out"]);
  });

  it("may not overwrite TCP's flags, whatever protocol they claim", () => {
    const b = ipv6Bench();
    const segment = tcp(OUT, 7000, 443, TCP.ack, Buffer.alloc(40));
    assert.equal(out(b, 721, 0, true, segment.subarray(0, 24), 6).verdict, "internet");
    assert.equal(out(b, 721, 1, false, segment.subarray(8), 6).reason, "malformed");
    assert.equal(out(b, 721, 1, false, segment.subarray(8), NEXT.none).reason, "malformed");
    assert.equal(out(b, 721, 3, false, segment.subarray(24), 6).verdict, "internet");
    assert.equal(out(b, 722, 0, true, segment.subarray(0, 16), 6).reason, "malformed");
    // Eight bytes are enough for every other protocol.
    assert.equal(out(b, 723, 0, true, whole.subarray(0, 8)).verdict, "internet");
    assert.equal(out(b, 723, 1, false, whole.subarray(8)).verdict, "internet");
  });

  it("may not overwrite TCP's flags where an option is divided along with it", () => {
    const b = ipv6Bench();
    const segment = tcp(OUT, 7000, 443, TCP.ack, Buffer.alloc(40));
    const first = chain(
      [
        [NEXT.fragment, fragment(724, 0, true)],
        [NEXT.destination, options()],
      ],
      6,
      segment.subarray(0, 24),
    );
    assert.equal(b.fromEni(A, sent({ ...OUT, ...first })).verdict, "internet");
    const later = (offset: number) => out(b, 724, offset, false, Buffer.alloc(24), NEXT.destination);
    // The option takes eight bytes: TCP's flags are in the third eight.
    assert.deepEqual(
      [later(1).reason, later(2).reason, later(3).verdict],
      ["malformed", "malformed", "internet"],
    );
  });

  it("are dropped when they end behind the longest packet", () => {
    const b = ipv6Bench();
    out(b, 731, 0, true, head);
    assert.equal(out(b, 731, 0x1fff, false, Buffer.alloc(7)).verdict, "internet");
    assert.equal(out(b, 731, 0x1fff, false, Buffer.alloc(8)).reason, "malformed");
  });

  it("come back through the egress-only gateway when they answer", () => {
    const b = ipv6Bench("egress_only");
    const answer = udp(IN, 53, 7000, Buffer.alloc(40));
    const send = (id: number) => [
      into(b, id, 2, false, answer.subarray(16)).reason,
      into(b, id, 0, true, answer.subarray(0, 16)).reason,
      into(b, id, 2, false, answer.subarray(16)).reason,
    ];
    assert.deepEqual(send(741), ["fragment_without_first", "egress_only", "egress_only"]);
    outUdp(b, 7000);
    assert.deepEqual(send(742), ["fragment_without_first", "none", "none"]);
  });
});

describe("ICMPv6 errors", { skip: noKernel }, () => {
  const ROUTER_ON_THE_WAY = "2001:db8:eeee::1";
  const error = (quoted: Uint8Array, type = 1, destination = OWN, source = ROUTER_ON_THE_WAY) => {
    const ends = { source, destination };
    return { ...ends, protocol: 58, payload: icmpv6(ends, type, 0, 0, quoted) };
  };
  const datagram = (port: number, ends = OUT): Buffer =>
    ipv6Frame({ ...ends, payload: udp(ends, port, 53) }).subarray(14);

  for (const way of ["internet_gateway", "egress_only"] as const) {
    const dropped = way === "egress_only" ? "egress_only" : "security_group_in";
    it(`about a tracked flow pass, and no others: ${way}`, () => {
      const b = ipv6Bench(way);
      outUdp(b, 5000);
      // Unreachable, too big, time exceeded, parameter problem.
      for (const type of [1, 2, 3, 4]) {
        const run = b.fromInternet(came(error(datagram(5000), type)));
        assert.deepEqual(
          [run.verdict, run.frame.toString("hex")],
          ["deliver", arrived(error(datagram(5000), type)).toString("hex")],
        );
      }
      const reason = (packet: ReturnType<typeof error>) => b.fromInternet(came(packet)).reason;
      assert.equal(reason(error(datagram(5001))), dropped, "another port");
      assert.equal(reason(error(datagram(5000, IN))), dropped, "the other direction");
      assert.equal(
        reason(error(datagram(5000, { source: NEIGHBOUR, destination: HOST }))),
        dropped,
        "another's packet",
      );
      assert.equal(reason(error(datagram(5000).subarray(0, 47))), dropped, "too little of the packet");
      assert.equal(reason(error(Buffer.alloc(0))), dropped, "nothing of the packet");
      assert.equal(
        reason(
          error(packet({ source: "10.0.1.5", destination: "198.51.100.1", payload: udp(OUT, 5000, 53) })),
        ),
        dropped,
        "IPv4",
      );
    });
  }

  it("go out about what came in, and open nothing", () => {
    const b = ipv6Bench();
    b.put(...open, ...rules("security_group_out", 1, []));
    const asked = { ...IN, payload: udp(IN, 9, 5000) };
    assert.equal(b.fromInternet(came(asked)).verdict, "deliver");
    const reply = error(came(asked).subarray(14), 1, HOST, OWN);
    assert.equal(b.fromEni(A, sent(reply)).verdict, "internet");
    assert.equal(b.fromEni(A, sent(error(datagram(9), 1, HOST, OWN))).reason, "security_group_out");
    assert.equal(b.datapath.connections(A).filter(({ expires }) => expires > b.now()).length, 1);
  });

  it("pass between neighbours about their exchange", () => {
    const b = ipv6Bench();
    b.put(...rules("security_group_in", 2, [everybody()]), ...rules("security_group_out", 2, []));
    const ends = { source: OWN, destination: NEIGHBOUR };
    b.fromEni(A, sent({ ...ends, payload: udp(ends, 5000, 53) }));
    const reply = error(datagram(5000, ends), 1, OWN, NEIGHBOUR);
    const run = b.fromEni(B, ipv6Frame({ ...reply, from: macOf(B) }));
    assert.deepEqual([run.verdict, run.frame.toString("hex")], ["deliver", arrived(reply).toString("hex")]);
  });
});
