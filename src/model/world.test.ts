import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  array,
  assert as check,
  boolean,
  constantFrom,
  infiniteStream,
  nat,
  property,
  record,
  type Arbitrary,
} from "fast-check";
import { parseIpv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { indexKeys } from "./index-keys.ts";
import type { NetworkInterface } from "./network-interface.ts";
import { readerBefore, Region } from "./region.ts";
import { INDEXES, KINDS, type Kind, type Resource, SLOTTED } from "./resource.ts";
import type { Change, Part, Reader, Tx } from "./state.ts";
import { packedFrom } from "./test-packed.ts";
import { publicIpsOf } from "./world-shared.ts";
import {
  applyChanges,
  applyParts,
  beginTx,
  newWorld,
  readerOf,
  regionOf,
  restore,
  type Transaction,
  type World,
} from "./world.ts";

const ACCOUNT = "123456789012";
const REGIONS = ["us-east-1", "eu-west-1"];

type Step = {
  readonly what: "put" | "delete";
  readonly kind: 0 | 1 | 2;
  readonly name: number;
  readonly a: number;
  readonly b: number;
};
type Round = {
  readonly region: number;
  readonly steps: readonly Step[];
  readonly undo: boolean;
  readonly pack: boolean;
};

const step: Arbitrary<Step> = record({
  what: constantFrom("put", "put", "put", "delete"),
  kind: constantFrom(0, 1, 2),
  name: nat(6),
  a: nat(3),
  b: nat(3),
});
const round: Arbitrary<Round> = record({
  region: nat(1),
  steps: array(step, { maxLength: 12 }),
  undo: boolean(),
  pack: boolean(),
});

/** The resource that a step is about: interfaces, addresses and routes that move between a few keys. */
function resourceOf({ kind, name, a, b }: Step, region: string, slot: () => number): Resource {
  // Only one resource may have a public address.
  const publicIp = `${20 + REGIONS.indexOf(region)}.${kind}.${name}.${b}`;
  if (kind === 1) {
    const association = {
      associationId: `eipassoc-${name}`,
      networkInterfaceId: `eni-${a}`,
      privateIpAddress: "10.0.0.4",
    };
    return { kind: "address", id: `eipalloc-${name}`, tags: {}, publicIp, ...(b > 1 ? { association } : {}) };
  }
  if (kind === 2) {
    const target = { kind: "internet-gateway", id: `igw-${b}` } as const;
    return {
      kind: "route",
      id: `rtb|${name}`,
      tags: {},
      routeTableId: `rtb-${a}`,
      vpcId: "vpc-1",
      destination: String(name),
      target,
    };
  }
  const place = {
    vpcId: `vpc-${a}`,
    subnetId: `subnet-${b}`,
    availabilityZone: "",
    groupIds: [`sg-${a}`, `sg-${b}`],
  };
  const rest = {
    description: "",
    macAddress: "",
    sourceDestCheck: true,
    requesterManaged: false,
    assignPublicIp: false,
  };
  const eni: NetworkInterface = {
    kind: "network-interface",
    id: `eni-${name}`,
    tags: {},
    slot: slot(),
    privateIpAddresses: [`10.0.0.${b}`, `10.0.1.${b}`],
    ...place,
    ...rest,
    ...(a > 1 ? { autoPublicIp: publicIp } : {}),
  };
  return eni;
}

function take(tx: Tx, below: Reader, region: string, s: Step): void {
  const known = [tx, below].map((reader) => reader.get("network-interface", `eni-${s.name}`)?.slot);
  const made = resourceOf(s, region, () => known[0] ?? known[1] ?? tx.slot("network-interface"));
  if (s.what === "put") tx.put(made);
  else if (tx.get(made.kind, made.id)) tx.delete(made.kind, made.id);
}

/** All that a reader says, in a form that is the same for each reader. */
function everything(reader: Reader, keys: ReadonlySet<string>): object {
  return Object.fromEntries(
    KINDS.map((kind) => {
      const indexes = Object.keys(INDEXES[kind]).map((index) => [
        index,
        [...keys].map((key) => {
          const found = reader.by(kind, index as never, key);
          assert.equal(reader.countBy(kind, index as never, key), found.length);
          return found.map((r) => r.id);
        }),
      ]);
      const all = reader.list(kind) as readonly Resource[];
      assert.deepEqual(
        [reader.slice(kind, 0, 2), reader.slice(kind, 2, 1e9)],
        [all.slice(0, 2), all.slice(2)],
      );
      const byId = all.map((resource) => reader.get(kind, resource.id));
      return [kind, { all, byId, count: reader.count(kind), indexes: Object.fromEntries(indexes) }];
    }),
  );
}

/** The same, worked out only from the resources in order of creation. */
function plainly(resources: readonly Resource[], keys: ReadonlySet<string>): object {
  return Object.fromEntries(
    KINDS.map((kind) => {
      const all = resources.filter((resource) => resource.kind === kind);
      const indexes = Object.keys(INDEXES[kind]).map((index) => [
        index,
        [...keys].map((key) => all.filter((r) => indexKeys(r, index).includes(key)).map((r) => r.id)),
      ]);
      return [kind, { all, byId: all, count: all.length, indexes: Object.fromEntries(indexes) }];
    }),
  );
}

function allKeys(resources: readonly Resource[]): Set<string> {
  return new Set(
    resources.flatMap((resource) =>
      Object.keys(INDEXES[resource.kind]).flatMap((index) => indexKeys(resource, index)),
    ),
  );
}

function resourcesOf(reader: Reader): readonly Resource[] {
  return KINDS.flatMap((kind) => reader.list(kind) as readonly Resource[]);
}

/**
 * What a list of resources becomes, worked out naively: a resource that stays keeps its position, a new one
 * comes last.
 */
function naively(
  base: readonly Resource[],
  steps: readonly Step[],
  region: string,
  slotOf: (id: string) => number,
): readonly Resource[] {
  const before = new Map(base.map((resource) => [resource.id, resource]));
  const old = new Map(before);
  const fresh = new Map<string, Resource>();
  for (const s of steps) {
    const made = resourceOf(s, region, () => slotOf(`eni-${s.name}`));
    const target = before.has(made.id) ? old : fresh;
    if (s.what === "put") target.set(made.id, made);
    else target.delete(made.id);
  }
  return [...base.flatMap(({ id }) => old.get(id) ?? []), ...fresh.values()];
}

/** The same world, with all its resources packed. */
function repacked(world: World): World {
  const made = newWorld();
  for (const [key, region] of world.regions) {
    for (const ip of resourcesOf(region).flatMap(publicIpsOf)) made.publicIps.add(present(parseIpv4(ip), ip));
    made.regions.set(key, new Region(KINDS.map((kind) => packedFrom(kind, region))));
    for (const kind of SLOTTED) for (const { slot } of region.list(kind)) made.slots.get(kind)?.take(slot);
  }
  return made;
}

/** Checks what the world shares between regions against the regions. */
function sharedAgrees(world: World): void {
  const all = [...world.regions.values()].flatMap(resourcesOf);
  const ips = all.flatMap((r) =>
    r.kind === "address" ? [r.publicIp] : r.kind === "network-interface" ? [r.autoPublicIp ?? []].flat() : [],
  );
  assert.equal(new Set(ips).size, ips.length, "no public address is shared");
  for (const ip of ips) assert(world.publicIps.has(ip), ip);
  for (const kind of SLOTTED) {
    const slots = all.flatMap((r) => (r.kind === kind && "slot" in r ? [r.slot] : []));
    assert.equal(new Set(slots).size, slots.length, "no slot is shared");
    let lowest = kind === "network-interface" ? 16 : 1;
    while (slots.includes(lowest)) lowest += 1;
    assert.equal(world.slots.get(kind)?.free(), lowest);
  }
}

test("a transaction reads as the world does after it; undoing brings back what was; indexes, slots and addresses agree with the resources", () => {
  check(
    property(array(round, { maxLength: 12 }), (rounds) => {
      let world = newWorld();
      for (const { region: place, steps, undo, pack } of rounds) {
        if (pack) world = repacked(world);
        const region = REGIONS[place] ?? "";
        const reader = readerOf(world, ACCOUNT, region);
        const base = resourcesOf(reader);
        const tx = beginTx(world, ACCOUNT, region);
        for (const s of steps) take(tx, reader, region, s);

        const changes = tx.changes();
        const wanted = naively(
          base,
          steps,
          region,
          (id) => (tx.get("network-interface", id) ?? reader.get("network-interface", id))?.slot ?? 0,
        );
        const keys = allKeys([...base, ...resourcesOf(tx), ...wanted]);
        const before = everything(reader, keys);
        assert.deepEqual(before, plainly(base, keys), "an open transaction changes nothing");
        assert.deepEqual(everything(tx, keys), plainly(wanted, keys));

        const goBack = applyChanges(world, ACCOUNT, region, changes);
        assert.deepEqual(everything(reader, keys), plainly(wanted, keys));
        assert.deepEqual(new Set(resourcesOf(readerBefore(reader, changes))), new Set(base));
        sharedAgrees(world);
        if (!undo) continue;
        goBack();
        assert.deepEqual(everything(reader, keys), before);
        sharedAgrees(world);
      }
    }),
    { numRuns: 300 },
  );
});

test("many transactions undone from the last to the first leave the world as it was", () => {
  check(
    property(array(round, { maxLength: 8 }), array(round, { maxLength: 8 }), (kept, undone) => {
      const world = newWorld();
      const run = ({ region: place, steps }: Round): (() => void) => {
        const region = REGIONS[place] ?? "";
        const tx = beginTx(world, ACCOUNT, region);
        for (const [at, s] of steps.entries()) {
          const there = at % 3 === 2 ? (REGIONS[(place + 1) % REGIONS.length] ?? "") : region;
          take(tx.elsewhere(there), readerOf(world, ACCOUNT, there), there, s);
        }
        return applyParts(world, tx.parts());
      };
      kept.forEach(run);
      const keys = allKeys([...world.regions.values()].flatMap(resourcesOf));
      const snapshot = (): object[] =>
        REGIONS.map((region) => everything(readerOf(world, ACCOUNT, region), keys));
      const before = snapshot();
      for (const goBack of undone.map(run).toReversed()) goBack();
      assert.deepEqual(snapshot(), before);
      sharedAgrees(world);
    }),
    { numRuns: 150 },
  );
});

test("a region restored in any order of its records reads as before", () => {
  check(
    property(array(step, { maxLength: 30 }), infiniteStream(nat()), (steps, random) => {
      const world = newWorld();
      const tx = beginTx(world, ACCOUNT, "us-east-1");
      for (const s of steps) take(tx, readerOf(world, ACCOUNT, "us-east-1"), "us-east-1", s);
      applyChanges(world, ACCOUNT, "us-east-1", tx.changes());
      const region = regionOf(world, ACCOUNT, "us-east-1");
      const records = resourcesOf(region).map((resource) => ({
        resource,
        order: region.orderOf(resource.kind, resource.id) ?? 0,
      }));
      const shuffled = records
        .map((record) => ({ record, at: random.next().value ?? 0 }))
        .toSorted((a, b) => a.at - b.at);
      const again = newWorld();
      for (const { record } of shuffled) restore(again, ACCOUNT, "us-east-1", record.resource, record.order);
      const keys = allKeys(resourcesOf(region));
      assert.deepEqual(everything(readerOf(again, ACCOUNT, "us-east-1"), keys), everything(region, keys));
      sharedAgrees(again);
    }),
  );
});

function eni(tx: Transaction, name: number, more: Partial<Step> = {}): Resource {
  return resourceOf({ what: "put", kind: 0, name, a: 0, b: 0, ...more }, "r", () =>
    tx.slot("network-interface"),
  );
}

test("a resource that is put unchanged, or put and deleted, is no change", () => {
  const world = newWorld();
  const first = beginTx(world, ACCOUNT, "r");
  first.put(eni(first, 1));
  applyChanges(world, ACCOUNT, "r", first.changes());
  const tx = beginTx(world, ACCOUNT, "r");
  const known = tx.get("network-interface", "eni-1");
  assert(known);
  tx.put({ ...known, tags: {} });
  tx.put(eni(tx, 2));
  tx.delete("network-interface", "eni-2");
  tx.delete("network-interface", "eni-1");
  tx.put(structuredClone(known));
  assert.deepEqual(tx.changes(), []);
});

test("slots of a transaction differ, also from those that it frees, and are free again when it is dropped", () => {
  const world = newWorld();
  const first = beginTx(world, ACCOUNT, "r");
  for (const n of [0, 1, 2]) first.put(eni(first, n));
  applyChanges(world, ACCOUNT, "r", first.changes());
  const tx = beginTx(world, ACCOUNT, "other");
  assert.deepEqual([tx.slot("network-interface"), tx.slot("network-interface"), tx.slot("vpc")], [19, 20, 1]);
  const deleting = beginTx(world, ACCOUNT, "r");
  deleting.delete("network-interface", "eni-1");
  assert.equal(deleting.slot("network-interface"), 19);
  applyChanges(world, ACCOUNT, "r", deleting.changes());
  const next = beginTx(world, ACCOUNT, "other");
  assert.deepEqual([next.slot("network-interface"), next.slot("network-interface")], [17, 19]);
});

test("a public address is taken over all regions, and free within the transaction that lets go of it", () => {
  const world = newWorld();
  const first = beginTx(world, ACCOUNT, "r");
  first.put(eni(first, 1, { a: 2 }));
  const ip = "19.0.1.0";
  assert.equal(first.publicIpTaken(ip), true);
  assert.equal(beginTx(world, ACCOUNT, "r").publicIpTaken(ip), false);
  applyChanges(world, ACCOUNT, "r", first.changes());
  assert.equal(beginTx(world, "210987654321", "other").publicIpTaken(ip), true);
  const tx = beginTx(world, ACCOUNT, "r");
  tx.delete("network-interface", "eni-1");
  assert.equal(tx.publicIpTaken(ip), false);
});

test("resources are frozen, and a change that does not fit the world is a programmer's error", () => {
  const world = newWorld();
  const tx = beginTx(world, ACCOUNT, "r");
  tx.put(eni(tx, 1));
  const held = tx.get("network-interface", "eni-1");
  assert(held && Object.isFrozen(held) && Object.isFrozen(held.groupIds));
  const changes = tx.changes();
  applyChanges(world, ACCOUNT, "r", changes);
  assert.throws(
    () => applyChanges(world, ACCOUNT, "r", changes),
    /assertion failed: network-interface eni-1 is as the change has it/,
  );
  assert.throws(
    () => beginTx(world, ACCOUNT, "r").delete("vpc" satisfies Kind, "vpc-1"),
    /assertion failed: vpc vpc-1 exists/,
  );
});

test("a list is not copied while nothing of its kind changes", () => {
  const world = newWorld();
  const tx = beginTx(world, ACCOUNT, "r");
  for (const n of [0, 1, 2]) tx.put(eni(tx, n));
  applyChanges(world, ACCOUNT, "r", tx.changes());
  const reader = readerOf(world, ACCOUNT, "r");
  const list = reader.list("network-interface");
  const group = reader.by("network-interface", "groupId", "sg-0");
  const other = beginTx(world, ACCOUNT, "r");
  other.put(resourceOf({ what: "put", kind: 2, name: 1, a: 0, b: 0 }, "r", () => 0));
  assert.equal(other.list("network-interface"), list);
  assert.equal(other.by("network-interface", "groupId", "sg-0"), group);
});

describe("changes that do not fit the world are refused, and nothing has changed", () => {
  const address = (name: string, publicIp: string): Resource => ({
    kind: "address",
    id: `eipalloc-${name}`,
    tags: {},
    publicIp,
  });
  const put = (after: Resource): Change => ({ kind: after.kind, id: after.id, after }) as Change;
  const remove = (before: Resource): Change => ({ kind: before.kind, id: before.id, before }) as Change;
  const world = newWorld();
  const tx = beginTx(world, ACCOUNT, "r");
  const known = eni(tx, 1, { a: 2 });
  tx.put(known);
  tx.put(address("known", "203.0.113.1"));
  applyChanges(world, ACCOUNT, "r", tx.changes());
  const slot = "slot" in known ? known.slot : 0;
  const other = (name: number, at: number): Resource =>
    resourceOf({ what: "put", kind: 0, name, a: 0, b: 0 }, "r", () => at);
  const freed = [remove(known), put(address("new", "203.0.113.2"))];

  const refused: Readonly<Record<string, readonly Part[]>> = {
    "a slot that is taken": [part("elsewhere", [...freed.slice(1), put(other(2, slot))])],
    "a slot that is taken, after one that was given back": [
      part("r", [...freed, put(other(3, slot + 7)), put(other(4, slot + 7))]),
    ],
    "a slot below the first": [part("r", [...freed, put(other(2, 0))])],
    "another slot for what has one": [
      part("r", [
        put(address("new", "203.0.113.2")),
        { ...remove(known), after: { ...known, slot: slot + 1 } } as Change,
      ]),
    ],
    "a public address that is taken": [part("elsewhere", [put(address("new", "203.0.113.1"))])],
    "a public address twice": [
      part("r", freed),
      part("elsewhere", [put(address("again", "203.0.113.2")), put(other(2, slot))]),
    ],
    "what is no address": [part("r", [...freed, put(address("wrong", "203.0.113"))])],
    "a resource that is not there": [part("r", [...freed, remove(address("missing", "203.0.113.9"))])],
    "two changes of one resource": [part("r", [put(other(2, slot + 1)), put(other(2, slot + 2))])],
    "two parts of one region": [part("r", freed), part("r", [put(other(2, slot))])],
    "a resource under another's name": [
      part("r", [...freed, { ...put(other(2, slot)), id: "eni-9" } as Change]),
    ],
  };
  function part(region: string, changes: readonly Change[]): Part {
    return { account: ACCOUNT, region, changes };
  }
  for (const [what, parts] of Object.entries(refused)) {
    test(what, () => {
      const seen = (): object => [
        [...world.regions].map(([key, region]) => [key, resourcesOf(region)]),
        SLOTTED.map((kind) => [world.slots.get(kind)?.free(), world.slots.get(kind)?.end()]),
        ["203.0.113.1", "203.0.113.2", ...publicIpsOf(known)].map((ip) => world.publicIps.has(ip)),
      ];
      const before = seen();
      assert.throws(() => applyParts(world, parts));
      assert.deepEqual(seen(), before);
    });
  }

  test("a stored resource whose slot is taken", () => {
    const stored = { ...other(5, slot), autoPublicIp: "203.0.113.5" } as Resource;
    assert.throws(() => restore(world, ACCOUNT, "r", stored, 99));
    assert.equal(world.publicIps.has("203.0.113.5"), false);
    sharedAgrees(world);
  });
});
