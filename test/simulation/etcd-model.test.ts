import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as fc from "fast-check";
import { type Compare, EtcdClient, EtcdError, type Put, type Watched } from "../../src/store/etcd-client.ts";
import { compact, noEtcd, startEtcd, type TestCluster } from "../../src/store/test-etcd.ts";
import { EtcdModel } from "./etcd-model.ts";

const KEY = fc.constantFrom("a", "b", "c", "d");
/** A request; `back`: how many revisions before the present. */
const REQUEST = fc.oneof(
  fc.record({
    what: fc.constant("transact" as const),
    puts: fc.uniqueArray(
      fc.record({
        key: KEY,
        value: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
        leased: fc.boolean(),
      }),
      { selector: ({ key }) => key, maxLength: 3 },
    ),
    compared: KEY,
    by: fc.constantFrom("created", "modified", "nothing"),
    isRight: fc.boolean(),
  }),
  fc.record({ what: fc.constant("range" as const), key: KEY, limit: fc.nat(2), back: fc.nat(6) }),
  fc.record({ what: fc.constantFrom("keepAlive" as const, "revoke" as const) }),
  fc.record({ what: fc.constantFrom("watch" as const, "compact" as const), back: fc.nat(6) }),
);

/** What both say; an error by its kind. */
async function both(
  real: () => Promise<unknown>,
  model: () => unknown,
): Promise<readonly [unknown, unknown]> {
  const kind = (error: unknown): string => {
    if (error instanceof EtcdError) return `!${error.kind}`;
    throw error;
  };
  const modelled = await (async () => model())().catch(kind);
  return [await real().catch(kind), modelled];
}

/** What etcd says of the past up to this revision. */
async function watched(
  etcd: EtcdClient,
  asked: { readonly key: string; readonly end: string; readonly from: string },
  last: string,
): Promise<Watched["events"]> {
  const ended = new AbortController();
  const events: Watched["events"][number][] = [];
  for await (const line of etcd.watch({ ...asked, signal: ended.signal })) {
    events.push(...line.events);
    if (BigInt(line.revision) >= BigInt(last)) break;
  }
  ended.abort();
  return events;
}

const unleased = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null), (name, one: unknown) => (name === "lease" ? "leased" : one));

describe("the model of etcd", { skip: noEtcd, timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let etcd: EtcdClient;
  before(async () => {
    cluster = await startEtcd(1);
    etcd = new EtcdClient({ endpoints: cluster.endpoints });
  });
  after(async () => {
    etcd.close();
    await cluster.stop();
  });

  it("answers any sequence of requests as etcd does", async () => {
    let sequences = 0;
    const property = fc.asyncProperty(
      fc.array(REQUEST, { minLength: 5, maxLength: 40 }),
      async (requests) => {
        const prefix = `model${sequences++}/`;
        const model = new EtcdModel(() => 0);
        const start = BigInt((await etcd.range({ key: "none" })).revision);
        // The model's first revision is 1, etcd's is the one of now.
        const there = (revision: number): string => String(BigInt(revision) - 1n + start);
        const here = (value: unknown): unknown =>
          JSON.parse(JSON.stringify(value ?? null), (name, one: unknown) =>
            ["revision", "created", "modified"].includes(name) && one !== "0"
              ? String(BigInt(one as string) - start + 1n)
              : name === "lease"
                ? "leased"
                : one,
          );
        const leases = { real: await etcd.grant(60), model: model.grant(60) };
        let compacted = 0;
        for (const request of requests) {
          const at = Math.max(1, model.revision - ("back" in request ? request.back : 0));
          if (request.what === "transact") {
            const key = prefix + request.compared;
            const found = model.get(key);
            const compares = (real: boolean): readonly Compare[] => {
              if (request.by === "nothing") return [];
              const by = request.by === "created" ? "created" : "modified";
              const own = found?.[by] ?? "0";
              const right = real && own !== "0" ? there(Number(own)) : own;
              const value = request.isRight ? right : real ? there(99) : "99";
              return [by === "created" ? { key, created: value } : { key, modified: value }];
            };
            const puts = (lease: string): readonly Put[] =>
              request.puts.map(({ key: name, value, leased }) => ({
                key: prefix + name,
                value,
                ...(leased ? { lease } : {}),
              }));
            const [real, modelled] = await both(
              async () => await etcd.transact(compares(true), puts(leases.real)),
              () => model.transact(compares(false), puts(leases.model)),
            );
            const isMade = typeof real === "string" && !real.startsWith("!");
            assert.deepEqual(isMade ? String(BigInt(real) - start + 1n) : real, modelled);
          }
          if (request.what === "range") {
            const asked = { key: prefix + request.key, end: `${prefix}~`, limit: request.limit };
            const [real, modelled] = await both(
              async () => here(await etcd.range({ ...asked, revision: there(at) })),
              () => unleased(model.range({ ...asked, revision: String(at) })),
            );
            assert.deepEqual(real, modelled);
          }
          if (request.what === "keepAlive")
            assert.equal(await etcd.keepAlive(leases.real), model.keepAlive(leases.model));
          if (request.what === "revoke") {
            const [real, modelled] = await both(
              () => etcd.revoke(leases.real),
              () => model.revoke(leases.model),
            );
            assert.equal(real, modelled);
          }
          if (request.what === "compact" && at > compacted && at > 1) {
            compacted = at;
            await compact(cluster, there(at));
            model.compact(at);
          }
          if (request.what === "watch") {
            const asked = { key: prefix, end: `${prefix}~` };
            const modelled = await both(
              async () => undefined,
              () => model.since(asked, at),
            );
            const made = modelled[1] as ReturnType<EtcdModel["since"]> | string;
            // Of nothing etcd says nothing.
            if (made.length === 0) continue;
            const last = typeof made === "string" ? 0 : (made.at(-1)?.revision ?? 0);
            const [real] = await both(
              async () => here(await watched(etcd, { ...asked, from: there(at) }, there(Math.max(1, last)))),
              () => undefined,
            );
            const events = typeof made === "string" ? made : made.flatMap((one) => one.events);
            assert.deepEqual(real, unleased(events));
          }
        }
        if (model.keepAlive(leases.model)) await etcd.revoke(leases.real);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});
