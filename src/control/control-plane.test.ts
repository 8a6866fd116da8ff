import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent } from "../agent/agent.ts";
import { imageAnswers } from "../answers/image-answers.ts";
import { type Delta, ROUTE_TARGET } from "../contract/tables.ts";
import { seededRandom } from "../lib/random.ts";
import { Fault } from "../model/fault.ts";
import { DEFAULT_QUOTAS } from "../model/quota.ts";
import { newWorld } from "../model/world.ts";
import { BadQuestion } from "../protocol/question.ts";
import { type Store, StoreError } from "../store/store.ts";
import { openMemory } from "../store/test-memory.ts";
import { ControlPlane } from "./control-plane.ts";

const POOLS = ["203.0.113.0/24"];
const ACCOUNT = "123456789012";
const [EAST, WEST] = ["us-east-1", "us-west-2"] as const;

/**
 * A control plane without a machine. `seen`: what the control plane sent to the kernel and to others; `full`:
 * the disk refuses every write.
 */
function newPlane() {
  const memory = openMemory();
  const seen = { deltas: [] as Delta[], changed: [] as string[], full: false };
  const store: Store = {
    ...memory,
    commit: (commit) =>
      seen.full ? Promise.reject(new StoreError("full", "no space is left")) : memory.commit(commit),
  };
  const world = newWorld();
  const agent = new Agent({
    world,
    revision: store.revision(),
    pools: POOLS,
    applyDelta: (delta) => void seen.deltas.push(delta),
    machine: undefined,
    report: (realm, report) => plane.report(realm, report),
    onChanged: ({ region }) => void seen.changed.push(region),
    log: () => undefined,
  });
  const plane: ControlPlane = new ControlPlane({
    world,
    store,
    settings: { pools: POOLS, byoip: [], ownRegions: [], quotas: DEFAULT_QUOTAS },
    now: () => new Date("2026-01-01T00:00:00Z"),
    random: seededRandom(1),
    generateKeyPair: () => "",
    console: () => undefined,
    follow: (parts) => agent.follow(parts),
    log: () => undefined,
  });
  const ask = async (region: string, operation: string, input: object): Promise<string> =>
    JSON.stringify(await plane.perform({ account: ACCOUNT, region, operation, input }));
  const made = async (region: string, operation: string, input: object): Promise<string> =>
    /"((?:vpc|pcx|rtb)-[0-9a-f]{17})"/.exec(await ask(region, operation, input))?.[1] ?? "";
  const state = (region: string, id: string) =>
    plane.reader({ account: ACCOUNT, region }).get("vpc-peering-connection", id)?.status;
  return { plane, agent, store, seen, ask, made, state };
}

/** A peering request between VPCs of two regions, with a route to it in each. */
async function withRequest() {
  const parts = newPlane();
  const { made, ask, seen } = parts;
  const east = await made(EAST, "CreateVpc", { CidrBlock: "10.0.0.0/16" });
  const west = await made(WEST, "CreateVpc", { CidrBlock: "10.1.0.0/16" });
  const id = await made(EAST, "CreateVpcPeeringConnection", {
    VpcId: east,
    PeerVpcId: west,
    PeerRegion: WEST,
  });
  for (const [region, VpcId, DestinationCidrBlock] of [
    [EAST, east, "10.1.0.0/16"],
    [WEST, west, "10.0.0.0/16"],
  ] as const) {
    const RouteTableId = await made(region, "CreateRouteTable", { VpcId });
    await ask(region, "CreateRoute", { RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId: id });
  }
  seen.deltas.length = 0;
  seen.changed.length = 0;
  return { ...parts, id };
}

test("a change of two regions is one revision, one delta with the rows of both, and told of each", async () => {
  const { plane, agent, store, seen, ask, state, id } = await withRequest();
  const before = store.revision();
  await ask(WEST, "AcceptVpcPeeringConnection", { VpcPeeringConnectionId: id });
  assert.deepEqual([store.revision(), agent.obeyed], [before + 1, before + 1]);
  assert.deepEqual([state(EAST, id), state(WEST, id)], ["active", "active"]);
  assert.equal(seen.deltas.length, 1);
  const slots = [EAST, WEST].map((region) => {
    const vpcs = plane.reader({ account: ACCOUNT, region }).list("vpc");
    const vpc = vpcs.find(({ isDefault }) => !isDefault);
    return vpc?.slot ?? 0;
  });
  const rows =
    seen.deltas[0]?.puts.flatMap((row) => (row.table === "routes" ? [[row.key.address, row.value]] : [])) ??
    [];
  const target = ROUTE_TARGET.remote_peering;
  assert.deepEqual(
    new Map(rows as [string, object][]),
    new Map([
      ["10.0.0.0", { target, slot: slots[0] }],
      ["10.1.0.0", { target, slot: slots[1] }],
    ]),
  );
  assert.deepEqual(new Set(seen.deltas[0]?.vpcs), new Set(slots));
  assert.deepEqual(new Set(seen.changed), new Set([EAST, WEST]));
});

test("a change of two regions that the disk refuses is undone in both", async () => {
  const { store, seen, ask, state, id } = await withRequest();
  const before = store.revision();
  seen.full = true;
  const refused = await ask(WEST, "AcceptVpcPeeringConnection", { VpcPeeringConnectionId: id }).catch(
    (error: unknown) => error,
  );
  assert.ok(refused instanceof Fault && refused.code === "Unavailable");
  assert.deepEqual([state(EAST, id), state(WEST, id)], ["pending-acceptance", "pending-acceptance"]);
  assert.deepEqual([store.revision(), seen.deltas, seen.changed], [before, [], []]);
  seen.full = false;
  await ask(WEST, "AcceptVpcPeeringConnection", { VpcPeeringConnectionId: id });
  assert.deepEqual([state(EAST, id), state(WEST, id)], ["active", "active"]);
});

test("a reset empties every region in one revision", async () => {
  const { plane, store, ask, id } = await withRequest();
  await ask(WEST, "AcceptVpcPeeringConnection", { VpcPeeringConnectionId: id });
  const before = store.revision();
  await plane.reset();
  assert.equal(store.revision(), before + 1);
  for (const realm of plane.realms())
    assert.equal(plane.reader(realm).count("vpc-peering-connection") + plane.reader(realm).count("vpc"), 0);
});

test("a region that was only read is not created", async () => {
  const { plane, made, state } = newPlane();
  const VpcId = await made(EAST, "CreateVpc", { CidrBlock: "10.0.0.0/16" });
  const id = await made(EAST, "CreateVpcPeeringConnection", {
    VpcId,
    PeerVpcId: "vpc-0123456789abcdef0",
    PeerRegion: WEST,
  });
  assert.equal(state(EAST, id), "failed");
  assert.deepEqual(plane.realms(), [{ account: ACCOUNT, region: EAST }]);
});

test("an image is made known only in a region that exists", async () => {
  const { plane } = newPlane();
  const own = { account: ACCOUNT, region: EAST };
  const { aliasImage, removeImage, images } = imageAnswers(plane, own);
  const asking = <Question extends object>(question: Question) => ({ id: "", question });
  for (const region of ["us-west-9", "a/b", "", "__proto__", "us-west-2/", "../us-west-2"]) {
    await assert.rejects(async () => aliasImage(asking({ name: "known", region })), BadQuestion, region);
    await assert.rejects(async () => removeImage(asking({ name: "known", region })), BadQuestion, region);
  }
  assert.deepEqual(plane.realms(), []);
  await aliasImage(asking({ name: "known" }));
  await aliasImage(asking({ name: "known", region: WEST }));
  assert.deepEqual(plane.realms(), [own, { account: ACCOUNT, region: WEST }]);
  assert.match(JSON.stringify(images(asking({}))), /"us-east-1".*"us-west-2"/);
});
