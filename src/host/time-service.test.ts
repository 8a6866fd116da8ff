import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { answerTime } from "./time-service.ts";

/** A client's packet: version 4, and the time at which it says that it asks. */
function query(first = 0x23, transmit = "e4a1b2c3d4e5f607"): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt8(first, 0);
  bytes.writeInt8(6, 2);
  bytes.write(transmit, 40, "hex");
  return bytes;
}

test("a client gets the machine's time, and its own to know its question by (RFC 5905)", () => {
  // 2026-01-01T00:00:00.5Z is 3,976,214,400.5 s after 1900.
  const answer = answerTime(query(), Date.parse("2026-01-01T00:00:00.500Z"));
  assert(answer);
  const hex = Buffer.from(answer).toString("hex");
  const [leapVersionMode, stratum, poll, precision] = ["24", "03", "06", "ec"];
  const reference = `${(3_976_214_400 - 16).toString(16)}80000000`;
  const time = `${(3_976_214_400).toString(16)}80000000`;
  assert.equal(
    hex,
    `${leapVersionMode}${stratum}${poll}${precision}0000002000000040a9fea97a${reference}e4a1b2c3d4e5f607${time}${time}`,
  );
});

test("older versions are answered in their own version, and only clients' packets are answered", () => {
  const first = (byte: number): number | undefined => answerTime(query(byte), 0)?.[0];
  assert.deepEqual([0x1b, 0x13, 0x0b, 0x08, 0xe3].map(first), [0x1c, 0x14, 0x0c, 0x0c, 0x24]);
  // Servers, peers, broadcasts, control and private messages, versions 0 and 5.
  for (const byte of [0x24, 0x21, 0x22, 0x25, 0x26, 0x27, 0x03, 0x2b])
    assert.equal(first(byte), undefined, byte.toString(16));
  assert.equal(answerTime(query().subarray(0, 47), 0), undefined);
});

test("no answer is longer than its question, and no answer is answered", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 2 ** 42 }), (bytes, now) => {
      const answer = answerTime(bytes, now);
      if (!answer) return;
      assert.ok(answer.length <= bytes.length);
      assert.equal(answerTime(answer, now), undefined);
    }),
  );
});
