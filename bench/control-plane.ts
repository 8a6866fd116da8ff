/**
 * The control plane's speed: the real server with signatures checked and every change on disk, on the
 * loopback of a network namespace of its own, without packets (`--no-packets`: instances are records, and no
 * kernel tables are written).
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Load, sendAll, sendOne } from "./load.ts";
import { optionsApart, runApart } from "./namespace.ts";
import { atLeast, quantile, type Row, rowOf } from "./row.ts";
import { type Server, startServer } from "./server.ts";
import { signedRequest } from "./signed-request.ts";

export type ControlPlaneOptions = {
  /** How often each measure is taken. */
  readonly rounds: number;
  /** Requests in one round of one measure. */
  readonly requests: number;
};

/** The rows of requests per second and latency, reads and durable writes, alone and with 64 clients. */
export function controlPlaneRows(options: ControlPlaneOptions): Promise<readonly Row[]> {
  return runApart(HERE, options);
}

const HERE = fileURLToPath(import.meta.url);
const CLIENTS = 64;

async function measureRates({ rounds, requests }: ControlPlaneOptions): Promise<readonly Row[]> {
  const home = mkdtempSync(join(tmpdir(), "genkan-bench-"));
  const profile = process.env["GENKAN_BENCH_PROFILE"];
  const server = await startServer({
    home,
    nodeOptions: profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`],
  });
  try {
    const gateway =
      /igw-[0-9a-f]{17}/.exec(await call(server, { Action: "CreateInternetGateway" }))?.[0] ?? "";
    const describe = { Action: "DescribeInternetGateways", "InternetGatewayId.1": gateway };
    const create = { Action: "CreateInternetGateway" };
    const alone = Math.ceil(requests / 10);
    // The compiler's warming up is no part of the figure.
    for (const parameters of [describe, create]) await load(server, CLIENTS, parameters, requests);
    const samples = {
      describe: [] as Load[],
      create: [] as Load[],
      describeAlone: [] as Load[],
      createAlone: [] as Load[],
    };
    for (let round = 0; round < rounds; round++) {
      samples.describe.push(await load(server, CLIENTS, describe, requests));
      samples.create.push(await load(server, CLIENTS, create, requests));
      samples.describeAlone.push(await load(server, 1, describe, alone));
      samples.createAlone.push(await load(server, 1, create, alone));
    }
    return [
      rateRow("signed describe of one gateway, 64 clients", samples.describe, {
        must: atLeast(4_000),
        aim: atLeast(10_000),
      }),
      rateRow("signed durable create, 64 clients", samples.create, {
        must: atLeast(2_000),
        aim: atLeast(6_000),
      }),
      rateRow("signed describe of one gateway, alone", samples.describeAlone, {}),
      rateRow("signed durable create, alone", samples.createAlone, {}),
      ...latencyRows("describe of one gateway, 64 clients", samples.describe),
      ...latencyRows("durable create, 64 clients", samples.create),
      ...latencyRows("describe of one gateway, alone", samples.describeAlone),
      ...latencyRows("durable create, alone", samples.createAlone),
    ];
  } finally {
    await server.stop();
    rmSync(home, { recursive: true });
  }
}

function rateRow(measure: string, loads: readonly Load[], bounds: Pick<Row, "must" | "aim">): Row {
  return rowOf({ measure, ...bounds, unit: "/s", samples: loads.map(({ rate }) => rate) });
}

function latencyRows(measure: string, loads: readonly Load[]): readonly Row[] {
  return [0.5, 0.99].map((share) =>
    rowOf({
      measure: `${measure}, p${share * 100}`,
      unit: "ms",
      samples: loads.map(({ latencies }) => quantile(latencies, share)),
    }),
  );
}

function call(server: Server, parameters: Readonly<Record<string, string>>): Promise<string> {
  return sendOne(server.port, signedRequest(server.signer, parameters, new Date()));
}

/** The requests are signed before the clock runs. */
function load(
  server: Server,
  clients: number,
  parameters: Readonly<Record<string, string>>,
  count: number,
): Promise<Load> {
  const now = new Date();
  const requests = Array.from({ length: count }, () => signedRequest(server.signer, parameters, now));
  return sendAll({ port: server.port, clients, requests });
}

const options = optionsApart<ControlPlaneOptions>(HERE);
if (options) process.stdout.write(JSON.stringify(await measureRates(options)));
