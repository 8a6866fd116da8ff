import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Candidate, chooseMembers } from "./member-choice.ts";

const candidates: fc.Arbitrary<readonly Candidate[]> = fc.uniqueArray(
  fc.record({ address: fc.nat(20).map((n) => `10.0.0.${n}`), live: fc.boolean(), leaving: fc.boolean() }),
  { selector: ({ address }) => address, maxLength: 12 },
);

/** Adds whoever is chosen, one at a time, as machines do. */
function grown(all: readonly Candidate[], begin: readonly string[]): readonly string[] {
  const members = [...begin];
  for (;;) {
    const next = chooseMembers(all, members).find((address) => !members.includes(address));
    if (next === undefined) return members;
    members.push(next);
  }
}

test("members grow to one, three or five, and those that have one keep it", () => {
  fc.assert(
    fc.property(candidates, fc.nat(), (all, pick) => {
      const first = all[pick % Math.max(1, all.length)];
      const members = grown(all, first ? [first.address] : []);
      const staying = all.filter(({ leaving }) => !leaving);
      const open = staying.filter((one) => one.live || one === first);
      const chosen = chooseMembers(all, members);
      const size = [5, 3, 1].find((wanted) => wanted <= open.length) ?? 0;
      assert.equal(chosen.length, size);
      assert.equal(new Set(chosen).size, size);
      if (first && !first.leaving) assert.ok(chosen.includes(first.address));
      for (const address of chosen) assert.ok(staying.some((one) => one.address === address));
    }),
  );
});

test("two machines have one member, three have three; a dead one is not exchanged by itself", () => {
  const machine = (n: number, more: Partial<Candidate> = {}): Candidate => ({
    address: `10.0.0.${n}`,
    live: true,
    leaving: false,
    ...more,
  });
  const [one, two, three, four] = [machine(1), machine(2), machine(3), machine(4)];
  assert.deepEqual(chooseMembers([one, two], ["10.0.0.1"]), ["10.0.0.1"]);
  assert.deepEqual(chooseMembers([one, two, three], ["10.0.0.1"]), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  const all = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  assert.deepEqual(chooseMembers([one, machine(2, { live: false }), three, four], all), all);
  assert.deepEqual(chooseMembers([machine(1, { leaving: true }), two], ["10.0.0.1"]), ["10.0.0.2"]);
});
