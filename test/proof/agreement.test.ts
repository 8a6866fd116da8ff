/**
 * The kernel program and the tables read by hand agree on every packet: verdict, reason, whose it is, and all
 * bytes that leave.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { ROOT } from "../kit/genkan.ts";
import { SEED } from "../random/random-region.ts";
import { openMachine } from "./proof.ts";
import { told } from "./report.ts";
import { fromText, playRandom, replay } from "./scenario.ts";

const PACKETS = Number(process.env["GENKAN_PACKETS"] ?? 10_000);
const FRAMES = 500;

test("the kernel program and the reading by hand agree", { skip: noKernel }, () => {
  const machine = openMachine();
  // Every fourth scenario is of nothing but mutated frames, once there are some to mutate.
  for (let number = 0; machine.frames() < PACKETS; number++) {
    const manner = { seed: SEED, frames: FRAMES, mutated: number % 4 === 3 ? 80 : 12 };
    const { scenario, found } = playRandom(machine, manner, number);
    if (found) assert.fail(told(machine, { manner, number, scenario, found }));
  }
  if (SEED !== 1) return;
  for (const what of [
    "internet",
    "deliver",
    "service",
    "pieces",
    "arp",
    "error",
    "no_route",
    "no_public_ip",
    "network_acl_out",
    "spoofed_source",
  ])
    assert.ok(
      machine.seen.has(what),
      `${what} was seen: ${JSON.stringify(Object.fromEntries(machine.seen))}`,
    );
});

test("they agree on every packet on which they once disagreed", { skip: noKernel }, () => {
  const machine = openMachine();
  const folder = join(ROOT, "test/proof/disagreements");
  for (const name of readdirSync(folder))
    assert.equal(replay(machine, fromText(readFileSync(join(folder, name), "utf8"))), undefined, name);
});
