import { poolsOf } from "../contract/pool.ts";
import type { Delta } from "../contract/tables.ts";
import { realmKey } from "../model/realm.ts";
import type { Change, Tx } from "../model/state.ts";
import { applyChanges, beginTx, readerOf, type World } from "../model/world.ts";
import { planDelta } from "../plan/compile.ts";
import { instancePlan, type InstancePlan } from "../plan/instance.ts";

export type SelfCheckTools = {
  readonly world: World;
  readonly region: string;
  readonly pools: readonly string[];
  /** Creates the resources to check. */
  readonly build: (tx: Tx) => {
    readonly instanceId: string;
    readonly publicIp: string;
    readonly privateIp: string;
  };
  readonly applyDelta: (delta: Delta) => void;
  readonly boot: (plan: InstancePlan) => Promise<void>;
  readonly destroy: (instanceId: string) => Promise<void>;
  /** Runs a command in the instance; returns its output, or undefined when it failed. */
  readonly exec: (instanceId: string, command: readonly string[]) => Promise<string | undefined>;
};

/** An account that no credentials name: nobody sees what the check makes, and none of it is stored. */
export const CHECK_ACCOUNT = "000000000000";

/**
 * Builds a VPC with a gateway, a route and an instance with a public IP, only in memory and in the kernel's
 * tables; asks the simulated internet which address it saw; and removes everything again.
 * @throws Error that says what did not pass.
 */
export async function selfCheck(tools: SelfCheckTools): Promise<void> {
  const { world, region, applyDelta } = tools;
  const account = CHECK_ACCOUNT;
  const pools = poolsOf(tools.pools);
  const undo: (() => void)[] = [];
  const change = <T>(body: (tx: Tx) => T): T => {
    const tx = beginTx(world, account, region);
    const value = body(tx);
    const changes = tx.changes();
    const revert = applyChanges(world, account, region, changes);
    applyDelta(planDelta(readerOf(world, account, region), changes, pools));
    undo.push(() => {
      revert();
      applyDelta(planDelta(readerOf(world, account, region), changes.map(inverse), pools));
    });
    return value;
  };
  let instanceId: string | undefined;
  try {
    const made = change(tools.build);
    instanceId = made.instanceId;
    const reader = readerOf(world, account, region);
    const instance = reader.get("instance", instanceId);
    if (!instance) throw new Error("assertion failed: the instance was made");
    await tools.boot(instancePlan(reader, instance, region));
    const seen = await tools.exec(instanceId, ["curl", "-s", "-m", "5", "http://198.51.100.1/ip"]);
    if (seen?.trim() !== made.publicIp) {
      throw new Error(
        `a packet from ${made.privateIp} should reach the internet as ${made.publicIp}, but ${seen === undefined ? "no answer came back" : `the internet saw ${seen.trim()}`}`,
      );
    }
  } finally {
    if (instanceId !== undefined) await tools.destroy(instanceId);
    for (const step of undo.toReversed()) step();
    world.regions.delete(realmKey({ account, region }));
  }
}

function inverse({ kind, id, before, after }: Change): Change {
  return { kind, id, ...(after ? { before: after } : {}), ...(before ? { after: before } : {}) } as Change;
}
