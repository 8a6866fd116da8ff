import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion } from "../actions/test-region.ts";
import { entryKey } from "../contract/entry.ts";
import type { Entry, TableName } from "../contract/tables.ts";
import { resourceRows } from "../plan/compile.ts";
import { settingsRow } from "../plan/settings.ts";
import { checkTables } from "./table-check.ts";

const MAC = "02:00:00:00:00:02";
const POOLS = ["203.0.113.0/24"];

test("the tables are in order when they hold the state's rows; each row that is missing, other or a stray is told", () => {
  const region = newRegion({ defaultVpc: true });
  const [subnet] = region.reader().list("subnet");
  region.perform("RunInstances", {
    ImageId: "ami-0123456789abcdef0",
    MinCount: 2,
    MaxCount: 2,
    SubnetId: subnet?.id,
  });
  const readers = [region.reader()];
  const links = { uplink: 2, services: 3, fragments: 5, connectionLimit: 100 };
  const macs = { uplinkMac: MAC, uplinkPeerMac: MAC, servicesMac: MAC, servicesPeerMac: MAC };
  const settings = settingsRow({ pools: POOLS, ...links, ...macs });
  const rows = [...resourceRows(readers, POOLS)];
  const complaintsOf = (held: readonly Entry[]): readonly string[] =>
    checkTables(
      <T extends TableName>(table: T) =>
        [settings, ...held].filter((row) => row.table === table) as unknown as readonly Entry<T>[],
      readers,
      POOLS,
    ).complaints;
  assert.ok(rows.length > 20);
  assert.deepEqual(complaintsOf(rows), []);
  for (const row of rows) {
    const key = entryKey(row);
    const others = rows.filter((one) => one !== row);
    assert.ok(complaintsOf(others).includes(`${key}: is missing`), key);
    const [field] = Object.keys(row.value);
    const other = { ...row, value: { ...(row.value as object), [field ?? ""]: "other" } } as unknown as Entry;
    if (row.table === "vpcs" || row.table === "routes")
      assert.ok(complaintsOf([...others, other]).includes(`${key}: is not what the state says`), key);
  }
  const vpc = rows.find((row) => row.table === "vpcs");
  assert.ok(vpc);
  const stray = { ...vpc, key: 99 } as Entry;
  assert.ok(complaintsOf([...rows, stray]).includes(`${entryKey(stray)}: nothing in the state asks for it`));
  // What a list has left behind goes by itself, soon.
  const chunk = rows.find((row) => row.table === "rule_chunks");
  assert.ok(chunk);
  assert.deepEqual(
    complaintsOf([...rows, { ...chunk, key: { ...(chunk.key as object), version: 7n } } as Entry]),
    [],
  );
});
