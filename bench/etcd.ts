import { fileURLToPath } from "node:url";
import { campaign, type Term } from "../src/fleet/leadership.ts";
import { LEASE_SECONDS } from "../src/fleet/region-store.ts";
import { catchUp, newWorld } from "../src/model/world.ts";
import { EtcdClient } from "../src/store/etcd-client.ts";
import { followEtcd } from "../src/store/etcd-follow.ts";
import { openEtcd } from "../src/store/etcd.ts";
import { systemClock } from "../src/store/system-clock.ts";
import { noEtcd, startEtcd, type TestCluster } from "../src/store/test-etcd.ts";
import { Caller, keyPair } from "../src/store/test-store.ts";
import { optionsApart, runApart } from "./namespace.ts";
import { type Row, rowOf } from "./row.ts";

type Options = {
  readonly rounds: number;
  /** Commits in one round. */
  readonly commits: number;
};

/**
 * The state in three members of etcd on this machine: commits, how soon followers have them, and how soon
 * another leader writes when one is gone without a word. No rows where etcd is not installed.
 */
export async function etcdRows(options: Options): Promise<readonly Row[]> {
  return noEtcd ? [] : runApart(HERE, options);
}

const HERE = fileURLToPath(import.meta.url);
const TOGETHER = 64;
const MACHINES = 3;

async function measure({ rounds, commits }: Options): Promise<readonly Row[]> {
  const cluster = await startEtcd(3);
  try {
    const many: number[] = [];
    const followed: number[] = [];
    const deaths: number[] = [];
    for (let round = 0; round < rounds; round++) {
      many.push(await rate(cluster, round, commits));
      followed.push(...(await follows(cluster, round, Math.ceil(commits / 20))));
      deaths.push(await death(cluster, round));
    }
    return [
      rowOf({
        measure: `durable changes in three members of etcd, ${TOGETHER} at once`,
        unit: "/s",
        samples: many,
      }),
      rowOf({
        measure: `one change, until ${MACHINES} machines that follow etcd have it`,
        unit: "ms",
        samples: followed,
      }),
      rowOf({
        measure: "a leader's silent death, until another one's change is in etcd",
        unit: "s",
        samples: deaths,
      }),
    ];
  } finally {
    await cluster.stop();
  }
}

/** Commits a second: each of so many commits again as soon as its last one is durable. */
async function rate(cluster: TestCluster, round: number, commits: number): Promise<number> {
  const etcd = new EtcdClient({ endpoints: cluster.endpoints });
  const prefix = `bench/rate${round}/`;
  const { caller, term } = await leads(etcd, prefix);
  let left = commits;
  const lane = async (lane: number): Promise<void> => {
    while (left-- > 0) await caller.change((tx) => tx.put(keyPair(`key-${lane}`, String(left))));
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: TOGETHER }, (_, n) => lane(n)));
  const seconds = (performance.now() - start) / 1_000;
  await end(etcd, caller, term);
  return commits / seconds;
}

/** Milliseconds from a commit until every follower's state has it; one change at a time. */
async function follows(cluster: TestCluster, round: number, commits: number): Promise<readonly number[]> {
  const etcd = new EtcdClient({ endpoints: cluster.endpoints });
  const prefix = `bench/follow${round}/`;
  const { caller, term } = await leads(etcd, prefix);
  const ended = new AbortController();
  const waiting = new Map<number, () => void>();
  const reached = Array.from({ length: MACHINES }, () => 0);
  const following = reached.map((_, machine) => {
    const world = newWorld();
    // Each machine has a member of its own.
    const own = new EtcdClient({ endpoints: cluster.endpoints.slice(machine).concat(cluster.endpoints) });
    return followEtcd({
      etcd: own,
      prefix,
      world,
      since: undefined,
      take: ({ missed, revision }) => {
        catchUp(world, missed);
        reached[machine] = revision;
        waiting.get(Math.min(...reached))?.();
      },
      lost: () => undefined,
      clock: systemClock,
      signal: ended.signal,
    }).finally(() => own.close());
  });
  const samples: number[] = [];
  for (let n = 0; n < commits; n++) {
    const obeyed = new Promise<void>((resolve) => waiting.set(caller.expected + 1, resolve));
    const start = performance.now();
    await Promise.all([caller.change((tx) => tx.put(keyPair("key", String(n)))), obeyed]);
    samples.push(performance.now() - start);
  }
  ended.abort();
  await Promise.all(following);
  await end(etcd, caller, term);
  return samples;
}

/** Seconds from the moment a leader keeps its lease no longer until the next one's first change is durable. */
async function death(cluster: TestCluster, round: number): Promise<number> {
  const prefix = `bench/death${round}/`;
  const dying = new EtcdClient({ endpoints: cluster.endpoints });
  const etcd = new EtcdClient({ endpoints: cluster.endpoints });
  const first = await leads(dying, prefix);
  await first.caller.change((tx) => tx.put(keyPair("a")));
  dying.keepAlive = () => new Promise(() => undefined);
  const start = performance.now();
  const next = await leads(etcd, prefix);
  await next.caller.change((tx) => tx.put(keyPair("b")));
  const seconds = (performance.now() - start) / 1_000;
  await end(etcd, next.caller, next.term);
  dying.close();
  return seconds;
}

type Leading = { readonly caller: Caller; readonly term: Term };

async function leads(etcd: EtcdClient, prefix: string): Promise<Leading> {
  const term = await campaign({
    etcd,
    key: `${prefix}leader`,
    me: { machine: "bench", url: "", nonce: String(performance.now()) },
    seconds: LEASE_SECONDS,
    clock: systemClock,
    seen: () => undefined,
    signal: new AbortController().signal,
  });
  if (!term) throw new Error("the campaign ended");
  const store = await openEtcd({ etcd, prefix, fence: term.fence, clock: systemClock });
  return { caller: new Caller(store, await store.load()), term };
}

async function end(etcd: EtcdClient, { store }: Caller, term: Term): Promise<void> {
  await store.close();
  await term.resign();
  etcd.close();
}

const options = optionsApart<Options>(HERE);
if (options) process.stdout.write(JSON.stringify(await measure(options)));
