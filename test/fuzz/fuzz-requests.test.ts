import assert from "node:assert/strict";
import { test } from "node:test";
import { answerApi } from "../../src/api/api.ts";
import { fuzzHttp } from "./http.ts";
import { fuzz } from "./requests.ts";

/** The same requests every time, unless others are asked for. */
const SEED = Number(process.env["GENKAN_SEED"] ?? 1);

test("whatever a request is made of: a well-formed answer, nothing misread, nothing let in unsigned", async () => {
  const { requests, decoded, done, tampered, findings } = await fuzz({ requests: 5_000, seed: SEED });
  assert.deepEqual(findings, []);
  assert.equal(requests, 5_000);
  // Requests that nobody could read, or nobody refuse, would prove little.
  assert.ok(
    decoded > 1_200 && done > 500 && tampered > 500,
    `${decoded} decoded, ${done} done, ${tampered} tampered with`,
  );
});

test("whatever bytes come over a connection: an answer or none, and the next request is answered", async () => {
  const { statuses, findings } = await fuzzHttp(600, SEED);
  assert.deepEqual(findings, []);
  for (const status of ["200", "400", "403"])
    assert.ok((statuses.get(status) ?? 0) > 10, `${statuses.get(status)} with status ${status}`);
});

test("a byte order mark is a part of the name that it stands before", async () => {
  const body = Buffer.from("\ufeffAction=DescribeVpcs&Version=2016-11-15");
  const request = { method: "POST", path: "/", query: "", headers: [], body };
  const answer = await answerApi(request, "id", {
    auth: "none",
    lookupKey: () => undefined,
    defaults: { account: "123456789012", region: "us-east-1" },
    now: () => new Date(0),
    perform: () => Promise.reject(new Error("assertion failed: it is refused")),
    log: () => undefined,
  });
  assert.match(answer.body, /<Code>MissingAction<\/Code>/);
});
