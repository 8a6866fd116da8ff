import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FAULTS, play, told } from "./run.ts";

const RUNS = 40;
const SOUND_RUNS = 150;

describe("a simulated region", { timeout: 300_000 }, () => {
  it("is a function of its seed", async () => {
    assert.deepEqual(await play(7), await play(7));
  });

  it("breaks no invariant, whatever befalls it", async () => {
    for (let seed = 1; seed <= SOUND_RUNS; seed++) {
      const { found } = await play(seed);
      assert.ok(!found, found && told(found));
    }
  });

  for (const [name, fault] of Object.entries(FAULTS))
    it(`finds a planted fault: ${name}`, async () => {
      for (let seed = 1; seed <= RUNS; seed++)
        if ((await play(seed, fault)).found && !(await play(seed)).found) return;
      assert.fail(`not found in ${RUNS} runs`);
    });
});
