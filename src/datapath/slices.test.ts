import assert from "node:assert/strict";
import { test } from "node:test";
import { inSlices } from "./slices.ts";

/** A clock that moves only by steps and rests, and the log of when each thing was done. */
function stage(lengths: readonly number[], { endAfter = Infinity } = {}) {
  let now = 0;
  const done: { readonly what: "step" | "rest"; readonly from: number; readonly to: number }[] = [];
  const pass = (what: "step" | "rest", milliseconds: number): void => {
    done.push({ what, from: now, to: now + milliseconds });
    now += milliseconds;
  };
  function* steps(): Generator<void> {
    for (const length of lengths) {
      pass("step", length);
      yield;
    }
  }
  const rest = (milliseconds: number): Promise<void> => Promise.resolve(pass("rest", milliseconds));
  const rests = (): number => done.filter(({ what }) => what === "rest").length;
  return { done, worked: inSlices(steps(), { clock: () => now, rest, ended: () => rests() >= endAfter }) };
}

test("slices are short, and after each others have as much time", async () => {
  const lengths = Array.from({ length: 500 }, (_, index) => (index * 7) % 12);
  const { done, worked } = stage(lengths);
  assert.equal(
    await worked,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  assert.equal(done.filter(({ what }) => what === "step").length, lengths.length, "each step is made");
  let begin = 0;
  let rests = 0;
  for (const { what, from, to } of done) {
    if (what === "step") assert.ok(to - begin <= 20 + 11, `from ${begin} to ${to} without a rest`);
    else {
      assert.equal(to - from, from - begin);
      begin = to;
      rests++;
    }
  }
  assert.ok(rests > 50);
});

test("no step follows when it has ended in a rest", async () => {
  const { done, worked } = stage([10, 10, 10, 10, 10, 10], { endAfter: 2 });
  assert.equal(await worked, 40);
  assert.deepEqual(
    done.map(({ what }) => what),
    ["step", "step", "rest", "step", "step", "rest"],
  );
});

test("work that is done in one slice needs no rest, and an error ends it", async () => {
  const { done, worked } = stage([3, 3]);
  assert.equal(await worked, 6);
  assert.equal(done.length, 2);
  const refused = (function* () {
    yield;
    throw new Error("refused");
  })();
  await assert.rejects(
    inSlices(refused, { clock: () => 0, rest: () => Promise.resolve(), ended: () => false }),
    /refused/,
  );
});
