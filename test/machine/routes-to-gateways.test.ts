import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { boxMachines } from "../../src/box/box-plan.ts";
import { ensureBoxNetwork } from "../../src/box/network.ts";
import { inNetwork, ip, run } from "../../src/host/command.ts";
import { type Installation, installationAt } from "../../src/host/installation.ts";
import { ensureNamespaces } from "../../src/host/namespaces.ts";
import { isAlive, readRecord, signal } from "../../src/host/processes.ts";
import { tearDown } from "../../src/host/tear-down.ts";
import { birdConfig, GATEWAYS_ADDRESS } from "../../src/underlay/bird-config.ts";
import { bfdSessions, ensureBird } from "../../src/underlay/bird.ts";
import { setGatewaysAddress, setLastRoute } from "../../src/underlay/overlay.ts";
import { noBird } from "../../src/underlay/test-bird.ts";

const notRoot = process.getuid?.() === 0 ? false : "not root";

describe("the routes to the gateways", { skip: notRoot || noBird, timeout: 60_000 }, () => {
  const machines = boxMachines(3);
  const [host = "", one = "", two = ""] = machines.map(({ address }) => address);
  const homes: string[] = [];
  let installations: readonly Installation[] = [];
  let paths: readonly string[] = [];
  let monitor: ChildProcess;

  before(async () => {
    for (const _ of machines) homes.push(mkdtempSync(join(tmpdir(), "genkan-bird-")));
    installations = homes.map(installationAt);
    for (const installation of installations) await ensureNamespaces(installation);
    paths = await ensureBoxNetwork(at(0), machines);
  });
  after(async () => {
    monitor?.kill();
    for (const home of homes) {
      await tearDown(home);
      rmSync(home, { recursive: true });
    }
  });

  const at = (index: number): Installation => installations[index] ?? assert.fail("there are three");
  const hops = async (): Promise<readonly string[]> => {
    const words = ["ip", "-j", "route", "show", GATEWAYS_ADDRESS, "proto", "bird"];
    type Route = { readonly gateway?: string; readonly nexthops?: readonly { readonly gateway: string }[] };
    const routes = JSON.parse(await run([...inNetwork(paths[0]), ...words])) as readonly Route[];
    return routes
      .flatMap(({ gateway, nexthops }) => gateway ?? nexthops?.map((hop) => hop.gateway) ?? [])
      .toSorted();
  };
  const monitorRoutes = (): ChildProcess =>
    spawn("nsenter", [`--net=${paths[0]}`, "--", "ip", "monitor", "route"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
  /** Settles when the route has these hops, as the kernel tells it. */
  const until = async (...wanted: readonly string[]): Promise<void> => {
    monitor?.kill();
    monitor = monitorRoutes();
    const told = monitor.stdout?.[Symbol.asyncIterator]();
    while ((await hops()).join() !== wanted.join()) await told?.next();
  };
  const watched = (gateways: readonly string[]): Promise<void> =>
    ensureBird(at(0), birdConfig({ address: host, gateway: false, gateways, watchers: [] }), paths[0]);

  it("lead to every gateway that BFD hears", async () => {
    await watched([one, two]);
    for (const [index, address] of [one, two].entries())
      await ensureBird(
        at(index + 1),
        birdConfig({ address, gateway: true, gateways: [one, two], watchers: [host] }),
        paths[index + 1],
      );
    await until(one, two);
    const sessions = await bfdSessions(at(0));
    assert.deepEqual([sessions.get(one), sessions.get(two)], ["up", "up"]);
  });

  it("no longer to one that is silent, and again when it is back", async () => {
    const between = join(at(0).run, "box/between");
    await ip(between, ["link set machine-3 nomaster"]);
    await until(one);
    await ip(between, ["link set machine-3 master bridge"]);
    await until(one, two);
  });

  it("lose no packet while BIRD is dead, and when it comes back", async () => {
    await setLastRoute([one, two], paths[0]);
    for (const path of paths.slice(1)) await setGatewaysAddress(true, path);
    const pings = spawn(
      "nsenter",
      [`--net=${paths[0]}`, "--", "ping", "-q", "-i", "0.002", "-c", "1500", GATEWAYS_ADDRESS],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const told = text(pings.stdout);
    const record = readRecord(at(0).records, "bird") ?? assert.fail("BIRD has a record");
    signal(record, "SIGKILL");
    while (isAlive(record)) await new Promise(setImmediate);
    assert.deepEqual(await hops(), [one, two]);
    await watched([one, two]);
    while ((await bfdSessions(at(0))).get(one) !== "up");
    await until(one, two);
    assert.match(await told, /1500 packets transmitted, 1500 received/);
  });

  it("follow the machines: one that is drained is no hop", async () => {
    await watched([two]);
    await until(two);
    await watched([one, two]);
    await until(one, two);
  });
});
