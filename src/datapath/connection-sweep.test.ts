import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeStruct, encodeStruct, type SharedValue } from "../contract/layout.ts";
import { NAT_SIDE } from "../contract/nat-connection.ts";
import { indexKey, type KernelMap } from "./map.ts";
import { readNatConnections } from "./nat-connection.ts";
import { frame, ROUTER, udp } from "./test-frame.ts";
import { A, type Bench, bench, C, eni, INTERNET, macOf, noKernel, OTHER, settings } from "./test-kit.ts";

const SECOND = 1_000_000_000n;
const ADDRESS: Readonly<Record<number, string>> = { [A]: "10.0.1.5", [C]: "10.0.2.7", [OTHER]: "10.0.1.5" };

/** Opens a connection, or notes a packet on it. */
function send(b: Bench, slot: number, port: number): void {
  const ends = { source: ADDRESS[slot] ?? "", destination: INTERNET };
  const bytes = frame({ ...ends, from: macOf(slot), to: ROUTER, protocol: 17, payload: udp(ends, port, 53) });
  assert.equal(b.fromEni(slot, bytes).reason, "none");
}

/** How many connections the program counts for a slot; 0: for all slots. */
function held({ datapath: { maps } }: Bench, slot: number): number {
  const row = (map: KernelMap): Buffer => map.lookup(indexKey(slot)) ?? Buffer.alloc(0);
  return (
    (decodeStruct("tracking", row(maps.tracking)).created -
      decodeStruct("connection_floor", row(maps.connection_floors)).removed) >>>
    0
  );
}

/** Moves the clock on by a millisecond. */
function tick(b: Bench, from: number): () => void {
  let milliseconds = 0;
  return () => b.clock(from + ++milliseconds / 1_000);
}

describe("a sweep in steps", { skip: noKernel }, () => {
  it("loses and miscounts no connection that is made, taken over or given up between the steps", () => {
    const b = bench();
    b.put(settings({ connection_limit: 1_000_000 }));
    for (let port = 1; port <= 9_000; port++) send(b, A, port);
    b.clock(40);
    for (let port = 1; port <= 3_000; port++) send(b, C, port);
    for (let port = 1; port <= 100; port++) send(b, OTHER, port);
    const later = tick(b, 41);
    later();
    const steps = b.datapath.sweepSteps();
    let fresh = 0;
    let turns = 0;
    for (let step = steps.next(); !step.done; step = steps.next()) {
      later();
      for (let i = 0; i < 20; i++) send(b, C, 10_000 + fresh++);
      send(b, A, 1 + turns++);
      if (turns === 2)
        b.remove({ table: "interfaces", key: OTHER, value: eni(OTHER, {})[0]?.value as never });
    }
    assert.ok(turns >= 3, `${turns} steps`);
    assert.deepEqual([b.datapath.connections(C).length, held(b, C)], [3_000 + fresh, 3_000 + fresh]);
    const mine = new Set(b.datapath.connections(A).map(({ localPort }) => localPort));
    assert.deepEqual(
      [...mine].toSorted((x, y) => x - y),
      Array.from({ length: turns }, (_, index) => index + 1),
      "what was used between the steps is there, and nothing else",
    );
    later();
    b.datapath.sweep();
    for (const slot of [A, C, OTHER])
      assert.equal(held(b, slot), b.datapath.connections(slot).length, `slot ${slot}`);
    assert.equal(b.datapath.connections(OTHER).length, 0);
    assert.deepEqual(
      [held(b, 0), b.datapath.connectionCount()],
      [3_000 + fresh + turns, 3_000 + fresh + turns],
    );
  });

  it("may be left unfinished: the next one does what is left", () => {
    const b = bench();
    b.put(settings({ connection_limit: 1_000_000 }));
    for (let port = 1; port <= 9_000; port++) send(b, A, port);
    b.clock(40);
    send(b, A, 9_001);
    const left = b.datapath.sweepSteps();
    while (b.datapath.connections(A).length === 9_001) left.next();
    b.clock(41);
    const there = b.datapath.connections(A).length;
    assert.ok(there > 1, `${there} are left`);
    assert.equal(b.datapath.sweep(), there - 1);
    assert.deepEqual([held(b, A), b.datapath.connections(A).length], [1, 1]);
  });
});

const NAT = 30;
const TIMES = { long: 350n, past: -60n } as const;

/**
 * A connection through the NAT gateway as the program writes it, from the port to the gateway's port: writes
 * the outside's entry;
 * `claimed` writes the inside's.
 */
function natRows(
  b: Bench,
  {
    from,
    to,
    claim = 0,
    time = "long",
  }: { from: number; to: number; claim?: number; time?: keyof typeof TIMES },
) {
  const key = (side: number, local: string, local_port: number): Uint8Array =>
    encodeStruct("nat_key", {
      interface: NAT,
      local,
      remote: INTERNET,
      local_port,
      remote_port: 80,
      protocol: 6,
      side,
      pad: [],
    });
  const value = (address: string, port: number, rest: Partial<SharedValue<"nat_connection">>): Uint8Array => {
    const flags = { inside_fin: 0, outside_fin: 0, reset: 0, pad: [], claim: 0, more_pad: 0 };
    return encodeStruct("nat_connection", { expires: 0n, created: 0n, address, port, ...flags, ...rest });
  };
  const [host, gateway] = ["10.0.1.4", "10.0.0.4"];
  const inside = value(gateway, to, { expires: b.now() + TIMES[time] * SECOND, created: b.now() });
  const { nat_connections: map } = b.datapath.maps;
  map.update(key(NAT_SIDE.outside, gateway, to), value(host, from, { claim }));
  return { claimed: () => map.update(key(NAT_SIDE.inside, host, from), inside) };
}

function entries(b: Bench): number {
  let count = 0;
  b.datapath.maps.nat_connections.forEach(() => count++);
  return count;
}

describe("a sweep of NAT connections in steps", { skip: noKernel }, () => {
  it("removes both entries of an expired connection, the outside's a pass later, and no port that was claimed anew", () => {
    const b = bench();
    b.at(100);
    for (let port = 1; port <= 2_000; port++)
      natRows(b, { from: port, to: port, time: port % 2 === 0 ? "long" : "past" }).claimed();
    const later = tick(b, 100);
    const pass = (between: (step: number) => void = () => undefined): number => {
      later();
      const steps = b.datapath.sweepSteps();
      let count = 0;
      for (;;) {
        const step = steps.next();
        if (step.done) return step.value;
        between(count++);
      }
    };
    // Made between two steps: when the pass reaches them, some have only the outside's entry.
    const waiting: { readonly claimed: () => void }[] = [];
    const gone = pass((step) => {
      later();
      if (step < 10) waiting.push(natRows(b, { from: 5_000 + step, to: 5_000 + step }));
    });
    assert.equal(gone, 1_000);
    assert.equal(readNatConnections(b.datapath.maps.nat_connections).length, 1_000);
    assert.equal(entries(b), 3_000 + waiting.length, "the outside's entries wait");
    for (const row of waiting) row.claimed();
    // Other connections claim the ports of some that were removed.
    for (const port of [1, 3, 5, 7]) natRows(b, { from: 6_000 + port, to: port, claim: 1 }).claimed();
    // And by some whose inside's entry is yet to come.
    for (const port of [9, 11]) natRows(b, { from: 6_000 + port, to: port, claim: 1 });
    assert.equal(pass(later), 0);
    assert.equal(entries(b), 2_000 + 2 * waiting.length + 2 * 4 + 2);
    assert.equal(pass(later), 0);
    assert.equal(entries(b), 2_000 + 2 * waiting.length + 2 * 4);
  });
});
