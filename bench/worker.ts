/**
 * A traffic generator or the other end of one, a process of its own on one processor: takes jobs from its
 * parent, one at a time.
 */

import { inNamespace } from "../src/datapath/netns.ts";
import { bulk } from "./client-bulk.ts";
import { rate } from "./client-rate.ts";
import { connections, roundTrips } from "./client-round-trips.ts";
import type { Answer, Job, Said } from "./job.ts";
import { pinTo, setOffloads } from "./libc.ts";
import { prove } from "./prove.ts";
import { openService } from "./service.ts";

const DO: {
  readonly [K in Job["kind"]]: (job: Extract<Job, { kind: K }>) => Answer[K] | Promise<Answer[K]>;
} = {
  prove: ({ path }) => prove(path),
  rate,
  "round-trips": roundTrips,
  connections,
  bulk,
  offloads: ({ paths, on }) => {
    for (const { instance, internet } of paths)
      for (const end of [instance, internet])
        inNamespace(end, () => setOffloads("eth0", { tso: on, gso: on, gro: false }));
    return null;
  },
  serve: async (job) => {
    const serve = openService(job);
    // The parent must have heard it before this thread blocks.
    await said({ kind: "ready" });
    await new Promise((resolve) => setImmediate(resolve));
    serve();
    return null;
  },
};

function said(what: Said): Promise<void> {
  return new Promise((resolve, reject) =>
    process.send?.(what, undefined, undefined, (error) => (error ? reject(error) : resolve())),
  );
}

async function work<K extends Job["kind"]>(job: Extract<Job, { kind: K }>): Promise<void> {
  try {
    const answer = await (DO[job.kind] as (job: Extract<Job, { kind: K }>) => unknown)(job);
    await said({ kind: "done", answer });
  } catch (error) {
    await said({
      kind: "failed",
      why: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}

pinTo(Number(process.argv[2]));
process.on("message", (job: Job) => void work(job));
