import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, boolean, constantFrom, nat, oneof, property, record } from "fast-check";
import { Slots } from "./slots.ts";

test("the lowest free number is given, as a search through a set finds it", () => {
  // Large enough for three levels of words.
  const place = oneof(nat(200), nat(40_000));
  const step = record({ give: boolean(), at: place, run: constantFrom(1, 1, 40, 1100) });
  check(
    property(nat(20), array(step, { maxLength: 30 }), place, (first, steps, least) => {
      const slots = new Slots(first);
      const used = new Set<number>();
      for (const { give, at, run } of steps)
        for (let slot = first + at; slot < first + at + run; slot++) {
          if (give === used.has(slot)) continue;
          if (give) slots.take(slot);
          else slots.giveBack(slot);
          if (give) used.add(slot);
          else used.delete(slot);
        }
      let lowest = first;
      while (used.has(lowest)) lowest += 1;
      assert.equal(slots.free(), lowest);
      let later = Math.max(first, least);
      while (used.has(later)) later += 1;
      assert.equal(slots.free(least), later);
      assert.equal(slots.end(), Math.max(-1, ...used) + 1);
    }),
  );
});

test("a million slots are given one after another, and gaps are filled from the lowest", () => {
  const slots = new Slots(1);
  for (let n = 1; n <= 1_000_000; n++) {
    assert(slots.free() === n);
    slots.take(n);
  }
  for (const gap of [999_999, 32, 33, 500_000]) slots.giveBack(gap);
  const found = [1, 2, 3, 4, 5].map(() => {
    const slot = slots.free();
    slots.take(slot);
    return slot;
  });
  assert.deepEqual(found, [32, 33, 500_000, 999_999, 1_000_001]);
});

test("taking what is taken, or giving back what is free, is a programmer's error", () => {
  const slots = new Slots(16);
  slots.take(16);
  assert.throws(() => slots.take(16), /slot 16 is free/);
  assert.throws(() => slots.take(15), /slot 15 is free/);
  assert.throws(() => slots.giveBack(17), /slot 17 is in use/);
});
