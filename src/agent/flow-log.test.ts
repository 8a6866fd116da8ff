import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { parquetMetadata } from "hyparquet";
import { flowLogActions } from "../actions/flow-log/flow-log.ts";
import { instanceRecord, interfaceRecord, must, newRegion, type TestRegion } from "../actions/test-region.ts";
import type { FlowCount } from "../contract/flow-count.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import { BadQuestion } from "../protocol/question.ts";
import { openFlowLogFiles } from "./flow-log-files.ts";
import { flowFilterOf, flowFits } from "./flow-log-filter.ts";
import { linesOf, parquetOf } from "./flow-log-parquet.ts";
import { FlowRecorder } from "./flow-log.ts";

const SECOND = 1_000_000_000n;
const START = Date.parse("2026-01-01T00:00:30Z");
const FIELDS = "interface-id srcaddr action packets log-status";
const LogFormat = FIELDS.split(" ")
  .map((field) => `\${${field}}`)
  .join(" ");

const folder = mkdtempSync(join(tmpdir(), "genkan-flow-log-"));
after(() => rmSync(folder, { recursive: true }));
let homes = 0;

/** A recorder over a region with one VPC, and a kernel with the counts that the test gives it. */
function recorder(limit = 1 << 20) {
  const region = newRegion({ defaultVpc: true });
  const home = join(folder, String(homes++));
  let now = START;
  let flows: FlowCount[] = [];
  let skipped: ReadonlySet<number> = new Set();
  const { account, region: name } = region.context();
  const made = new FlowRecorder({
    kernel: {
      take: () => {
        const taken = { flows, skipped };
        [flows, skipped] = [[], new Set()];
        return taken;
      },
      monotonicNow: () => BigInt(now - START) * 1_000_000n,
    },
    realms: () => [{ account, region: name }],
    reader: region.reader,
    files: openFlowLogFiles({ folder: home, limit }),
    now: () => now,
    log: (message, cause) => assert.fail(`${message}: ${cause}`),
  });
  return {
    home,
    region,
    made,
    vpc: must(region.reader().list("vpc")[0]).id,
    subnet: must(region.reader().list("subnet")[0]).id,
    count: (more: readonly FlowCount[], lost: readonly number[] = []) => {
      flows.push(...more);
      skipped = new Set(lost);
    },
    advance: (seconds: number) => void (now += seconds * 1000),
    /** Each file below the folder, with its lines. */
    files: () => filesIn(home),
  };
}

function filesIn(home: string): Readonly<Record<string, readonly string[]>> {
  if (!existsSync(home)) return {};
  const names = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".log"),
  );
  return Object.fromEntries(
    names.toSorted().map((name) => [name, readFileSync(join(home, name), "utf8").trimEnd().split("\n")]),
  );
}

function flow(eni: NetworkInterface, more: Partial<FlowCount> = {}): FlowCount {
  return {
    interface: eni.slot,
    direction: "egress",
    action: "ACCEPT",
    source: must(eni.privateIpAddresses[0]),
    destination: "198.51.100.1",
    sourcePort: 40_000,
    destinationPort: 80,
    protocol: 6,
    path: 8,
    packets: 3n,
    bytes: 120n,
    first: 0n,
    last: SECOND,
    tcpFlags: 2,
    nextHop: 0,
    ...more,
  };
}

function toBucket(id: string, more: object = {}) {
  const type = id.startsWith("vpc-") ? ("VPC" as const) : ("NetworkInterface" as const);
  const to = { LogDestinationType: "s3" as const, LogDestination: "arn:aws:s3:::bucket/a/" };
  return { ResourceIds: [id], ResourceType: type, TrafficType: "ALL" as const, LogFormat, ...to, ...more };
}

/** An interface of a running instance. */
function running(region: TestRegion, subnet: string, ip: string): NetworkInterface {
  const { id: instanceId } = instanceRecord(region, subnet);
  const attachment = {
    attachmentId: "eni-attach-00000000000000001",
    instanceId,
    deviceIndex: 0,
    attachTime: "2026-01-01T00:00:00.000Z",
    deleteOnTermination: true,
  };
  return interfaceRecord(region, subnet, [ip], { attachment } as Partial<NetworkInterface>);
}

test("a line goes into the file of each log that covers its interface and wants such traffic", async () => {
  const { region, made, vpc, subnet, count, files } = recorder();
  const eni = running(region, subnet, "172.31.0.5");
  const [all = ""] = region.call(flowLogActions.CreateFlowLogs, toBucket(vpc)).FlowLogIds ?? [];
  const DestinationOptions = { HiveCompatiblePartitions: true, PerHourPartition: true };
  const [refused = ""] =
    region.call(
      flowLogActions.CreateFlowLogs,
      toBucket(eni.id, { TrafficType: "REJECT", DestinationOptions }),
    ).FlowLogIds ?? [];
  const group = {
    LogDestinationType: undefined,
    LogDestination: undefined,
    LogGroupName: "/aws/../flows",
    DeliverLogsPermissionArn: "arn:aws:iam::123456789012:role/r",
  };
  const [stream = ""] = region.call(flowLogActions.CreateFlowLogs, toBucket(eni.id, group)).FlowLogIds ?? [];
  count([
    flow(eni),
    flow(eni, {
      action: "REJECT",
      direction: "ingress",
      source: "198.51.100.1",
      destination: "172.31.0.5",
      first: SECOND,
    }),
  ]);
  await made.collect();
  const accepted = `${eni.id} 172.31.0.5 ACCEPT 3 OK`;
  const denied = `${eni.id} 198.51.100.1 REJECT 3 OK`;
  const written = Object.entries(files()).map(([name, lines]) => [
    name.replace(/_[0-9a-f]{8}\.log$/, "_HASH.log"),
    lines,
  ]);
  assert.deepEqual(Object.fromEntries(written), {
    [`cloud-watch-logs/aws/__/flows/${eni.id}-all/${stream}_20260101T00Z.log`]: [FIELDS, accepted, denied],
    [`s3/bucket/a/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/01/01/123456789012_vpcflowlogs_us-east-1_${all}_20260101T0000Z_HASH.log`]:
      [FIELDS, accepted, denied],
    [`s3/bucket/a/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=01/day=01/hour=00/123456789012_vpcflowlogs_us-east-1_${refused}_20260101T0000Z_HASH.log`]:
      [FIELDS, denied],
  });
});

test("names longer than a file's may be keep their records, each under a name of its own", async () => {
  const { region, made, vpc, subnet, count, files } = recorder();
  const eni = running(region, subnet, "172.31.0.5");
  const toGroup = (LogGroupName: string) =>
    toBucket(vpc, {
      LogDestinationType: undefined,
      LogDestination: undefined,
      LogGroupName,
      DeliverLogsPermissionArn: "arn:aws:iam::123456789012:role/r",
    });
  for (const end of ["a", "b"])
    region.call(flowLogActions.CreateFlowLogs, toGroup(`${"g".repeat(511)}${end}`));
  region.call(
    flowLogActions.CreateFlowLogs,
    toBucket(vpc, { LogDestination: `arn:aws:s3:::bucket/${"p".repeat(900)}/q/` }),
  );
  count([flow(eni)]);
  await made.collect();
  const written = Object.entries(files());
  assert.equal(new Set(written.map(([name]) => name.split("/").slice(0, 2).join("/"))).size, 3);
  for (const [name, lines] of written) {
    assert.deepEqual(lines, [FIELDS, `${eni.id} 172.31.0.5 ACCEPT 3 OK`]);
    assert.ok(name.split("/").every((part) => part.length <= 255));
  }
});

test("Parquet files have AWS's columns and types, one file for each writing, and are read again", async () => {
  const { region, made, subnet, count, advance, home } = recorder();
  const eni = running(region, subnet, "172.31.0.5");
  const fields =
    "version interface-id srcaddr srcport bytes start tcp-flags action log-status next-hop-interface-id";
  const LogFormat = fields.replaceAll(/\S+/g, "${$&}");
  const DestinationOptions = { FileFormat: "parquet" as const, HiveCompatiblePartitions: true };
  const [log = ""] =
    region.call(flowLogActions.CreateFlowLogs, toBucket(eni.id, { LogFormat, DestinationOptions }))
      .FlowLogIds ?? [];
  count([flow(eni, { bytes: 1n << 40n })]);
  await made.collect();
  advance(1);
  count([], [eni.slot]);
  await made.collect();
  const names = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.includes("fl-"),
  );
  assert.equal(names.length, 2);
  for (const name of names)
    assert.match(
      name,
      /\/year=2026\/month=01\/day=01\/123456789012_vpcflowlogs_us-east-1_fl-.*_[0-9a-f]{8}\.log\.parquet$/,
    );
  const read: string[] = [];
  for await (const found of openFlowLogFiles({ folder: home, limit: 1 }).read()) {
    assert.deepEqual([found.log, found.fields.join(" ")], [log, fields]);
    read.push(found.line);
  }
  const start = START / 1000;
  assert.deepEqual(read.toSorted(), [
    `11 ${eni.id} - - - ${start} - - SKIPDATA -`,
    `11 ${eni.id} 172.31.0.5 40000 1099511627776 ${start} 2 ACCEPT OK -`,
  ]);
  const bytes = readFileSync(join(home, must(names[0])));
  const { schema } = parquetMetadata(Uint8Array.from(bytes).buffer);
  assert.deepEqual(
    schema.slice(1).map(({ name, type, converted_type }) => [name, converted_type ?? type].join(" ")),
    [
      "version INT32",
      "interface_id UTF8",
      "srcaddr UTF8",
      "srcport INT32",
      "bytes INT64",
      "start INT64",
      "tcp_flags INT32",
    ].concat(["action", "log_status", "next_hop_interface_id"].map((name) => `${name} UTF8`)),
  );
});

test("while many records become a Parquet file, or are read from one, requests have their turn", async () => {
  const lines = Array.from(
    { length: 9_001 },
    (_, n) => `11 ${n % 7 === 0 ? "-" : n % 65_536} ${n % 3 === 0 ? "-" : `a%20${n}`} ${n * 1000}`,
  );
  const turnsIn = async <T>(
    work: () => Promise<T>,
  ): Promise<{ readonly turns: number; readonly made: T }> => {
    let [turns, ended] = [0, false];
    const turn = (): void => {
      turns += 1;
      if (!ended) setImmediate(turn);
    };
    setImmediate(turn);
    const made = await work();
    ended = true;
    return { turns, made };
  };
  const written = await turnsIn(() => parquetOf("version srcport instance-tag bytes", lines));
  const { row_groups: groups } = parquetMetadata(Uint8Array.from(written.made).buffer);
  assert.ok(groups.length > 4 && groups.every(({ num_rows: rows }) => rows <= 2_000n));
  const read = await turnsIn(() => linesOf(written.made));
  assert.deepEqual(read.made, { fields: ["version", "srcport", "instance-tag", "bytes"], lines });
  for (const { turns } of [written, read]) assert.ok(turns >= groups.length - 1, `${turns} turns`);
});

test("flows that found no room give one SKIPDATA record, and a minute without packets one NODATA record", async () => {
  const { region, made, vpc, subnet, count, advance, files } = recorder();
  const [busy, quiet] = [running(region, subnet, "172.31.0.5"), running(region, subnet, "172.31.0.6")];
  interfaceRecord(region, subnet, ["172.31.0.7"]);
  region.call(flowLogActions.CreateFlowLogs, toBucket(vpc));
  count([], [busy.slot]);
  advance(20);
  await made.tick();
  assert.deepEqual(files(), {}, "the minute is not over");
  advance(20);
  await made.tick();
  advance(60);
  await made.tick();
  const lines = Object.values(files()).flat();
  assert.deepEqual(lines, [
    FIELDS,
    `${busy.id} - - - SKIPDATA`,
    `${quiet.id} - - - NODATA`,
    `${busy.id} - - - NODATA`,
    `${quiet.id} - - - NODATA`,
  ]);
});

test("an interface that was deleted within the minute has its records, and so has the next one in its slot", async () => {
  const { region, made, vpc, subnet, count, files } = recorder();
  const old = running(region, subnet, "172.31.0.5");
  region.call(flowLogActions.CreateFlowLogs, toBucket(vpc));
  region.change((tx) => tx.delete("network-interface", old.id));
  const { account, region: name } = region.context();
  made.changed({ account, region: name }, [
    { kind: "network-interface", id: old.id, before: old, after: undefined } as never,
  ]);
  const next = running(region, subnet, "172.31.0.6");
  const same = { ...next, slot: old.slot };
  region.change((tx) => tx.put(same));
  count([flow(old), flow(same, { first: SECOND })], [old.slot]);
  await made.collect();
  assert.deepEqual(Object.values(files()).flat().slice(1), [
    `${old.id} 172.31.0.5 ACCEPT 3 OK`,
    `${next.id} 172.31.0.6 ACCEPT 3 OK`,
    `${next.id} - - - SKIPDATA`,
    `${old.id} - - - SKIPDATA`,
  ]);
});

test("the oldest files go when all are longer than the limit", async () => {
  const { region, made, vpc, subnet, count, advance, files } = recorder(400);
  const eni = running(region, subnet, "172.31.0.5");
  region.call(flowLogActions.CreateFlowLogs, toBucket(vpc));
  for (let round = 0; round < 12; round++) {
    count([flow(eni)]);
    await made.collect();
    advance(300);
  }
  const kept = Object.entries(files());
  const size = kept.reduce((sum, [, lines]) => sum + lines.join("\n").length + 1, 0);
  assert.ok(size <= 400 && kept.length >= 2, `${size} bytes in ${kept.length} files`);
  assert.ok(kept.at(-1)?.[0].includes("20260101T0055Z"), "the newest is there");
});

test("a Parquet file that a crash left unfinished is not read, and goes with the oldest", async () => {
  const { region, made, subnet, count, home } = recorder(20_000);
  const eni = running(region, subnet, "172.31.0.5");
  region.call(
    flowLogActions.CreateFlowLogs,
    toBucket(eni.id, { DestinationOptions: { FileFormat: "parquet" as const } }),
  );
  const unfinished = join(home, "s3/bucket/fl-1_x.log.parquet.part");
  mkdirSync(dirname(unfinished), { recursive: true });
  writeFileSync(unfinished, "PAR1".repeat(5_000));
  count([flow(eni)]);
  const files = openFlowLogFiles({ folder: home, limit: 20_000 });
  for await (const found of files.read()) assert.fail(found.line);
  await made.collect();
  assert.equal(existsSync(unfinished), false);
  const read: string[] = [];
  for await (const { line } of files.read()) read.push(line);
  assert.deepEqual(read, [`${eni.id} 172.31.0.5 ACCEPT 3 OK`]);
});

test("a Parquet file that is damaged is passed over, and the others are read", async () => {
  const home = join(folder, "damaged");
  const files = openFlowLogFiles({ folder: home, limit: 1 << 20 });
  const names = ["fl-1.log.parquet", "fl-2.log.parquet", "fl-3.log.parquet"];
  for (const name of names) await files.append([name], "version srcaddr", [`2 ${name}`]);
  writeFileSync(join(home, "fl-1.log.parquet"), "");
  writeFileSync(join(home, "fl-3.log.parquet"), "PAR1 but no more PAR1");
  const read: string[] = [];
  for await (const { line } of files.read()) read.push(line);
  assert.deepEqual(read, ["2 fl-2.log.parquet"]);
});

test("filters let through what has the field and the value", () => {
  const fields = {
    srcaddr: "10.0.1.5",
    dstaddr: "198.51.100.1",
    srcport: "40000",
    dstport: "80",
    action: "REJECT",
    "interface-id": "eni-1",
  };
  const line = { kind: "record", log: "fl-1", line: "", fields } as const;
  const fits = (query: Readonly<Record<string, string>>): boolean => flowFits(flowFilterOf(query), line);
  assert.ok(fits({}) && fits({ log: "fl-1", address: "10.0.0.0/8", port: "80", action: "reject" }));
  for (const query of [
    { log: "fl-2" },
    { address: "10.2.0.0/16" },
    { port: "81" },
    { action: "accept" },
  ] as const)
    assert.ok(!fits(query));
  assert.ok(!flowFits({ port: "80" }, { ...line, fields: { srcaddr: "10.0.1.5" } }));
  assert.ok(flowFits({ ids: new Set(["eni-1"]) }, line) && !flowFits({ ids: new Set(["eni-2"]) }, line));
  for (const query of [{ log: "../x" }, { address: "here" }, { port: "70000" }, { action: "maybe" }])
    assert.throws(() => flowFilterOf(query as Record<string, string>), BadQuestion);
});
