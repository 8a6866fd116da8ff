/**
 * Fuzzes the decoding and answering of requests: `npm run fuzz -- --requests N [--seed N] [--only N]`. Prints
 * what it made and found; exit status 1 when something was wrong. For every 50 requests one goes, in changed
 * bytes, over a connection to 127.0.0.1. `--only` makes one request of a run again, by its number.
 */

import { parseArgs } from "node:util";
import { fuzzHttp } from "../test/fuzz/http.ts";
import { fuzz } from "../test/fuzz/requests.ts";

/** A number of an option; anything else would fuzz nothing and find nothing. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && text.trim() !== "") return value;
  console.error(`--${name} takes a whole number, not ${text}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const began = performance.now();
let highest = 0;
const figures = await fuzz({
  requests: count("requests", values.requests),
  seed: count("seed", values.seed),
  only: values.only === undefined ? undefined : count("only", values.only),
  progress: () => {
    highest = Math.max(highest, process.memoryUsage().rss);
  },
});
for (const { request, what, body } of figures.findings)
  console.log(`request ${request}: ${what}\n  ${body}\n`);
const { requests, decoded, done, tampered, operations, slowest, codes, findings } = figures;
console.log(
  `${requests} requests, seed ${values.seed}, in ${((performance.now() - began) / 1000).toFixed(0)} s`,
);
console.log(
  `${decoded} were decoded, ${done} answered well, by ${operations.size} operations; ${tampered} were tampered with`,
);
console.log(
  `slowest: request ${slowest.request}, ${slowest.milliseconds.toFixed(0)} ms; memory at most ${(highest / 1e6).toFixed(0)} MB`,
);
console.log(`error codes: ${[...codes].map(([code, count]) => `${code} ${count}`).join(", ")}`);
const http = await fuzzHttp(values.only === undefined ? Math.ceil(requests / 50) : 0, Number(values.seed));
for (const finding of http.findings) console.log(`over a connection: ${finding}\n`);
const statuses = [...http.statuses].map(([status, count]) => `${status} ${count}`).join(", ");
console.log(`over connections: ${statuses}`);
console.log(`${findings.length + http.findings.length} findings`);
process.exitCode = findings.length + http.findings.length === 0 ? 0 : 1;
