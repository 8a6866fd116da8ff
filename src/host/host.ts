import { ensureCgroups } from "./cgroup.ts";
import { readConsole, trimConsole } from "./console.ts";
import { ensureDaemon, DAEMONS } from "./daemon.ts";
import { fillingDisk } from "./disk-watch.ts";
import { ensureHostLink, type HostLinkState } from "./host-link.ts";
import { type Installation, installationAt } from "./installation.ts";
import { readNotes } from "./instance-files.ts";
import { InstanceLinks } from "./instance-links.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import {
  type Books,
  bootInstance,
  type Ending,
  findInstance,
  forget,
  recordedInterfaces,
  recordUp,
  type RunningInstance,
  stopInstance,
} from "./instance.ts";
import { ensureFixedLinks, type HostLinks } from "./links.ts";
import { ensureNamespaces } from "./namespaces.ts";
import { MOST_NEIGHBOURS, NeighbourWatch } from "./neighbour-watch.ts";
import type { InterfaceSpec } from "./network-interface.ts";
import { crowdingProcesses } from "./process-watch.ts";
import { isAlive, killTree, readRecord, recordNames, signal } from "./processes.ts";
import { Removal } from "./removal.ts";
import { sandboxProblem } from "./sandbox.ts";
import { isHalfTornDown, tearDown } from "./tear-down.ts";
import { Queues, Turns } from "./turns.ts";

export type HostOptions = {
  /** GENKAN_HOME; it must exist. */
  readonly home: string;
  /**
   * Public IPv4 pools, CIDR blocks: what the simulated internet and the machine send towards the data plane.
   */
  readonly pools: readonly string[];
  /** Whether the machine itself is to be a host of the simulated internet. */
  readonly hostLink: boolean;
  /**
   * Called when an interface's host-side link (index: the slot) exists in the data plane's namespace, before
   * traffic can be on it.
   */
  readonly attach: (slot: number) => void | Promise<void>;
  readonly log: (message: string, cause?: unknown) => void;
};

/** What `up` made or found. */
export type HostUp = { readonly links: HostLinks; readonly hostLink: HostLinkState };

const LOOK_MILLISECONDS = 1_000;
/** Links are checked once in so many looks. */
const LOOKS_AT_LINKS = 4;
/** Maximum boots at a time. More would wait for each other, longer than a boot may take. */
const BOOTS_AT_ONCE = 16;

export function openHost(options: HostOptions): Host {
  return new Host(options);
}

/**
 * The instances of this machine and what surrounds them. Everything lives in processes and namespaces of its
 * own: a Host may be dropped at any moment, and the next one adopts what it finds.
 */
export class Host {
  readonly installation: Installation;
  readonly #options: HostOptions;
  readonly #links: InstanceLinks;
  readonly #removal: Removal;
  readonly #running = new Map<string, RunningInstance>();
  /** Instances that are being stopped on request: their end is not reported. */
  readonly #stopping = new Set<string>();
  /** The present boot of each instance that this process started: ends of earlier ones are not reported. */
  readonly #lives = new Map<string, object>();
  /** Instances that this process did not start: their end must be looked for. */
  readonly #adopted = new Set<string>();
  readonly #listeners: ((instanceId: string, ending: Ending) => void)[] = [];
  readonly #boots = new Turns(BOOTS_AT_ONCE);
  /** Boots, stops and changes of one instance never overlap. */
  readonly #queues = new Queues();
  #looks = 0;
  readonly #neighbours = new NeighbourWatch();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.installation = installationAt(options.home);
    this.#links = new InstanceLinks({ dp: this.installation.namespaces.dp, attach: options.attach });
    this.#removal = new Removal(this.installation, options.log);
  }

  /**
   * Brings namespaces, links, services and the simulated internet up, or adopts them when they are, without
   * touching the traffic. Instances that are up are adopted, and {@link attachLinks} attaches their
   * interfaces anew. Instances that are only partly there are removed.
   */
  async up(): Promise<HostUp> {
    const problem = sandboxProblem();
    if (problem !== undefined) throw new Error(problem);
    const { installation, pools } = { installation: this.installation, pools: this.#options.pools };
    if (isHalfTornDown(installation)) await tearDown(installation.home);
    await ensureNamespaces(installation);
    for (const unlimited of ensureCgroups(installation)) this.#options.log(unlimited);
    const links = await ensureFixedLinks(installation, pools);
    const [hostLink] = await Promise.all([
      this.#options.hostLink
        ? ensureHostLink(installation, pools)
        : { present: false as const, reason: "it was turned off" },
      this.#adopt(),
      ...DAEMONS.map((name) => ensureDaemon(installation, name)),
    ]);
    if (this.#options.hostLink && !hostLink.present)
      this.#options.log(`the machine is no host of the simulated internet: ${hostLink.reason}`);
    await this.#guarded("the room on the disk could not be looked at", () => this.#lookAtDisk());
    this.#removal.resume();
    this.#timer = setInterval(() => this.#lookOnce(), LOOK_MILLISECONDS).unref();
    return { links, hostLink };
  }

  /**
   * Boots the instance; it must not be up. Settles when its first process runs with its network; user data
   * may still run.
   */
  async boot(spec: InstanceSpec): Promise<void> {
    if (this.isUp(spec.id)) throw new Error(`assertion failed: ${spec.id} is not up`);
    await this.#queues.run(spec.id, async () => {
      const give = await this.#boots.take();
      try {
        await this.#boot(spec, give);
      } finally {
        give();
      }
    });
  }

  async #boot(spec: InstanceSpec, onMade: () => void): Promise<void> {
    const life = {};
    this.#lives.set(spec.id, life);
    const running = await bootInstance({
      installation: this.installation,
      spec,
      links: this.#links,
      onMade,
      onEnd: (ending) => {
        if (this.#lives.get(spec.id) === life) void this.#ended(spec.id, ending);
      },
    });
    // It may have ended by itself already.
    if (isAlive(running.init)) this.#running.set(spec.id, running);
  }

  /**
   * Stops the instance's processes and removes its links; its files stay. Nothing happens when it is not up.
   */
  halt(instanceId: string): Promise<void> {
    return this.#queues.run(instanceId, () => this.#halt(instanceId));
  }

  async #halt(instanceId: string): Promise<void> {
    const running = this.#running.get(instanceId) ?? findInstance(this.installation, instanceId);
    if (!running) return;
    this.#stopping.add(instanceId);
    try {
      for (const cause of await stopInstance(this.#books(), instanceId, running))
        this.#options.log(`${instanceId} is stopped, and something of it is left`, cause);
      this.#running.delete(instanceId);
      this.#adopted.delete(instanceId);
      this.#lives.delete(instanceId);
    } finally {
      this.#stopping.delete(instanceId);
    }
  }

  async reboot(spec: InstanceSpec): Promise<void> {
    await this.halt(spec.id);
    await this.boot(spec);
  }

  /** Stops the instance and takes its files away; removing them may take longer. */
  async destroy(instanceId: string): Promise<void> {
    await this.halt(instanceId);
    this.#removal.discard(instanceId);
  }

  /**
   * Changes the interfaces of an instance that is up, and their addresses, to the wanted ones. What the
   * instance's root changed itself stays.
   * @throws what keeps an interface from being made; the other interfaces are made
   */
  setInterfaces(instanceId: string, wanted: readonly InterfaceSpec[]): Promise<void> {
    return this.#queues.run(instanceId, async () => {
      const running = this.#running.get(instanceId);
      if (!running || !isAlive(running.init) || same(running.interfaces, wanted)) return;
      const instance = { id: instanceId, pid: running.init.pid };
      const { now, failures } = await this.#links.follow(instance, running.interfaces, wanted);
      if (!this.isUp(instanceId)) return;
      const changed = { ...running, interfaces: now };
      this.#running.set(instanceId, changed);
      recordUp(this.installation, instanceId, changed);
      if (failures.length > 0) throw failures[0];
    });
  }

  /**
   * Attaches the links of all instances that are up; see {@link HostOptions.attach}. A failure concerns only
   * the instance whose link it is.
   */
  async attachLinks(): Promise<void> {
    const present = await this.#links.present();
    const attach = async (id: string, { slot }: InterfaceSpec): Promise<void> => {
      if (!present.has(slot)) return this.#mend(id, slot);
      try {
        await this.#links.attach(slot);
      } catch (cause) {
        this.#options.log(`${id}: link ${slot}`, cause);
        await this.#mend(id, slot);
      }
    };
    await Promise.all(
      [...this.#running].flatMap(([id, { interfaces }]) => interfaces.map((spec) => attach(id, spec))),
    );
  }

  /** The instances that are up. */
  instances(): readonly string[] {
    return [...this.#running.keys()].filter((id) => this.isUp(id));
  }

  isUp(instanceId: string): boolean {
    const running = this.#running.get(instanceId);
    return running !== undefined && isAlive(running.init);
  }

  /** The slots of the interfaces whose links exist, over all instances that are up. */
  slots(): readonly number[] {
    return [...this.#running.values()].flatMap(({ interfaces }) => interfaces.map(({ slot }) => slot));
  }

  /**
   * Calls back when an instance ended that nobody asked this host to stop: it was shut down or restarted from
   * inside, or killed. Its links are gone by then.
   */
  onExit(callback: (instanceId: string, ending: Ending) => void): void {
    this.#listeners.push(callback);
  }

  /** The last 64 KiB that the instance printed; undefined when it never ran or is destroyed. */
  console(instanceId: string): string | undefined {
    return readConsole(this.installation, instanceId);
  }

  /** The parts of the instance's user data that are not carried out. */
  notDone(instanceId: string): readonly string[] {
    return readNotes(this.installation, instanceId);
  }

  /** The id, on the machine, of the instance's first process. */
  pidOf(instanceId: string): number | undefined {
    return this.isUp(instanceId) ? this.#running.get(instanceId)?.init.pid : undefined;
  }

  /** Lets go of everything and leaves it running. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#looking, this.#removal.close()]);
  }

  /** Ends and removes everything of this installation on the machine; instances' files stay. */
  async down(): Promise<void> {
    await this.close();
    const ids = [...this.#running.keys()];
    for (const id of ids) this.#stopping.add(id);
    await Promise.all(
      ids.map((id) =>
        this.halt(id).catch((cause: unknown) => this.#options.log(`${id} did not stop`, cause)),
      ),
    );
    await tearDown(this.installation.home);
  }

  #books(): Books {
    return { installation: this.installation, links: this.#links };
  }

  /**
   * Makes the link of the slot anew: the instance's root may have removed it. If that fails, the instance is
   * restarted, as if its root had asked for it.
   */
  #mend(instanceId: string, slot: number): Promise<void> {
    return this.#queues.run(instanceId, async () => {
      const running = this.#running.get(instanceId);
      const spec = running?.interfaces.find((one) => one.slot === slot);
      if (!running || !spec || !isAlive(running.init) || this.#stopping.has(instanceId)) return;
      try {
        await this.#links.put({ id: instanceId, pid: running.init.pid }, spec);
        this.#options.log(`${instanceId}: eth${spec.deviceIndex} was gone, and is there again`);
      } catch (cause) {
        if (!isAlive(running.init)) return;
        this.#options.log(
          `${instanceId}: eth${spec.deviceIndex} was gone, and the instance is restarted`,
          cause,
        );
        await this.#halt(instanceId);
        this.#tell(instanceId, "reboot");
      }
    });
  }

  #tell(instanceId: string, ending: Ending): void {
    for (const listener of this.#listeners) listener(instanceId, ending);
  }

  async #adopt(): Promise<void> {
    const ids = new Set(
      recordNames(this.installation.records).flatMap((name) => /^(i-[0-9a-f]+)/.exec(name)?.[1] ?? []),
    );
    await Promise.all(
      [...ids].map(async (id) => {
        const running = findInstance(this.installation, id);
        if (!running)
          return this.#clear(id).catch((cause: unknown) =>
            this.#options.log(`${id}: what is left of it can't be removed`, cause),
          );
        this.#running.set(id, running);
        this.#adopted.add(id);
        this.#links.adopt(id, running.interfaces);
      }),
    );
  }

  /** Removes what is left of an instance that is not up. */
  async #clear(instanceId: string): Promise<void> {
    for (const name of [`${instanceId}.init`, instanceId]) {
      const record = readRecord(this.installation.records, name);
      if (record) await killTree(record);
    }
    for (const cause of await forget(
      this.#books(),
      instanceId,
      recordedInterfaces(this.installation, instanceId),
    ))
      throw cause;
  }

  /**
   * Cleans up after an instance that ended. While it can't be known whether it ended, for want of a file
   * descriptor, say, it is looked at again.
   */
  async #ended(instanceId: string, ending: Ending): Promise<void> {
    let running: RunningInstance | undefined;
    try {
      running = this.#running.get(instanceId) ?? findInstance(this.installation, instanceId);
      if (this.#stopping.has(instanceId) || (running && isAlive(running.init))) return;
    } catch (cause) {
      this.#adopted.add(instanceId);
      this.#options.log(`whether ${instanceId} is up is not known`, cause);
      return;
    }
    this.#running.delete(instanceId);
    this.#adopted.delete(instanceId);
    const left = await forget(
      this.#books(),
      instanceId,
      running?.interfaces ?? recordedInterfaces(this.installation, instanceId),
    );
    for (const cause of left) this.#options.log(`${instanceId} ended, and something of it is left`, cause);
    this.#tell(instanceId, ending);
  }

  /**
   * The periodic look after what may have changed: adopted instances that ended, links that are gone,
   * consoles that grew, services that died.
   */
  async #look(): Promise<void> {
    // The services come first, so that no instance keeps them waiting. A failure of one does not concern the
    // others.
    for (const name of DAEMONS)
      await this.#guarded(`${name} could not be started anew`, () => ensureDaemon(this.installation, name));
    for (const id of this.#adopted)
      if (!this.isUp(id))
        await this.#guarded(`${id} ended, and could not be cleared away`, () => this.#ended(id, "poweroff"));
    for (const id of this.#running.keys())
      await this.#guarded(`the console of ${id} could not be trimmed`, () =>
        trimConsole(this.installation, id),
      );
    await this.#guarded("the room on the disk could not be looked at", () => this.#lookAtDisk());
    await this.#guarded("the instances' processes could not be counted", () => this.#lookAtProcesses());
    await this.#guarded("the machine's neighbours could not be counted", () => this.#lookAtNeighbours());
    this.#looks += 1;
    if (this.#looks % LOOKS_AT_LINKS === 0 && this.#running.size > 0)
      await this.#guarded("the links of instances could not be looked at", () => this.#lookAtLinks());
  }

  /**
   * Ends an instance that fills the machine's tables of neighbours, as one that takes too much memory ends:
   * nothing else frees its entries.
   */
  async #lookAtNeighbours(): Promise<void> {
    const up = [...this.#running].map(([id, { init }]) => ({ id, pid: init.pid }));
    for (const { id } of await this.#neighbours.crowding(up)) {
      this.#options.log(
        `${id} had too many neighbours (the instances may have ${MOST_NEIGHBOURS} together), which are the whole machine's: it is ended`,
      );
      const running = this.#running.get(id);
      if (running) signal(running.init, "SIGKILL");
    }
  }

  /** Ends an instance that took many processes while there were few instances, and leaves others no room. */
  #lookAtProcesses(): void {
    const crowding = crowdingProcesses(this.installation, this.instances());
    const running = crowding && this.#running.get(crowding.id);
    if (!running) return;
    this.#options.log(
      `${crowding.id} had ${crowding.processes} processes, and others found no room for theirs: it is ended`,
    );
    signal(running.init, "SIGKILL");
  }

  /**
   * Ends an instance that fills the disk, before there is no room for the state. Its files stay until it is
   * terminated.
   */
  async #lookAtDisk(): Promise<void> {
    const up = this.instances().filter((id) => !this.#stopping.has(id));
    const filling = await fillingDisk(this.installation, up);
    const running = filling && this.#running.get(filling.id);
    if (!running) return;
    this.#options.log(
      `${filling.id} fills the disk (its files have ${Math.round(filling.bytes / 1e6)} MB): it is ended`,
    );
    signal(running.init, "SIGKILL");
  }

  async #guarded(failed: string, body: () => unknown): Promise<void> {
    try {
      await body();
    } catch (cause) {
      this.#options.log(failed, cause);
    }
  }

  async #lookAtLinks(): Promise<void> {
    const expected = [...this.#running].flatMap(([id, { init, interfaces }]) =>
      isAlive(init) ? interfaces.map(({ slot }) => ({ id, slot })) : [],
    );
    const present = await this.#links.present();
    await Promise.all(
      expected.filter(({ slot }) => !present.has(slot)).map(({ id, slot }) => this.#mend(id, slot)),
    );
  }

  #lookOnce(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }
}

/** Interfaces are lists of plain values. */
function same(a: readonly InterfaceSpec[], b: readonly InterfaceSpec[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
