import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "../lib/clock.ts";
import { Obedience } from "./obedience.ts";

/** Time that goes on by `pass` alone. */
function clockAtHand(): Clock & { readonly pass: () => Promise<void> } {
  const waiting = new Set<() => void>();
  return {
    now: () => 0,
    delay: (_, signal) =>
      new Promise((resolve) => {
        waiting.add(resolve);
        signal?.addEventListener("abort", () => resolve());
        if (signal?.aborted) resolve();
      }),
    pass: async () => {
      for (const resolve of waiting) resolve();
      waiting.clear();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function region(...others: number[]) {
  const clock = clockAtHand();
  const live = new Set(others);
  const left: (readonly [machine: number, revision: number])[] = [];
  const obedience = new Obedience({
    others: () => [...live],
    clock,
    left: (machine, revision) => left.push([machine, revision]),
  });
  /** Whether the answer to this revision is out. */
  const answered = (revision: number): (() => Promise<boolean>) => {
    let done = false;
    void obedience.until(revision).then(() => (done = true));
    return async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return done;
    };
  };
  return { clock, live, left, obedience, answered };
}

describe("answers wait", () => {
  it("for every live machine to obey the revision", async () => {
    const { obedience, answered, left } = region(2, 3);
    const out = answered(7);
    obedience.told(2, 7);
    obedience.told(3, 6);
    assert.equal(await out(), false);
    obedience.told(3, 8);
    assert.equal(await out(), true);
    assert.deepEqual(left, []);
  });

  it("for none where there is none, nor for one that goes", async () => {
    assert.equal(await region().answered(1)(), true);
    const { live, obedience, answered } = region(2);
    const out = answered(1);
    assert.equal(await out(), false);
    live.delete(2);
    obedience.look();
    assert.equal(await out(), true);
  });

  it("only so long: then not for that machine, until it has caught up with all that was answered", async () => {
    const { clock, obedience, answered, left } = region(2, 3);
    obedience.told(3, 5);
    const out = answered(5);
    await clock.pass();
    assert.equal(await out(), true);
    assert.deepEqual([left, obedience.isBehind(2), obedience.isBehind(3)], [[[2, 5]], true, false]);
    obedience.told(3, 6);
    assert.equal(await answered(6)(), true);
    obedience.told(2, 5);
    assert.equal(obedience.isBehind(2), true);
    obedience.told(2, 6);
    assert.equal(obedience.isBehind(2), false);
    assert.equal(await answered(7)(), false);
  });

  it("anew for all when another machine leads", async () => {
    const { obedience, answered } = region(2);
    obedience.told(2, 9);
    obedience.forget();
    assert.equal(await answered(9)(), false);
  });
});
