import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sendOne } from "./load.ts";
import { optionsApart, runApart } from "./namespace.ts";
import { atMost, type Row, rowOf } from "./row.ts";
import { type Server, startServer, takeDown } from "./server.ts";
import { signedRequest } from "./signed-request.ts";

type Options = { readonly count: number; readonly rounds: number };

/**
 * How long instances take from one RunInstances until all of them are running: namespaces, sandboxes, links,
 * user data and all.
 */
export function instanceRows(options: Options): Promise<readonly Row[]> {
  return runApart(HERE, options);
}

const HERE = fileURLToPath(import.meta.url);
const OFTEN_MILLISECONDS = 20;

async function measure({ count, rounds }: Options): Promise<readonly Row[]> {
  const home = mkdtempSync(join(tmpdir(), "genkan-bench-"));
  try {
    const server = await startServer({ home, packets: true });
    try {
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) samples.push(await launch(server, count));
      const bounds = count === 100 ? { must: atMost(10), aim: atMost(3) } : {};
      return [
        rowOf({ measure: `${count} instances from RunInstances to running`, ...bounds, unit: "s", samples }),
      ];
    } finally {
      await server.stop();
      await takeDown(home);
    }
  } finally {
    rmSync(home, { recursive: true });
  }
}

/** Seconds. The instances are terminated afterwards. */
async function launch(server: Server, count: number): Promise<number> {
  const call = (parameters: Readonly<Record<string, string>>): Promise<string> =>
    sendOne(server.port, signedRequest(server.signer, parameters, new Date()));
  const started = performance.now();
  const image = { ImageId: "ami-0123456789abcdef0", InstanceType: "t3.micro" };
  const answer = await call({
    Action: "RunInstances",
    ...image,
    MinCount: String(count),
    MaxCount: String(count),
  });
  const ids = [...answer.matchAll(/<instanceId>(i-[0-9a-f]{17})<\/instanceId>/g)].map(([, id]) => id ?? "");
  const named = Object.fromEntries(ids.map((id, index) => [`InstanceId.${index + 1}`, id]));
  await until(async () => states(await call({ Action: "DescribeInstances", ...named }), "running") === count);
  const seconds = (performance.now() - started) / 1000;
  await call({ Action: "TerminateInstances", ...named });
  await until(
    async () => states(await call({ Action: "DescribeInstances", ...named }), "terminated") === count,
  );
  return seconds;
}

function states(answer: string, name: string): number {
  return answer.split(`<name>${name}</name>`).length - 1;
}

/** Asks again and again, as a client's waiter does, only more often. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, OFTEN_MILLISECONDS));
}

const options = optionsApart<Options>(HERE);
if (options) process.stdout.write(JSON.stringify(await measure(options)));
