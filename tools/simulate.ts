/** npm run simulate: runs of a simulated region, each a function of its seed. Exit code 1 when one broke an invariant. */

import { parseArgs } from "node:util";
import { play, told } from "../test/simulation/run.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const began = performance.now();
const sums = { runs: 0, acknowledged: 0, terms: 0, broken: 0 };
for (let run = 0; run < Number(values.runs) && sums.broken < 3; run++) {
  const { acknowledged, terms, found } = await play(Number(values.seed) + run);
  sums.runs += 1;
  sums.acknowledged += acknowledged;
  sums.terms += terms;
  if (!found) continue;
  sums.broken += 1;
  console.log(told(found));
}
const seconds = (performance.now() - began) / 1_000;
console.log(
  `${sums.runs} runs in ${seconds.toFixed(1)} s, ${(sums.runs / seconds).toFixed(1)} a second; ${sums.acknowledged} changes acknowledged by ${sums.terms} leaders; ${sums.broken} broken`,
);
process.exitCode = sums.broken > 0 ? 1 : 0;
