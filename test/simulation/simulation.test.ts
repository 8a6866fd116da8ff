import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FAULTS, play } from "./run.ts";

const RUNS = 40;

describe("a simulated region", { timeout: 300_000 }, () => {
  it("is a function of its seed", async () => {
    assert.deepEqual(await play(7), await play(7));
  });

  for (const [name, fault] of Object.entries(FAULTS))
    it(`finds a planted fault: ${name}`, async () => {
      for (let seed = 1; seed <= RUNS; seed++)
        if ((await play(seed, fault)).found && !(await play(seed)).found) return;
      assert.fail(`not found in ${RUNS} runs`);
    });
});
