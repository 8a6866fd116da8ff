import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { newAuthority } from "./certificates.ts";
import { type JoinQuestion, refusalOf } from "./messages.ts";
import { formatToken, hashOf, newToken } from "./token.ts";

const NOW = Date.parse("2026-12-02T10:00:00Z");

describe("a machine that wants to join", () => {
  let facts: Parameters<typeof refusalOf>[1];
  let question: JoinQuestion;
  const tokenOf = (hours: number, secret = "s", authority = facts.authority): string =>
    formatToken(newToken(hashOf(authority), NOW / 1_000 + hours * 3_600, secret));
  before(async () => {
    const { certificate: authority } = await newAuthority(new Date(NOW));
    const machine = { name: "m1", number: 1, address: "10.0.0.1", home: "h1", live: true };
    const away = { name: "m2", number: 2, address: "10.0.0.2", home: "h2", live: false };
    facts = { authority, secret: "s", version: "0.1.0", time: NOW, machines: [machine, away] };
    const token = tokenOf(1);
    question = { version: "0.1.3", time: NOW + 29_000, token, request: "", address: "10.0.0.3", home: "h3" };
  });
  const refusal = (more: object): string | undefined => refusalOf({ ...question, ...more }, facts);

  it("is let in, also in the place of one that is away, or as itself", () => {
    for (const more of [{}, { address: "10.0.0.2" }, { address: "10.0.0.1", home: "h1" }])
      assert.equal(refusal(more), undefined);
  });

  it("is refused with what mends it", async () => {
    const other = (await newAuthority(new Date(NOW))).certificate;
    for (const [more, words] of [
      [{ token: "x" }, /not this region's.*genkan token/],
      [{ token: tokenOf(1, "t") }, /not this region's/],
      [{ token: tokenOf(1, "s", other) }, /not this region's/],
      [{ token: tokenOf(-1) }, /ended at 2026-12-02T09:00:00.000Z.*genkan token/],
      [{ time: NOW - 95_000 }, /differ by 95 s: it is 2026-12-02 09:58:25 .* 2026-12-02 10:00:00 .*NTP/],
      [{ version: "0.2.0" }, /has Genkan 0.2.0, and the region 0.1.0: join with 0.1\./],
      [{ address: "10.0.0.1" }, /is the address of m1, machine 1 .*--machine-address/],
      [{ address: "IP:10.0.0.9\nx=y" }, /no IPv4 address/],
      [{ home: 5 }, /incomplete/],
    ] as const) {
      const said = refusal(more) ?? "";
      assert.match(said, words);
      assert.ok(!said.includes("\n"), "one line");
    }
  });
});
