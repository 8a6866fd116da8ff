/**
 * Packets between three machines, each with the kernel program and tables of its own, against one reading of one
 * machine's tables by hand: the same verdict and reason at the end, and the same bytes. Left out: what NAT
 * gateways carry, whose ports differ, and pieces.
 */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { memoryTables } from "../../src/contract/memory-tables.ts";
import { type Entry, INTERFACE_FLAGS } from "../../src/contract/tables.ts";
import { type Datapath, openDatapath } from "../../src/datapath/loader.ts";
import { bpffs, noKernel, OBJECT } from "../../src/datapath/test-kit.ts";
import { type TestRun, testRun } from "../../src/datapath/test-run.ts";
import { present } from "../../src/lib/assert.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { settingsRow } from "../../src/plan/settings.ts";
import { allowanceMemory } from "../../src/reach/allowance-memory.ts";
import { connectionMemory } from "../../src/reach/connection.ts";
import { fragmentMemory } from "../../src/reach/fragment-memory.ts";
import { natMemory } from "../../src/reach/nat-connection.ts";
import { choices } from "../kit/choice.ts";
import { SETTINGS } from "../kit/scene.ts";
import type { Sent } from "../random/random-frame.ts";
import { growth, POOLS, randomRegion, SEED } from "../random/random-region.ts";
import { ETHERNET } from "../reference/bytes.ts";
import { type Forwarded, forward } from "../reference/forward.ts";
import { difference, writeTime } from "./proof.ts";
import { traffic, viewOf } from "./traffic.ts";

const SECOND = 1_000_000_000n;
const FORGETTING = 432_100n * SECOND;
const SCENARIOS = 20;
const FRAMES = 300;
/** The last one is the gateway. */
const ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const GATEWAYS = "100.127.0.1";
const OVERLAY = 6;
const MOST_HOPS = 3;

const machineOf = (slot: number): number => slot % 2;
const markOf = (address: string): number =>
  address.split(".").reduce((sum, byte, place) => sum + Number(byte) * 256 ** place, 0);

function open(clock: () => bigint): Datapath[] {
  const folder = bpffs();
  return ADDRESSES.map((_, place) => {
    const pins = join(folder, `machine-${place}`);
    mkdirSync(pins);
    const sizes = { interfaces: 256, publicAddresses: 1024, vpcs: 256, subnets: 256, flows: 32 };
    const datapath = openDatapath({ pins, netns: "/proc/thread-self/ns/net", object: OBJECT, sizes, clock });
    datapath.setMachines(ADDRESSES.map((address, at) => ({ number: at + 1, address })));
    datapath.reconcile([]);
    return datapath;
  });
}

/** The frame through the machines to its end; `verdict` is the first one that says what became of it. */
function carried(machines: readonly Datapath[], { entrance, bytes, segment }: Sent) {
  const isInside = entrance.kind === "interface";
  let at = isInside ? machineOf(entrance.slot) : ADDRESSES.length - 1;
  const start = present(machines[at], "a machine").programs;
  let run: TestRun = isInside
    ? testRun(start.from_eni, bytes, { link: entrance.slot, gsoSize: segment })
    : testRun(start.from_uplink, bytes, { link: 2, gsoSize: segment });
  let { verdict, reason } = run;
  let hops = 0;
  for (; run.tunnel.vni !== 0 && hops < MOST_HOPS; hops++) {
    const { address, vni } = run.tunnel;
    const mark = markOf(present(ADDRESSES[at], "an address"));
    at = address === GATEWAYS ? ADDRESSES.length - 1 : ADDRESSES.indexOf(address);
    const program = present(machines[at], address).programs.from_overlay;
    run = testRun(program, run.frame, { link: OVERLAY, mark, priority: vni, gsoSize: segment });
    if (verdict === "machine") ({ verdict, reason } = run);
  }
  return { verdict, reason, hops, frame: run.frame.subarray(ETHERNET).toString("hex") };
}

const isLeftOut = ({ trace, pieces }: Forwarded): boolean =>
  pieces !== undefined || (trace?.steps.some(({ stage }) => stage === "nat_gateway") ?? false);

test("what machines do together is what one machine does", { skip: noKernel }, () => {
  let now = 1_000n * SECOND;
  const machines = open(() => now);
  const held: (readonly Entry[])[] = ADDRESSES.map(() => []);
  let between = 0;
  for (let number = 0; number < SCENARIOS; number++) {
    now += FORGETTING;
    const choice = choices(SEED, number);
    const region = randomRegion();
    for (const step of growth(choice, 20 + choice.below(30))) region.run(step);
    const settings = { ...SETTINGS, pools: POOLS, connectionLimit: 1_000, linkLocalAllowance: 100_000, now };
    const plan = fullPlan(region.readers(), settings);
    for (const [place, datapath] of machines.entries()) {
      const own = { machine: place + 1, overlay: OVERLAY, overlayMtu: 20_000, gateways: GATEWAYS };
      const uplink = place === ADDRESSES.length - 1 ? settings.uplink : 0;
      const rows = plan.map((entry): Entry => {
        if (entry.table === "settings") return settingsRow({ ...settings, ...own, uplink });
        if (entry.table !== "interfaces" || entry.value.flags & INTERFACE_FLAGS.nat_gateway) return entry;
        return { ...entry, value: { ...entry.value, machine: machineOf(entry.key) + 1 } };
      });
      datapath.apply(difference(held[place] ?? [], rows));
      held[place] = rows;
    }
    const tables = memoryTables(plan);
    const memory = { connections: connectionMemory(), fragments: fragmentMemory(), nat: natMemory() };
    const spent = allowanceMemory();
    const view = viewOf(tables.entries(), present(tables.lookup("settings", 0), "the settings"));
    const frames = traffic(choice, 8);
    for (let count = 0; count < FRAMES; count++) {
      now += SECOND / 3n;
      for (const datapath of machines) writeTime(datapath, now);
      const sent = frames.next(view);
      const became = forward(tables, sent.bytes, sent.entrance, { ...memory, spent, now }, sent.segment);
      frames.arrived(sent, became);
      if (sent.entrance.kind === "services") continue;
      const { hops, ...got } = carried(machines, sent);
      between += hops;
      if (isLeftOut(became)) continue;
      const { verdict, reason } = became;
      const frame = became.frame ? Buffer.from(became.frame.subarray(ETHERNET)).toString("hex") : got.frame;
      assert.deepEqual(got, { verdict, reason, frame }, `scenario ${number}, frame ${count}`);
    }
  }
  assert.ok(between > 100, `${between} ways between machines`);
  for (const datapath of machines) datapath.close();
});
