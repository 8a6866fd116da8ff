import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPLAIN, FINDINGS } from "../src/cli/explain-words.ts";
import { CLOSER_REASONS, PASSES, REASONS, STAGE_NAMES } from "../src/cli/trace-words.ts";
import { DROP_REASONS, STAGES } from "../src/plan/stages.ts";

test("every drop reason and every stage has its words, in both languages, and no others have", () => {
  assert.deepEqual(new Set(Object.keys(REASONS)), new Set(DROP_REASONS.slice(1)));
  assert.deepEqual(new Set(Object.keys(STAGE_NAMES)), new Set(STAGES));
  for (const words of [REASONS, CLOSER_REASONS, PASSES, STAGE_NAMES, FINDINGS, EXPLAIN].flatMap((group) => Object.values(group))) {
    assert.ok(words.en.length > 0);
    assert.match(words.ja, /[ぁ-んァ-ヶ一-龠]/);
    const holes = (text: string): readonly string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).toSorted();
    assert.deepEqual(holes(words.ja), holes(words.en));
  }
});
