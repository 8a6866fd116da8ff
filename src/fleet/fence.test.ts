import assert from "node:assert/strict";
import { test } from "node:test";
import type { Compare, KeyValue, Put } from "../store/etcd-client.ts";
import { liftFence, noteMoved, requireRecoverable, setFence } from "./fence.ts";
import { liveKey, type Machine, machineKey, type Member } from "./member.ts";

const machine = (number: number, more: Partial<Member> = {}): Member => ({
  number,
  name: `m${number}`,
  address: `10.0.0.${number}`,
  url: "",
  zones: [],
  roles: ["host"],
  version: "1",
  home: `h${number}`,
  live: true,
  ...more,
});

test("what a machine ran is moved only while it is away, and no gateway may still carry its packets", () => {
  const moved = (name: string, off: boolean, machines: readonly Member[]): number =>
    requireRecoverable({ name, off, machines }).number;
  const refused = (words: RegExp, ...asked: Parameters<typeof moved>): void =>
    assert.throws(() => moved(...asked), { name: "NotRecoverable", message: words });
  const [there, away] = [machine(1), machine(2, { live: false })];
  assert.equal(moved("m2", false, [there, away]), 2);
  assert.equal(moved("2", false, [there, away]), 2);
  refused(/no machine m3/, "m3", true, [there, away]);
  refused(/m1 is there/, "m1", true, [there, away]);
  const gateway = machine(3, { roles: ["gateway"], live: false });
  refused(/m3, a gateway, is away.*genkan recover m2 --off/, "m2", false, [there, away, gateway]);
  assert.equal(moved("m2", true, [there, away, gateway]), 2);
  const all = machine(4, { roles: ["control", "host", "gateway"], live: false });
  refused(/m4, a gateway, is away/, "m4", false, [there, all]);
});

/** etcd's keys, as far as fences need them. */
function keys(...first: readonly (readonly [key: string, value: object])[]) {
  const found = new Map<string, KeyValue>();
  let revision = 0;
  const put = ({ key, value }: Put): void => {
    const modified = String(revision);
    if (value === undefined) found.delete(key);
    else found.set(key, { key, value, created: found.get(key)?.created ?? modified, modified });
  };
  for (const [key, value] of first) put({ key, value: JSON.stringify(value) });
  return {
    range: async ({ key }: { readonly key: string }) => ({
      revision: String(revision),
      found: [found.get(key) ?? []].flat(),
      more: false,
    }),
    transact: async (compares: readonly Compare[], puts: readonly Put[]) => {
      const holds = compares.every((compare) => {
        const { created = "0", modified = "0" } = found.get(compare.key) ?? {};
        return "created" in compare ? created === compare.created : modified === compare.modified;
      });
      if (!holds) return undefined;
      revision += 1;
      for (const one of puts) put(one);
      return String(revision);
    },
  };
}

test("a fence is set while the machine is away, and lifted only by the machine that knows what was moved", async () => {
  const prefix = "genkan/";
  const { live: _, ...record } = machine(2);
  const etcd = keys([machineKey(prefix, 2), record]);
  const region = { etcd, prefix };
  const fence = async (): Promise<Machine["fence"]> => {
    const [{ value } = { value: "{}" }] = (await etcd.range({ key: machineKey(prefix, 2) })).found;
    return (JSON.parse(value) as Machine).fence;
  };
  const live = (value: string | undefined) => etcd.transact([], [{ key: liveKey(prefix, 2), value }]);
  await live("");
  assert.equal(await setFence(region, 2, "one"), false, "it is there");
  assert.equal(await setFence(region, 3, "one"), false, "it is no machine");
  await live(undefined);
  assert.equal(await setFence(region, 2, "one"), true);
  assert.equal(await liftFence(region, 2, "one"), false, "it is not known yet what was moved");
  assert.equal(await setFence(region, 2, "two"), true, "once more, as after a refusal");
  assert.equal(await noteMoved(region, 2, { id: "one", revision: 7 }), false);
  assert.equal(await noteMoved(region, 2, { id: "two", revision: 9 }), true);
  assert.equal(await noteMoved(region, 2, { id: "two", revision: 8 }), false, "once");
  assert.deepEqual(await fence(), { id: "two", revision: 9 });
  assert.equal(await liftFence(region, 2, "one"), false);
  assert.equal(await liftFence(region, 2, "two"), true);
  assert.equal(await fence(), undefined);
});
