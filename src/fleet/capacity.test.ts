import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type CapacityChange, type GatewayState, nextCapacity, NOTHING_SEEN } from "./capacity.ts";

type Held = Omit<GatewayState, "load">;

const gateway = (number: number, more: Partial<Held> = {}): Held => ({
  number,
  live: true,
  drained: false,
  standby: false,
  ...more,
});

/** A region whose traffic, in gateways' worth, is spread over the active ones by these weights. */
function region(gateways: readonly Held[], weights: readonly number[] = []) {
  let held = gateways;
  let memory = NOTHING_SEEN;
  let now = 0;
  const active = (): readonly Held[] => held.filter((one) => one.live && !one.drained && !one.standby);
  return {
    active: (): readonly number[] => active().map(({ number }) => number),
    setLive: (number: number, live: boolean): void => {
      held = held.map((one) => (one.number === number ? { ...one, live } : one));
    },
    /** A second passes. */
    pass: (traffic: number): CapacityChange | undefined => {
      now += 1_000;
      const weight = ({ number }: Held): number => weights[number] ?? 1;
      const all = active().reduce((sum, one) => sum + weight(one), 0);
      const loads = held.map((one) => ({ ...one, load: (traffic * weight(one)) / all }));
      const next = nextCapacity(loads, memory, now);
      ({ memory } = next);
      held = held.map((one) => {
        if (one.number === next.change?.active) return { ...one, standby: false };
        return one.number === next.change?.standby ? { ...one, standby: true } : one;
      });
      return next.change;
    },
  };
}

describe("gateways take packets", () => {
  it("one more of them when those that do are three quarters full for a while", () => {
    const { pass } = region([gateway(1), gateway(2), gateway(3, { standby: true })]);
    assert.deepEqual([1.49, 1.5, 1.5, 1.4, 1.5, 1.5, 1.5].map(pass), [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      { active: 3 },
    ]);
  });

  it("one fewer when two thirds of the others would do for half a minute", () => {
    const { pass } = region([gateway(1), gateway(2), gateway(3)]);
    const changes = Array.from({ length: 31 }, () => pass(1.33));
    assert.deepEqual(changes.slice(0, 30), Array.from({ length: 30 }).fill(undefined));
    assert.deepEqual(changes[30], { standby: 3 });
    const other = region([gateway(1), gateway(2), gateway(3)]);
    assert.ok(Array.from({ length: 100 }, () => other.pass(1.35)).every((change) => change === undefined));
  });

  it("in the place of one that is away, at once; not one that was drained", () => {
    const { pass, setLive, active } = region([
      gateway(1),
      gateway(2),
      gateway(3, { drained: true }),
      gateway(4, { standby: true }),
    ]);
    setLive(1, false);
    assert.deepEqual(pass(0.1), { active: 4, standby: 1 });
    setLive(1, true);
    assert.equal(pass(0.1), undefined);
    assert.deepEqual(active(), [2, 4]);
  });

  it("fewer only when all active ones have said how full they are", () => {
    const gateways = [1, 2, 3].map((number) => ({ ...gateway(number), load: number === 2 ? undefined : 0 }));
    const { memory, change } = nextCapacity(gateways, { full: undefined, roomy: 0 }, 100_000);
    assert.deepEqual([memory.roomy, change], [undefined, undefined]);
  });
});

const held = fc
  .array(fc.record({ live: fc.boolean(), drained: fc.boolean(), standby: fc.boolean() }), { maxLength: 8 })
  .map((all) => all.map((one, index) => gateway(index + 1, one)));
const weights = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 });

describe("whatever the gateways and the traffic are", () => {
  it("under constant traffic, however it is spread, the changes come to an end", () => {
    fc.assert(
      fc.property(held, weights, fc.double({ min: 0, max: 8, noNaN: true }), (gateways, spread, traffic) => {
        const { pass } = region(gateways, spread);
        for (let second = 0; second < 1_000; second++) pass(traffic);
        for (let second = 0; second < 200; second++) assert.equal(pass(traffic), undefined);
      }),
    );
  });

  it("two are active after two changes where two can be, and no change leaves fewer", () => {
    const traffics = fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { minLength: 3, maxLength: 200 });
    fc.assert(
      fc.property(held, traffics, (gateways, seconds) => {
        const { pass, active } = region(gateways);
        const most = Math.min(2, gateways.filter(({ live, drained }) => live && !drained).length);
        for (const [second, traffic] of seconds.entries()) {
          const change = pass(traffic);
          if (second >= 1) assert.ok(active().length >= most);
          if (change?.active !== undefined) assert.ok(active().includes(change.active));
        }
      }),
    );
  });
});
