import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeRegion } from "../../bench/region-at-scale.ts";
import { perform } from "../../src/actions/perform.ts";
import { newRegion } from "../../src/actions/test-region.ts";
import { compiledTables, startPlan } from "../../src/agent/image.ts";
import { rowSizes } from "../../src/contract/map-sizes.ts";
import { keyText, type PackedPlan } from "../../src/contract/packed-plan.ts";
import type { TableName } from "../../src/contract/tables.ts";
import { applyChanges, beginTx, type World } from "../../src/model/world.ts";
import type { PlanSettings } from "../../src/plan/settings.ts";
import { type EmbeddedStore, openEmbedded } from "../../src/store/embedded.ts";
import { writeImage } from "../../src/store/image-writer.ts";

const NONE = "00:00:00:00:00:00";
const POOLS = ["11.0.0.0/12"];
const SETTINGS: PlanSettings = {
  pools: POOLS,
  uplink: 2,
  services: 3,
  fragments: 4,
  uplinkMac: NONE,
  uplinkPeerMac: NONE,
  servicesMac: NONE,
  servicesPeerMac: NONE,
  connectionLimit: 1,
};

/** The rows of all tables, whatever their order. */
function rowsOf(plan: PackedPlan): object {
  return Object.fromEntries(
    Object.entries(plan).map(([name, { count, keys, values }]) => {
      const sizes = rowSizes(name as TableName);
      const rows = Array.from(
        { length: count },
        (_, row) => `${keyText(keys, row, sizes.key)} → ${keyText(values, row, sizes.value)}`,
      );
      assert.equal(new Set(rows.map((row) => row.split(" → ")[0])).size, count, `${name} has each key once`);
      return [name, rows.toSorted()];
    }),
  );
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "genkan-image-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs operations as the server does, and waits until they are on disk. */
async function change(
  store: EmbeddedStore,
  world: World,
  calls: readonly (readonly [string, object])[],
): Promise<void> {
  const context = { ...newRegion().context(), pools: POOLS };
  for (const [operation, input] of calls) {
    const tx = beginTx(world, context.account, context.region);
    perform(tx, operation, input, context);
    const changes = tx.changes();
    applyChanges(world, context.account, context.region, changes);
    await store.commit({
      expected: store.revision(),
      parts: [{ account: context.account, region: context.region, changes }],
    });
  }
}

test("the tables that a start takes from an image are those that the state compiles to, whatever changed since", () =>
  inFolder(async (folder) => {
    const made = openEmbedded(folder);
    const { sample } = await makeRegion({ addresses: 30, vpcs: 2, routes: 5, rules: 20 }, made);
    await made.close();
    await writeImage(folder, compiledTables(POOLS));

    const store = openEmbedded(folder);
    const world = await store.load();
    const image = store.loadedImage();
    assert(image);
    assert.deepEqual(
      rowsOf(startPlan(world, image, SETTINGS)),
      rowsOf(startPlan(world, undefined, SETTINGS)),
    );
    const [eni] = [...world.regions.values()].flatMap((region) => region.list("network-interface"));
    await change(store, world, [
      ["DeleteRoute", { RouteTableId: sample.table, DestinationCidrBlock: "0.0.0.0/0" }],
      [
        "CreateRoute",
        { RouteTableId: sample.table, DestinationCidrBlock: "198.51.100.0/24", GatewayId: sample.gateway },
      ],
      ["DeleteNetworkInterface", { NetworkInterfaceId: eni?.id }],
      ["CreateNetworkInterface", { SubnetId: sample.subnet }],
      [
        "AuthorizeSecurityGroupIngress",
        { GroupId: sample.group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: "0.0.0.0/0" },
      ],
      ["CreateVpc", { CidrBlock: "10.9.0.0/16" }],
    ]);
    await store.close();

    const again = openEmbedded(folder);
    const after = await again.load();
    assert((again.loadedImage()?.since.length ?? 0) > 0);
    assert.deepEqual(
      rowsOf(startPlan(after, again.loadedImage(), SETTINGS)),
      rowsOf(startPlan(after, undefined, SETTINGS)),
    );
    assert.notDeepEqual(
      rowsOf(startPlan(after, undefined, SETTINGS)),
      rowsOf(startPlan(world, image, SETTINGS)),
      "something has changed",
    );
    const others = { ...SETTINGS, pools: ["11.0.0.0/13", "12.0.0.0/13"] };
    const label = again.loadedImage()?.label ?? "";
    assert.deepEqual(
      rowsOf(startPlan(after, again.loadedImage(), others)),
      rowsOf(startPlan(after, undefined, others)),
      "other pools",
    );
    assert.notEqual(label, compiledTables(others.pools).label);
    await again.close();
  }));
