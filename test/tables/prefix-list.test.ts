/**
 * Prefix lists in route tables and rules, as the tables have them. Source: VPC user guide, "Route priority
 * and prefix lists".
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion, type TestRegion } from "../../src/actions/test-region.ts";
import { type MemoryTables, memoryTables } from "../../src/contract/memory-tables.ts";
import { poolsOf } from "../../src/contract/pool.ts";
import { ROUTE_TARGET, type TableValue } from "../../src/contract/tables.ts";
import { present } from "../../src/lib/assert.ts";
import { routeId, type RouteTarget } from "../../src/model/route-table.ts";
import { fullPlan, planDelta } from "../../src/plan/compile.ts";
import { SETTINGS } from "../kit/scene.ts";

const LIST = "pl-00000000000000001";
const OTHER = "pl-00000000000000002";

type Ground = {
  readonly region: TestRegion;
  readonly table: string;
  readonly slot: number;
  readonly gateway: string;
  readonly vpc: string;
};

function ground(): Ground {
  const region = newRegion();
  const made = (operation: string, input: object): string =>
    /"((?:vpc|igw)-[0-9a-f]{17})"/.exec(JSON.stringify(region.perform(operation, input)))?.[1] ?? "";
  const vpc = made("CreateVpc", { CidrBlock: "10.0.0.0/16" });
  const gateway = made("CreateInternetGateway", {});
  region.perform("AttachInternetGateway", { InternetGatewayId: gateway, VpcId: vpc });
  const table = present(region.reader().get("vpc", vpc), vpc).mainRouteTable.routeTableId;
  return {
    region,
    table,
    slot: present(region.reader().get("route-table", table), table).slot,
    gateway,
    vpc,
  };
}

function lists({ region }: Ground, id: string, ...cidrs: readonly string[]): void {
  const entries = cidrs.map((cidr) => ({ cidr }));
  const list = {
    id,
    tags: {},
    name: id,
    addressFamily: "IPv4",
    maxEntries: 10,
    version: 1,
    entries,
    history: [],
  } as const;
  region.change((tx) => tx.put({ kind: "prefix-list", ...list }));
}

function leads({ region, table, vpc }: Ground, destination: string, target: RouteTarget): void {
  const route = {
    id: routeId(table, destination),
    tags: {},
    routeTableId: table,
    vpcId: vpc,
    destination,
    target,
  };
  region.change((tx) => tx.put({ kind: "route", ...route }));
}

const tablesOf = ({ region }: Ground): MemoryTables => memoryTables(fullPlan([region.reader()], SETTINGS));
const found = (from: Ground, address: string): TableValue<"routes"> | undefined =>
  tablesOf(from).longestMatch(from.slot, address)?.value;
/** A target that is not there: a blackhole. */
const NOWHERE = { kind: "network-interface", id: "eni-00000000000000000" } as const;

test("each block of a list has the route's target, and the longest prefix wins, whatever names it", () => {
  const here = ground();
  lists(here, LIST, "198.51.100.0/24", "203.0.113.0/24");
  leads(here, LIST, { kind: "internet-gateway", id: here.gateway });
  assert.equal(found(here, "198.51.100.1")?.target, ROUTE_TARGET.internet_gateway);
  assert.equal(found(here, "203.0.113.1")?.target, ROUTE_TARGET.internet_gateway);
  assert.equal(found(here, "192.0.2.1"), undefined);
  leads(here, "198.51.100.0/25", NOWHERE);
  assert.equal(found(here, "198.51.100.1")?.target, ROUTE_TARGET.blackhole);
  assert.equal(found(here, "198.51.100.200")?.target, ROUTE_TARGET.internet_gateway);
  leads(here, "0.0.0.0/0", NOWHERE);
  assert.equal(found(here, "198.51.100.200")?.target, ROUTE_TARGET.internet_gateway);
  assert.equal(found(here, "192.0.2.1")?.target, ROUTE_TARGET.blackhole);
});

test("at the same destination: the local route, then the route that names the block, then the list's", () => {
  const here = ground();
  lists(here, LIST, "10.0.0.0/16", "198.51.100.0/24");
  leads(here, LIST, { kind: "internet-gateway", id: here.gateway });
  assert.equal(found(here, "10.0.0.1")?.target, ROUTE_TARGET.local);
  leads(here, "198.51.100.0/24", NOWHERE);
  assert.equal(found(here, "198.51.100.1")?.target, ROUTE_TARGET.blackhole);
});

test("of overlapping lists, it is always the same one whose route is taken", () => {
  for (const order of [
    [LIST, OTHER],
    [OTHER, LIST],
  ]) {
    const here = ground();
    for (const id of order) {
      lists(here, id, "198.51.100.0/24");
      leads(here, id, id === LIST ? { kind: "internet-gateway", id: here.gateway } : NOWHERE);
    }
    assert.equal(found(here, "198.51.100.1")?.target, ROUTE_TARGET.internet_gateway);
  }
});

test("a list's change touches the table and the group that name it, and nothing else", () => {
  const here = ground();
  const { region } = here;
  lists(here, LIST, "198.51.100.0/24");
  leads(here, LIST, { kind: "internet-gateway", id: here.gateway });
  const group = present(region.reader().by("security-group", "vpcId", here.vpc)[0], "the default group");
  const rule = present(region.reader().by("security-group-rule", "groupId", group.id)[0], "a rule");
  region.change((tx) => tx.put({ ...rule, peer: { kind: "prefix-list", prefixListId: LIST } }));
  const before = present(region.reader().get("prefix-list", LIST), LIST);
  const tables = tablesOf(here);
  lists(here, LIST, "203.0.113.0/24");
  const after = present(region.reader().get("prefix-list", LIST), LIST);
  const delta = planDelta(
    region.reader(),
    [{ kind: "prefix-list", id: LIST, before, after }],
    poolsOf(SETTINGS.pools),
  );
  const touched = [...delta.puts, ...delta.removals].map(({ table }) => table);
  assert.deepEqual(
    touched.filter((table) => table === "routes"),
    ["routes", "routes"],
  );
  assert.deepEqual(new Set(touched), new Set(["routes", "rule_lists", "rule_chunks"]));
  tables.apply(delta);
  const sorted = (all: MemoryTables): readonly string[] =>
    all
      .entries()
      .map((entry) => String(Object.entries(entry.key)) + entry.table)
      .toSorted();
  assert.deepEqual(sorted(tables), sorted(tablesOf(here)));
});
