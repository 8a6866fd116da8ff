import { poolsOf } from "../contract/pool.ts";
import type { Delta } from "../contract/tables.ts";
import type { Committed } from "../model/committed.ts";
import type { InstanceReport } from "../model/instance-report.ts";
import type { Instance } from "../model/instance.ts";
import type { Realm } from "../model/realm.ts";
import type { Resource } from "../model/resource.ts";
import type { Change, Part } from "../model/state.ts";
import { readerOf, realmReaders, type World } from "../model/world.ts";
import { joinedDelta, planDelta } from "../plan/compile.ts";
import { instancePlan } from "../plan/instance.ts";
import { type NatBlock, natBlocks } from "../plan/nat-block.ts";
import { Lifecycle, type Machine } from "./lifecycle.ts";

type Options = {
  /** The state that is followed. {@link Agent.follow} is called with each of its changes. */
  readonly world: World;
  /** The newest revision in the world and in the kernel's tables at the start. */
  readonly revision: number;
  /** Public IPv4 pools, canonical CIDR blocks. */
  readonly pools: readonly string[];
  /** Writes to the kernel's tables; throws when the kernel refuses. */
  readonly applyDelta: (delta: Delta) => void;
  /** Writes who has which ports of the NAT gateways; absent where Genkan is one machine. */
  readonly setNatBlocks?: (blocks: readonly NatBlock[]) => void;
  /** Where instances run; absent: instances are only records. */
  readonly machine: (Machine & { readonly instances: () => readonly string[] }) | undefined;
  /** The number of this machine in its region, of whose instances it runs only its own; absent: it is alone. */
  readonly number?: number;
  /** Reports what became of an instance to the control plane; settles when that is durable. */
  readonly report: (realm: Realm, report: InstanceReport) => Promise<void>;
  /**
   * Called with every change once packets obey it; a change in several regions comes one region at a time.
   */
  readonly onChanged?: (realm: Realm, changes: readonly Change[]) => void;
  /** Called when packets obey a newer revision. */
  readonly obeys?: (revision: number) => void;
  readonly log: (message: string, cause?: unknown) => void;
};

/**
 * Makes one machine follow the state: first its kernel's tables, then its instances. It decides nothing; it
 * only reports what becomes of its instances.
 */
export class Agent {
  readonly lifecycle: Lifecycle;
  readonly #options: Options;
  readonly #pools: ReturnType<typeof poolsOf>;
  readonly #machine: Machine;
  #obeyed: number;

  constructor(options: Options) {
    this.#options = options;
    this.#pools = poolsOf(options.pools);
    this.#obeyed = options.revision;
    this.#machine = options.machine ?? recordsOnly();
    this.lifecycle = new Lifecycle({
      machine: this.#machine,
      find: (realm, id) => this.#own(this.#reader(realm).get("instance", id)),
      plan: (realm, instance) => instancePlan(this.#reader(realm), instance, realm.region),
      report: options.report,
      log: options.log,
    });
  }

  /** The newest revision that this machine's packets obey. */
  get obeyed(): number {
    return this.#obeyed;
  }

  /**
   * Computes the rows that a change will write, while the state is as the change left it.
   * @returns what writes them once the change is durable. It throws when the kernel refuses: packets then
   * obey an older revision until the next start.
   */
  follow(parts: readonly Part[]): (commit: Committed) => void {
    const delta = joinedDelta(
      parts.map(({ account, region, changes }) =>
        planDelta(this.#reader({ account, region }), changes, this.#pools),
      ),
    );
    const blocks = this.#changedBlocks(parts);
    return (commit) => this.#obey(commit, delta, blocks);
  }

  #changedBlocks(parts: readonly Part[]): readonly NatBlock[] | undefined {
    const changes = parts.flatMap((part) => part.changes);
    const changed = changes.some(({ before, after }) => portBlocksOf(before) !== portBlocksOf(after));
    return changed && this.#options.setNatBlocks ? this.#natBlocks() : undefined;
  }

  #natBlocks(): readonly NatBlock[] {
    return natBlocks(realmReaders(this.#options.world), this.#options.number ?? 0);
  }

  #obey({ revision, parts }: Committed, delta: Delta, blocks: readonly NatBlock[] | undefined): void {
    this.#options.applyDelta(delta);
    if (blocks) this.#options.setNatBlocks?.(blocks);
    this.#obeyed = revision;
    this.#options.obeys?.(revision);
    for (const { account, region, changes } of parts) {
      this.lifecycle.changed({ account, region }, changes);
      this.#options.onChanged?.({ account, region }, changes);
    }
  }

  /**
   * After a start: adopts the instances that are up, ends those that should not be, and boots those that
   * should. `fresh`: whether the state is known to be the newest; otherwise it only adopts, since another
   * machine may run by now what this one knows as its own. To be called again when it is.
   */
  async resume(fresh: boolean): Promise<void> {
    this.#options.setNatBlocks?.(this.#natBlocks());
    await this.lifecycle.settled();
    const up = new Set(this.#options.machine?.instances());
    for (const { realm, reader } of realmReaders(this.#options.world)) {
      for (const instance of reader.list("instance")) {
        if (!this.#own(instance)) continue;
        if (up.delete(instance.id) && instance.state === "running") this.lifecycle.adopted(instance);
        if (fresh && instance.state !== "terminated" && instance.state !== "stopped")
          this.lifecycle.follow(realm, instance.id);
      }
    }
    if (!fresh) return;
    const ends = [...up].map((id) =>
      this.#machine.destroy(id).catch((cause: unknown) => this.#options.log(`${id} can't be ended`, cause)),
    );
    await Promise.all(ends);
  }

  /** Whether no instance is up that is another machine's, or nobody's any more. */
  runsOnlyOwn(): boolean {
    const readers = realmReaders(this.#options.world);
    return (this.#options.machine?.instances() ?? []).every((id) =>
      readers.some(({ reader }) => this.#own(reader.get("instance", id)) !== undefined),
    );
  }

  /** Called when an instance of this machine ended from inside. */
  exited(instanceId: string, ending: "poweroff" | "reboot"): void {
    const found = realmReaders(this.#options.world).find(
      ({ reader }) => reader.get("instance", instanceId) !== undefined,
    );
    if (found) this.lifecycle.exited(found.realm, instanceId, ending);
  }

  /** What this machine runs; undefined for another one's. */
  #own(instance: Instance | undefined): Instance | undefined {
    return instance?.machine === this.#options.number ? instance : undefined;
  }

  #reader({ account, region }: Realm): ReturnType<typeof readerOf> {
    return readerOf(this.#options.world, account, region);
  }
}

function portBlocksOf(resource: Resource | undefined): unknown {
  return resource?.kind === "network-interface" ? resource.portBlocks : undefined;
}

/** Where no packets move, an instance is up as soon as the state says so. */
function recordsOnly(): Machine {
  const up = new Set<string>();
  return {
    boot: async ({ id }) => void up.add(id),
    halt: async (id) => void up.delete(id),
    destroy: async (id) => void up.delete(id),
    isUp: (id) => up.has(id),
    setInterfaces: () => Promise.resolve(),
  };
}
