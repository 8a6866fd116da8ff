import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { boxMachines } from "../../src/box/box-plan.ts";
import { ensureBoxNetwork } from "../../src/box/network.ts";
import { ensureUpstream, REGION_AS, ROUTER, ROUTER_AS, uplinkAddress } from "../../src/box/upstream.ts";
import { inNetwork, ip, run } from "../../src/host/command.ts";
import { type Installation, installationAt } from "../../src/host/installation.ts";
import { ensureNamespaces } from "../../src/host/namespaces.ts";
import { tearDown } from "../../src/host/tear-down.ts";
import { birdConfig } from "../../src/underlay/bird-config.ts";
import { ensureBird } from "../../src/underlay/bird.ts";
import { noBird } from "../../src/underlay/test-bird.ts";

const notRoot = process.getuid?.() === 0 ? false : "not root";
const POOL = "203.0.113.0/24";

describe("the router of a box's simulated internet", { skip: notRoot || noBird, timeout: 60_000 }, () => {
  const machines = boxMachines(3);
  const gateways = machines.filter(({ roles }) => roles.includes("gateway"));
  const home = mkdtempSync(join(tmpdir(), "genkan-upstream-"));
  const homes = machines.map(({ name }) => join(home, name));
  const at = (path: string): Installation => installationAt(path);
  let paths: readonly string[] = [];
  let monitor: ChildProcess | undefined;

  before(async () => {
    for (const own of homes) {
      mkdirSync(own);
      await ensureNamespaces(at(own));
    }
    mkdirSync(at(home).records, { recursive: true });
    paths = await ensureBoxNetwork(at(home), machines);
    await ensureUpstream({
      installation: at(home),
      between: join(at(home).run, "box/between"),
      machines: machines.map((machine, index) => ({
        ...machine,
        dp: at(homes[index] ?? "").namespaces.dp,
      })),
    });
  });
  after(async () => {
    monitor?.kill();
    for (const own of [...homes, home]) await tearDown(own);
    rmSync(home, { recursive: true });
  });

  const announce = async (index: number, pools: readonly string[]): Promise<void> => {
    const { address, name } = gateways[index] ?? assert.fail("a gateway");
    const place = machines.findIndex((machine) => machine.name === name);
    const upstream = {
      routers: [{ address: ROUTER, as: ROUTER_AS }],
      as: REGION_AS,
      nextHop: uplinkAddress(index),
      pools,
    };
    const config = birdConfig({ address, gateway: true, gateways: [], watchers: [], upstream });
    await ensureBird(at(homes[place] ?? ""), config, paths[place]);
  };
  const until = async (...wanted: readonly string[]): Promise<void> => {
    const { internet } = at(home).namespaces;
    monitor?.kill();
    monitor = spawn("nsenter", [`--net=${internet}`, "--", "ip", "monitor", "route"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const told = monitor.stdout?.[Symbol.asyncIterator]();
    const hops = async (): Promise<readonly string[]> => {
      type Route = { gateway?: string; prefsrc?: string; nexthops?: { gateway: string }[] };
      const shown = await run([...inNetwork(internet), "ip", "-j", "route", "show", POOL]);
      const routes = JSON.parse(shown) as readonly Route[];
      for (const { prefsrc } of routes) assert.equal(prefsrc, "198.51.100.1");
      return routes
        .flatMap(({ gateway, nexthops }) => gateway ?? nexthops?.map((hop) => hop.gateway) ?? [])
        .toSorted();
    };
    while ((await hops()).join() !== wanted.join()) await told?.next();
  };
  const [one, two] = [uplinkAddress(0), uplinkAddress(1)];

  it("sends the region's addresses to every gateway that announces them", async () => {
    await announce(0, [POOL]);
    await until(one);
    await announce(1, [POOL]);
    await until(one, two);
  });

  it("to no gateway that is silent, and again when it is back", async () => {
    const between = join(at(home).run, "box/between");
    const name = gateways[1]?.name;
    await ip(between, [`link set ${name} nomaster`]);
    await until(one);
    await ip(between, [`link set ${name} master bridge`]);
    await until(one, two);
  });

  it("to no gateway that takes its announcement back, as when it is drained", async () => {
    await announce(0, []);
    await until(two);
    await announce(0, [POOL]);
    await until(one, two);
  });
});
