import assert from "node:assert/strict";
import { test } from "node:test";
import { NeighbourWatch } from "./neighbour-watch.ts";

/** What a watch finds in so many looks, over instances with so many neighbours of IPv4 and of all kinds. */
async function found(
  counts: readonly (readonly [number, number])[],
  total: number | undefined,
  looks = 1,
): Promise<readonly string[]> {
  const watch = new NeighbourWatch({
    ofIpv4: (pid) => counts[pid]?.[0] ?? 0,
    ofAll: (pid) => Promise.resolve(counts[pid]?.[1] ?? 0),
  });
  const instances = counts.map((_, pid) => ({ id: String(pid), pid }));
  const all = new Set<string>();
  for (let look = 0; look < looks; look += 1)
    for (const { id } of await watch.crowding(instances, total)) all.add(id);
  return [...all];
}

test("an instance with too many neighbours is found, for IPv4 at once and for IPv6 in its turn", async () => {
  assert.deepEqual(
    await found(
      [
        [2, 4],
        [513, 520],
        [2, 4],
      ],
      600,
    ),
    ["1"],
  );
  assert.deepEqual(
    await found(
      [
        [2, 4],
        [2, 4],
        [2, 513],
      ],
      600,
      3,
    ),
    ["2"],
  );
  assert.deepEqual(
    await found(
      [
        [2, 4],
        [512, 512],
      ],
      600,
      3,
    ),
    [],
  );
});

test("when instances have too many neighbours together, the one with most is found, and none that has a few", async () => {
  assert.deepEqual(
    await found(
      [
        [400, 400],
        [401, 401],
        [2, 4],
      ],
      900,
      3,
    ),
    ["1"],
  );
  assert.deepEqual(
    await found(
      [
        [2, 300],
        [2, 301],
      ],
      900,
      3,
    ),
    ["1"],
  );
  assert.deepEqual(
    await found(
      Array.from({ length: 200 }, () => [4, 8] as const),
      1_600,
      3,
    ),
    [],
  );
});

test("no instance is looked at while the machine has few neighbours", async () => {
  assert.deepEqual(await found([[600, 600]], 512), []);
  assert.deepEqual(await found([[600, 600]], undefined), ["0"]);
});
