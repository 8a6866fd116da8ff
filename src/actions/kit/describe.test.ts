import assert from "node:assert/strict";
import test from "node:test";
import { assert as check, type Arbitrary, constantFrom, property, string } from "fast-check";
import { filtered } from "./describe.ts";

/** The same by a regular expression, which is exponential in the number of stars. */
function byExpression(pattern: string, value: string): boolean {
  const source = pattern.replaceAll(/\\([^])|[^]/g, (text, escaped: string | undefined) =>
    escaped === undefined && text === "*"
      ? "[^]*"
      : escaped === undefined && text === "?"
        ? "[^]"
        : `\\u{${code(escaped ?? text)}}`,
  );
  return new RegExp(`^${source}$`, "u").test(value);
}

const code = (character: string): string => (character.codePointAt(0) ?? 0).toString(16);

function matches(pattern: string, value: string): boolean {
  return filtered([{ tags: { k: value } }], [{ Name: "tag:k", Values: [pattern] }], {}).length === 1;
}

test("a filter's wildcards match as AWS documents", () => {
  const text = (characters: string): Arbitrary<string> =>
    string({ unit: constantFrom(...characters), maxLength: 8 });
  check(
    property(text("ab.*?\\\n"), text("ab.*?\\\n"), (pattern, value) => {
      assert.equal(matches(pattern, value), byExpression(pattern, value));
    }),
    { numRuns: 2_000 },
  );
});

test("many wildcards in a filter don't hold up the server", { timeout: 5_000 }, () => {
  assert.equal(matches(`${"*a".repeat(60)}b`, "a".repeat(255)), false);
  assert.equal(matches(`${"*a".repeat(60)}*`, "a".repeat(255)), true);
});
