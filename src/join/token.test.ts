import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatToken, judge, newToken, parseToken } from "./token.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const time = fc.integer({ min: 0, max: 0xffff_ffff });
const secret = fc.string({ minLength: 1 });

test("a token says what it was made of, and counts until its end", () => {
  fc.assert(
    fc.property(hash, time, secret, time, (authority, ends, key, now) => {
      const token = newToken(authority, ends, key);
      assert.deepEqual(parseToken(formatToken(token)), token);
      assert.equal(judge(token, key, now), now <= ends ? "good" : "ended");
    }),
  );
});

test("one that was changed anywhere is none, or wrong", () => {
  fc.assert(
    fc.property(hash, time, secret, fc.nat(), fc.nat(), (authority, ends, key, at, by) => {
      const text = formatToken(newToken(authority, ends, key));
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const place = at % text.length;
      const other = alphabet[(alphabet.indexOf(text[place] ?? "") + 1 + (by % 63)) % 64] ?? "";
      const parsed = parseToken(text.slice(0, place) + other + text.slice(place + 1));
      assert.ok(!parsed || judge(parsed, key, 0) === "wrong");
      assert.equal(parseToken(text.slice(0, place)), undefined);
    }),
  );
  const token = newToken(Buffer.alloc(32, 7), 9, "ours");
  assert.equal(judge(token, "theirs", 0), "wrong");
  assert.equal(judge({ ...token, ends: 10 }, "ours", 0), "wrong");
});
