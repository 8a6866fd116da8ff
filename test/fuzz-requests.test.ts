import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz/requests.ts";

/** The same requests every time, unless others are asked for. */
const SEED = Number(process.env["GENKAN_SEED"] ?? 1);

test("whatever a request is made of: a well-formed answer, nothing misread, nothing let in unsigned", async () => {
  const { requests, decoded, done, tampered, findings } = await fuzz({ requests: 6_000, seed: SEED });
  assert.deepEqual(findings, []);
  assert.equal(requests, 6_000);
  // Requests that nobody could read, or nobody refuse, would prove little.
  assert.ok(decoded > 1_500 && done > 500 && tampered > 500, `${decoded} decoded, ${done} done, ${tampered} tampered with`);
});
