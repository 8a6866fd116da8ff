import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { newRegion } from "../actions/test-region.ts";
import { KINDS } from "../model/resource.ts";
import type { Change } from "../model/state.ts";
import { openEmbedded } from "../store/embedded.ts";
import { noteEnd, sayDisorder } from "./state-order.ts";

const folder = mkdtempSync(join(tmpdir(), "genkan-order-"));
after(() => rmSync(folder, { recursive: true }));

test("after an unorderly end the state is checked and violations are told; after an orderly end it is not checked", async () => {
  const store = openEmbedded(folder);
  await store.load();
  const region = newRegion({ defaultVpc: true });
  const { account, region: name } = region.context();
  const commit = (changes: readonly Change[]): Promise<number> =>
    store.commit({ expected: store.revision(), parts: [{ account, region: name, changes }] });
  const told = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    await sayDisorder(store, folder, (line) => void lines.push(line));
    return lines;
  };
  assert.deepEqual(await told(), [], "an empty state");
  await commit(
    KINDS.flatMap((kind) => region.reader().list(kind)).map(
      (after) => ({ kind: after.kind, id: after.id, after }) as Change,
    ),
  );
  assert.deepEqual(await told(), [], "a state in order");
  const [subnet] = region.reader().list("subnet");
  assert.ok(subnet);
  await commit([{ kind: "subnet", id: subnet.id, before: subnet }]);
  const [vpc] = region.reader().list("vpc");
  await commit([
    {
      kind: "dhcp-options",
      id: "dopt-1",
      after: { kind: "dhcp-options", id: "dopt-1", tags: {}, options: [] } as never,
    },
  ]);
  assert.ok(vpc);
  await commit([{ kind: "vpc", id: vpc.id, before: vpc, after: { ...vpc, dhcpOptionsId: "dopt-2" } }]);
  const wrong = `the state is not in order: ${account}/${name}: ${vpc.id}: its DHCP options dopt-2 does not exist`;
  assert.deepEqual(await told(), [wrong]);
  await noteEnd(store, () => assert.fail());
  assert.deepEqual(await told(), []);
  await store.close();
});
