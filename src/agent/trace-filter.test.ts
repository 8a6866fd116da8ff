import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { EventFlow, PacketEvent } from "../contract/packet-event.ts";
import { DROP_REASONS } from "../contract/stages.ts";
import { filterOf, fits, isDropped, type TraceFilter } from "./trace-filter.ts";

const address = fc.constantFrom(
  "10.0.1.5",
  "10.0.1.6",
  "10.0.2.7",
  "203.0.113.5",
  "198.51.100.1",
  "255.255.255.255",
  "0.0.0.1",
);
const port = fc.constantFrom(0, 53, 80, 65_535);
const slot = fc.constantFrom(0, 2, 16, 17);
const flow: fc.Arbitrary<EventFlow> = fc.record({
  source: address,
  destination: address,
  sourceAfter: address,
  destinationAfter: address,
  protocol: fc.constantFrom(1, 6, 17, 50),
  ports: fc.record({ source: port, destination: port, type: fc.constant(8), code: fc.constant(0) }),
});
const event: fc.Arbitrary<PacketEvent> = fc
  .record({
    dropped: fc.boolean(),
    flow: fc.option(flow, { nil: undefined }),
    ingress: slot,
    target: slot,
    charge: slot,
    reason: fc.constantFrom(...DROP_REASONS.slice(1)),
  })
  .map(({ dropped, flow, reason, ...slots }) => ({
    ...slots,
    time: 0n,
    verdict: dropped ? "drop" : "deliver",
    reason: dropped ? reason : "none",
    length: 60,
    frameLength: 60,
    ...(flow ? { flow } : {}),
    frame: new Uint8Array(),
  }));
/** Each member by itself; a query is any combination of them. */
const query = fc.record(
  {
    address: fc.oneof(
      address,
      fc.tuple(address, fc.nat(32)).map(([base, length]) => `${base}/${length}`),
    ),
    port: port.map(String),
    verdict: fc.constantFrom("passed", "dropped"),
    reason: fc.constantFrom(...DROP_REASONS.slice(1)),
  },
  { requiredKeys: [] },
);

function somePacket(): PacketEvent {
  return fc.sample(event, 1)[0] ?? assert.fail("a packet");
}

describe("a filter", () => {
  it("lets through what each of its parts lets through", () => {
    fc.assert(
      fc.property(query, event, (asked, packet) => {
        fc.pre(!(asked.verdict === "passed" && asked.reason !== undefined));
        const parts = Object.entries(asked).map(([name, value]) => fits(filterOf({ [name]: value }), packet));
        assert.equal(fits(filterOf(asked), packet), parts.every(Boolean));
      }),
    );
  });

  it("that names nothing lets everything through; a verdict splits it in two", () => {
    fc.assert(
      fc.property(event, (packet) => {
        assert.ok(fits(filterOf({}), packet));
        assert.notEqual(
          fits(filterOf({ verdict: "passed" }), packet),
          fits(filterOf({ verdict: "dropped" }), packet),
        );
        assert.equal(fits(filterOf({ verdict: "dropped" }), packet), isDropped(packet));
      }),
    );
  });

  it("for a block fits exactly when it fits for one of its addresses", () => {
    fc.assert(
      fc.property(flow, address, fc.nat(32), (flow, base, length) => {
        const packet: PacketEvent = { ...somePacket(), flow };
        const bits = (text: string): string =>
          text
            .split(".")
            .map((octet) => Number(octet).toString(2).padStart(8, "0"))
            .join("");
        const ends = [flow.source, flow.destination, flow.sourceAfter, flow.destinationAfter];
        const expected = ends.some((end) => bits(end).slice(0, length) === bits(base).slice(0, length));
        assert.equal(fits(filterOf({ address: `${base}/${length}` }), packet), expected);
      }),
    );
  });

  it("for interfaces fits senders, receivers, and interfaces that a drop is counted for", () => {
    fc.assert(
      fc.property(event, fc.uniqueArray(slot), (packet, slots) => {
        const filter: TraceFilter = { interfaces: new Set(slots) };
        assert.equal(
          fits(filter, packet),
          [packet.ingress, packet.target, packet.charge].some((one) => new Set<number>(slots).has(one)),
        );
      }),
    );
  });

  it("for a port fits TCP and UDP only", () => {
    const icmp = {
      source: "10.0.0.1",
      destination: "10.0.0.2",
      sourceAfter: "",
      destinationAfter: "",
      protocol: 1,
    };
    const ports = { source: 80, destination: 80, type: 8, code: 0 };
    const packet = somePacket();
    assert.equal(fits({ port: 80 }, { ...packet, flow: { ...icmp, ports } }), false);
    assert.equal(fits({ port: 80 }, { ...packet, flow: { ...icmp, ports, protocol: 6 } }), true);
  });

  it("refuses values that are not a filter's", () => {
    for (const asked of [
      { address: "10.0.0.0/33" },
      { address: "2001:db8::/129" },
      { port: "-1" },
      { port: "80x" },
      { verdict: "maybe" },
      { reason: "none" },
      { verdict: "passed", reason: "no_route" },
    ])
      assert.throws(() => filterOf(asked), { name: "BadQuestion" }, JSON.stringify(asked));
  });
});
