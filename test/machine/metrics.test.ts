import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { DROP_REASONS } from "../../src/contract/stages.ts";
import {
  buildVpc,
  codeOf,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
} from "../kit/genkan.ts";

type Row = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

describe("the metrics", { skip: noPackets, timeout: 120_000 }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());
  const get = (query = "", headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${genkan.port}/_genkan/metrics${query}`, { headers });
  const rows = async (
    query = "",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<readonly Row[]> => {
    const answer = await get(query, headers);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    return parse(await answer.text());
  };
  const value = (
    all: readonly Row[],
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): number => {
    const found = all.filter(
      (row) => row.name === name && Object.entries(labels).every(([key, text]) => row.labels[key] === text),
    );
    assert.equal(found.length, 1, `one ${name} ${JSON.stringify(labels)}`);
    return found[0]?.value ?? Number.NaN;
  };

  test("follow packets, drops, requests and tables", async () => {
    const vpc = await buildVpc(genkan.client);
    const first = await rows();
    const id = there((await launchInstance(genkan.client, vpc, { publicIp: true })).InstanceId);
    await genkan.genkan("exec", id, "--", "ping", "-c", "1", "-W", "1", "198.51.100.1");
    await genkan.genkan("exec", id, "--", "ping", "-c", "1", "-W", "1", "10.0.1.99");
    await genkan.genkan("exec", id, "--", "curl", "-s", "-m", "5", "http://169.254.169.254/latest/");
    assert.equal(
      await codeOf(genkan.client.send(new ec2.DeleteVpcCommand({ VpcId: vpc.vpc }))),
      "DependencyViolation",
    );
    const then = await rows();

    const reasons = then
      .filter((row) => row.name === "genkan_dropped_packets_total")
      .map((row) => row.labels["reason"]);
    assert.deepEqual(reasons, DROP_REASONS.slice(1), "every reason, zero too");
    const grew = (name: string, labels: Readonly<Record<string, string>>): number =>
      value(then, name, labels) - value(first, name, labels);
    assert.ok(grew("genkan_dropped_packets_total", { reason: "no_route", stage: "route" }) >= 1);
    assert.ok(grew("genkan_dropped_bytes_total", { reason: "no_such_private_address" }) >= 98);
    assert.ok(grew("genkan_packets_total", { direction: "sent" }) >= 1);
    assert.ok(grew("genkan_bytes_total", { direction: "received" }) >= 60);
    assert.equal(grew("genkan_resources", { kind: "instance" }), 1);
    assert.equal(grew("genkan_table_entries", { table: "interfaces" }), 1);
    assert.ok(
      value(then, "genkan_table_entries", { table: "routes" }) <=
        value(then, "genkan_table_capacity", { table: "routes" }),
    );
    assert.equal(
      value(then, "genkan_api_requests_total", { operation: "DeleteVpc", code: "DependencyViolation" }),
      1,
    );
    assert.equal(value(then, "genkan_api_requests_total", { operation: "RunInstances", code: "ok" }), 1);
    assert.equal(value(then, "genkan_api_request_duration_seconds_count", { operation: "RunInstances" }), 1);
    assert.ok(grew("genkan_store_commit_duration_seconds_count", {}) >= 1);
    assert.ok(value(then, "process_resident_memory_bytes") > 10e6);
    assert.ok(Math.abs(value(then, "process_start_time_seconds") * 1000 - Date.now()) < 100_000);

    // A deleted instance takes nothing away from what was counted.
    await genkan.client.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
    await ec2.waitUntilInstanceTerminated(
      { client: genkan.client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
    const last = await rows();
    for (const { name, labels, value: before } of then.filter((row) => row.name.endsWith("_total"))) {
      assert.ok(value(last, name, labels) >= before, `${name} ${JSON.stringify(labels)} only grows`);
    }
  });

  test("name interfaces only to who has the token", async () => {
    const vpc = await buildVpc(genkan.client);
    const id = there((await launchInstance(genkan.client, vpc)).InstanceId);
    await genkan.genkan("exec", id, "--", "ping", "-c", "1", "-W", "1", "198.51.100.1");
    assert.equal((await get("?detail=interfaces")).status, 401);
    const { token } = JSON.parse(readFileSync(join(genkan.home, "credentials.json"), "utf8")) as {
      token: string;
    };
    const authorization = `Bearer ${token}`;
    assert.equal((await get("?detail=everything", { authorization })).status, 400);
    const all = await rows("?detail=interfaces", { authorization });
    const drop = all.find(
      (row) => row.name === "genkan_interface_dropped_packets_total" && row.labels["instance"] === id,
    );
    assert.equal(drop?.labels["reason"], "no_route");
    assert.match(drop?.labels["interface"] ?? "", /^eni-[0-9a-f]{17}$/);
    assert.ok(
      !(await rows()).some((row) =>
        Object.values(row.labels).some((text) => /^(i|eni|vpc)-[0-9a-f]{8}/.test(text)),
      ),
    );
  });

  test("are not for web pages", async () => {
    assert.equal((await get("", { origin: "http://evil.example" })).status, 403);
    assert.equal((await get("", { "sec-fetch-site": "cross-site" })).status, 403);
  });
});

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)"/;
const SAMPLE = new RegExp(
  `^([a-z][a-z0-9_]*)(?:\\{(${LABEL.source}(?:,${LABEL.source})*)\\})? ([-+0-9.eInfNa]+)$`,
);

/**
 * Reads the format strictly: HELP, TYPE, then the family's own samples, each once; a histogram's buckets add
 * up.
 */
function parse(text: string): readonly Row[] {
  assert.ok(text.endsWith("\n"));
  const rows: Row[] = [];
  const families = new Set<string>();
  let family = "";
  let type = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, keyword, name = "", rest] = /^# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      assert.ok(!families.has(name), `${name} stands once`);
      families.add(name);
      family = name;
    } else if (keyword === "TYPE") {
      assert.equal(name, family);
      type = rest ?? "";
      assert.equal(type === "counter", name.endsWith("_total"));
    } else {
      const [, sample = "", labels = "", ...more] = SAMPLE.exec(line) ?? assert.fail(line);
      const names =
        type === "histogram" ? [`${family}_bucket`, `${family}_sum`, `${family}_count`] : [family];
      assert.ok(names.includes(sample), line);
      const pairs = [...labels.matchAll(new RegExp(LABEL, "g"))].map(
        ([, key = "", value = ""]) => [key, value] as const,
      );
      const value = Number((more.at(-1) ?? "").replace("Inf", "Infinity"));
      assert.ok(!Number.isNaN(value) && value >= 0, line);
      rows.push({ name: sample, labels: Object.fromEntries(pairs), value });
    }
  }
  const keys = rows.map((row) => JSON.stringify([row.name, row.labels]));
  assert.equal(new Set(keys).size, keys.length, "no sample stands twice");
  checkBuckets(rows);
  return rows;
}

function checkBuckets(rows: readonly Row[]): void {
  const below = new Map<string, number>();
  for (const { name, labels, value } of rows.filter((row) => row.name.endsWith("_bucket"))) {
    const { le, ...others } = labels;
    const key = JSON.stringify([name, others]);
    assert.ok(value >= (below.get(key) ?? 0), `${key} le ${le}`);
    below.set(key, value);
    if (le !== "+Inf") continue;
    const count = rows.find(
      (row) =>
        row.name === name.replace(/_bucket$/, "_count") &&
        JSON.stringify(row.labels) === JSON.stringify(others),
    );
    assert.equal(count?.value, value);
  }
}
