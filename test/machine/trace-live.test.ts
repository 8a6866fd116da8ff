import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  type Genkan,
  launchInstance,
  noPackets,
  ROOT,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";

type Line = {
  readonly kind: string;
  readonly from: { readonly kind: string; readonly instance?: string };
  readonly to?: { readonly kind: string; readonly instance?: string };
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly sourceAfter?: string;
  readonly destinationAfter?: string;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number };
  readonly flags?: string;
  readonly verdict: string;
  readonly reason?: string;
  readonly stage?: string;
};

const INTERNET = "198.51.100.1";

describe("genkan trace", { skip: noPackets, timeout: 120_000 }, () => {
  let genkan: Genkan;
  let vpc: Vpc;
  let id = "";
  let address = "";
  before(async () => {
    genkan = await startGenkan();
    vpc = await buildVpc(genkan.client);
    const instance = await launchInstance(genkan.client, vpc, { publicIp: true });
    id = there(instance.InstanceId);
    address = there(instance.PublicIpAddress);
    const igw = await attachGateway(genkan.client, vpc.vpc);
    const route = { RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: igw };
    await genkan.client.send(new ec2.CreateRouteCommand(route));
  });
  after(() => genkan.stop());

  /** A watch that stands: it sees what comes from now on. */
  const watch = async (...argv: string[]): Promise<Watch> => {
    const child = spawn(
      process.execPath,
      ["--no-warnings", join(ROOT, "dist/src/main.js"), "trace", ...argv],
      {
        env: genkan.environment,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const watching = watchOf(child);
    await until(async () => (await watchers()) > 0);
    return watching;
  };
  const watchers = async (): Promise<number> => metric("genkan_trace_watchers");
  const metric = async (name: string): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${genkan.port}/_genkan/metrics`);
    const value = new RegExp(`^${name} (\\d+)$`, "m").exec(await answer.text())?.[1];
    return Number(value ?? Number.NaN);
  };
  const inside = (...command: string[]) => genkan.genkan("exec", id, "--", ...command);

  test("tells an exchange with the internet, packet by packet, until its count is reached", async () => {
    const watching = await watch(id, "--json", "--count", "2", "--address", INTERNET);
    assert.equal((await inside("ping", "-c", "1", "-W", "2", INTERNET)).status, 0);
    const [request, reply, ...more] = (await watching.ended).lines;
    assert.deepEqual(more, []);
    assert.equal((await watching.ended).status, 0);
    assert.deepEqual([request?.from.instance, request?.to?.kind, request?.icmp?.type], [id, "internet", 8]);
    assert.deepEqual(
      [request?.destination, request?.sourceAfter, request?.verdict],
      [INTERNET, address, "passed"],
    );
    assert.deepEqual([reply?.from.kind, reply?.to?.instance, reply?.icmp?.type], ["internet", id, 0]);
    assert.deepEqual(
      [reply?.source, reply?.destination, reply?.destinationAfter],
      [INTERNET, address, request?.source],
    );
  });

  test("shows drops with their reason in both languages, and ends at Ctrl-C", async () => {
    const english = await watch("--verdict", "dropped", "--port", "9", "--lang", "en");
    const japanese = await watch("--reason", "private_destination", "--lang", "ja");
    await until(async () => (await watchers()) === 2);
    await inside("bash", "-c", "echo hello > /dev/udp/10.9.9.9/9");
    const [line] = await english.first;
    const [zeile] = await japanese.first;
    assert.ok(line?.includes(`${id} → ·`));
    assert.match(
      line ?? "",
      /UDP 10\.0\.1\.\d+:\d+ → 10\.9\.9\.9:9 {2}dropped {2}private_destination: the internet does not carry private addresses {2}\d+ B$/,
    );
    assert.match(zeile ?? "", /破棄 {2}private_destination: インターネットはプライベートアドレスを運ばない/);
    for (const one of [english, japanese]) one.child.kill("SIGINT");
    assert.equal((await english.ended).status, 0);
    assert.equal((await japanese.ended).status, 0);
    await until(async () => (await watchers()) === 0);
  });

  test("is over when its watcher is killed", async () => {
    const watching = await watch("--json");
    watching.child.kill("SIGKILL");
    await watching.ended;
    await until(async () => (await watchers()) === 0);
  });

  test("writes what Wireshark reads", async () => {
    const file = join(genkan.home, "capture.pcapng");
    const watching = await watch(id, "--address", INTERNET, "--count", "2", "--pcap", file);
    assert.equal((await inside("ping", "-c", "1", "-W", "2", INTERNET)).status, 0);
    assert.equal((await watching.ended).status, 0);
    const bytes = readFileSync(file);
    assert.equal(bytes.readUInt32LE(0), 0x0a0d0d0a);
    assert.ok(bytes.includes("passed; ICMP echo request"));
    assert.ok(bytes.includes(id), "the interface's name");
  });

  test("refuses what makes no sense", async () => {
    const refused = async (...argv: string[]): Promise<string> =>
      (await genkan.genkan("trace", ...argv)).err.trim();
    assert.match(
      await refused("i-0123456789abcdef0"),
      /There is no instance or network interface i-0123456789abcdef0/,
    );
    assert.match(await refused("--port", "70000"), /--port is a number up to 65535/);
    assert.match(await refused("--reason", "bad_luck"), /--reason is one of: malformed,/);
    assert.match(await refused("--address", "10.0.0.0/33"), /--address is an address or a block/);
    assert.match(await refused("--snap", "257"), /--snap is a number up to 256/);
    assert.match(await refused("--protocol", "udp"), /--protocol goes with --to/);
    assert.match(await refused(id, "--to", INTERNET, "--port", "443"), /--to ADDRESS:PORT/);
    assert.match(await refused(id, "--to", INTERNET, "--verdict", "dropped"), /--verdict is for watching/);
    assert.match(await refused(id, "--instance", id), /choose one/);
    assert.match(await refused("internet"), /goes with --to/);
  });

  test("a refused watch leaves an older capture as it is, and a second Ctrl-C a new one whole", async () => {
    const file = join(genkan.home, "older.pcapng");
    writeFileSync(file, "older");
    assert.equal((await genkan.genkan("trace", "i-0123456789abcdef0", "--pcap", file)).status, 1);
    assert.equal(readFileSync(file, "utf8"), "older");
    const watching = await watch(id, "--pcap", file);
    await watching.begun;
    for (const signal of ["SIGINT", "SIGINT"] as const) watching.child.kill(signal);
    const ended = await watching.ended;
    assert.deepEqual([ended.status, readFileSync(file).readUInt32LE(0)], [0, 0x0a0d0d0a], ended.err);
  });

  test("walks one packet through the tables", async () => {
    const walked = async (...argv: string[]) => {
      const ended = await genkan.genkan("trace", ...argv);
      return { ...ended, trace: argv.includes("--json") ? (JSON.parse(ended.out) as Walk) : undefined };
    };
    const good = await walked(id, "--to", `${INTERNET}:443`, "--json");
    assert.equal(good.status, 0);
    assert.equal(good.trace?.verdict, "passed");
    assert.equal(good.trace?.sourceAfter, address);
    const route = good.trace?.hops.find((hop) => hop.stage === "route");
    assert.deepEqual(route?.entries[0]?.table, "routes");
    assert.match(route?.entries[0]?.key ?? "", new RegExp(`^${vpc.table} 0\\.0\\.0\\.0/0$`));
    assert.match(route?.entries[0]?.value ?? "", /^igw-/);
    const japanese = await walked(id, "--to", "10.9.9.9", "--lang", "ja");
    assert.equal(japanese.status, 1);
    assert.match(japanese.out, /✗ 破棄: private_destination: インターネットはプライベートアドレスを運ばない/);
    const passed = await walked("--instance", id, "--to", INTERNET, "--lang", "ja");
    assert.match(passed.out, /配送: インターネットに渡す\n✓ 通過（インターネット）: TCP /);
    const inbound = await walked("internet", "--to", `${address}:22`, "--lang", "en");
    assert.equal(inbound.status, 0);
    assert.match(
      inbound.out,
      /✓ security group, inbound: a security group rule lets it in: allow all 0\.0\.0\.0\/0/,
    );
    assert.match(inbound.out, new RegExp(`✓ passed to ${id}: TCP ${INTERNET}:40000 → 10\\.0\\.1\\.\\d+:22`));
  });

  test("ends when Genkan does", async () => {
    const watching = await watch("--json");
    process.kill(there(genkan.process.pid), "SIGTERM");
    const ended = await watching.ended;
    assert.equal(ended.status, 1);
    assert.match(ended.err, /Genkan has stopped/);
  });
});

type Walk = {
  readonly verdict: string;
  readonly sourceAfter: string;
  readonly hops: readonly {
    readonly stage: string;
    readonly entries: readonly { readonly table: string; readonly key: string; readonly value: string }[];
  }[];
};

type Watch = {
  readonly child: ChildProcess;
  /** The first line, in text. */
  readonly first: Promise<readonly string[]>;
  /** It has said that it watches. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{
    readonly status: number | null;
    readonly lines: readonly Line[];
    readonly err: string;
  }>;
};

function watchOf(child: ChildProcess): Watch {
  let text = "";
  let err = "";
  const first = new Promise<readonly string[]>((resolve) => {
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.split("\n"));
    });
  });
  const begun = new Promise<void>((resolve) => {
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      err += chunk;
      if (err.includes("\n")) resolve();
    });
  });
  const ended = new Promise<Awaited<Watch["ended"]>>((resolve) => {
    child.on("close", (status) => {
      const lines = text.startsWith("{") ? text.trim().split("\n") : [];
      resolve({ status, err, lines: lines.map((line) => JSON.parse(line) as Line) });
    });
  });
  return { child, first, begun, ended };
}

/** Asks again and again, each time as soon as there is an answer. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) if (Date.now() > end) throw new Error("it does not come about");
}
