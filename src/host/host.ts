import { ensureCgroups } from "./cgroup.ts";
import { readConsole, trimConsole } from "./console.ts";
import { ensureDaemon, DAEMONS } from "./daemon.ts";
import { ensureHostLink, type HostLinkState } from "./host-link.ts";
import { type Installation, installationAt } from "./installation.ts";
import {
  bootInstance,
  type Ending,
  findInstance,
  forget,
  plugInterface,
  readdress,
  type RunningInstance,
  stopInstance,
} from "./instance.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import { removeFiles } from "./instance-files.ts";
import { ensureFixedLinks, type HostLinks, type InterfaceSpec, removeInterfaceLink } from "./links.ts";
import { ensureNamespaces } from "./namespaces.ts";
import { isAlive, killTree, readRecord, recordNames, writeRecord } from "./processes.ts";
import { sandboxProblem } from "./sandbox.ts";
import { Turns } from "./turns.ts";
import { isHalfTornDown, tearDown } from "./tear-down.ts";

export type HostOptions = {
  /** GENKAN_HOME; it must exist. */
  readonly home: string;
  /** Public IPv4 pools, CIDR blocks: what the simulated internet and the machine send towards the data plane. */
  readonly pools: readonly string[];
  /** Whether the machine itself is to be a host of the simulated internet. */
  readonly hostLink: boolean;
  /** Called when an interface's host-side link (index: the slot) exists in the data plane's namespace, before traffic can be on it. */
  readonly attach: (slot: number) => void | Promise<void>;
  readonly log: (message: string, cause?: unknown) => void;
};

/** What `up` made or found. */
export type HostUp = { readonly links: HostLinks; readonly hostLink: HostLinkState };

const LOOK_MILLISECONDS = 1_000;
/** More at once only wait for each other, and for longer than a boot may take. */
const BOOTS_AT_ONCE = 16;

export function openHost(options: HostOptions): Host {
  return new Host(options);
}

/**
 * The instances of this machine and what surrounds them. Everything lives in processes and namespaces of its own:
 * a Host may be dropped at any moment, and the next one adopts what it finds.
 */
export class Host {
  readonly installation: Installation;
  readonly #options: HostOptions;
  readonly #running = new Map<string, RunningInstance>();
  /** Instances that are being stopped on request: their end is no news. */
  readonly #stopping = new Set<string>();
  /** Instances that this process did not start: their end must be looked for. */
  readonly #adopted = new Set<string>();
  readonly #listeners: ((instanceId: string, ending: Ending) => void)[] = [];
  readonly #boots = new Turns(BOOTS_AT_ONCE);
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.installation = installationAt(options.home);
  }

  /**
   * Brings namespaces, links, services and the simulated internet up, or adopts them when they are, without touching
   * the traffic. Instances that are up are adopted; halves of instances are removed. Their interfaces are attached anew
   * by the caller (see {@link slots}).
   */
  async up(): Promise<HostUp> {
    const problem = sandboxProblem();
    if (problem !== undefined) throw new Error(problem);
    const { installation, pools } = { installation: this.installation, pools: this.#options.pools };
    if (isHalfTornDown(installation)) await tearDown(installation.home);
    await ensureNamespaces(installation);
    const ungrouped = ensureCgroups(installation);
    if (ungrouped !== undefined) this.#options.log(`instances can use up the machine's memory and processes: ${ungrouped}`);
    const links = await ensureFixedLinks(installation, pools);
    const [hostLink] = await Promise.all([
      this.#options.hostLink ? ensureHostLink(installation, pools) : { present: false as const, reason: "it was turned off" },
      this.#adopt(),
      ...DAEMONS.map((name) => ensureDaemon(installation, name)),
    ]);
    if (this.#options.hostLink && !hostLink.present)
      this.#options.log(`the machine is no host of the simulated internet: ${hostLink.reason}`);
    this.#timer = setInterval(() => this.#lookOnce(), LOOK_MILLISECONDS).unref();
    return { links, hostLink };
  }

  /** Boots the instance; it must not be up. Settles when its first process runs with its network; user data may still run. */
  async boot(spec: InstanceSpec): Promise<void> {
    if (this.isUp(spec.id)) throw new Error(`assertion failed: ${spec.id} is not up`);
    await this.#boots.take();
    try {
      const running = await bootInstance({
        installation: this.installation,
        spec,
        attach: this.#options.attach,
        onEnd: (ending) => void this.#ended(spec.id, ending),
      });
      // It may have ended by itself already.
      if (isAlive(running.init)) this.#running.set(spec.id, running);
    } finally {
      this.#boots.give();
    }
  }

  /** Stops the instance's processes and removes its links; its files stay. Nothing happens when it is not up. */
  async halt(instanceId: string): Promise<void> {
    const running = this.#running.get(instanceId) ?? findInstance(this.installation, instanceId);
    if (!running) return;
    this.#stopping.add(instanceId);
    try {
      await stopInstance(this.installation, instanceId, running);
      this.#running.delete(instanceId);
      this.#adopted.delete(instanceId);
    } finally {
      this.#stopping.delete(instanceId);
    }
  }

  async reboot(spec: InstanceSpec): Promise<void> {
    await this.halt(spec.id);
    await this.boot(spec);
  }

  /** Stops the instance and removes its files. */
  async destroy(instanceId: string): Promise<void> {
    await this.halt(instanceId);
    removeFiles(this.installation, instanceId);
  }

  /** Adds an interface to an instance that is up. */
  async attachInterface(instanceId: string, link: InterfaceSpec): Promise<void> {
    const running = this.#present(instanceId);
    await plugInterface(this.installation, running.init, link);
    this.#setSlots(instanceId, { ...running, slots: [...running.slots.filter((slot) => slot !== link.slot), link.slot] });
    await this.#options.attach(link.slot);
  }

  async detachInterface(instanceId: string, slot: number): Promise<void> {
    const running = this.#present(instanceId);
    await removeInterfaceLink(this.installation.namespaces.dp, slot);
    this.#setSlots(instanceId, { ...running, slots: running.slots.filter((one) => one !== slot) });
  }

  /** Makes the interface's addresses inside the instance those of `link`. */
  async updateAddresses(instanceId: string, link: InterfaceSpec): Promise<void> {
    await readdress(this.#present(instanceId).init, link);
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
    return [...this.#running.values()].flatMap(({ slots }) => slots);
  }

  /** Calls back when an instance ended without being asked to here: shut down or restarted from inside, or killed. Its links are gone by then. */
  onExit(callback: (instanceId: string, ending: Ending) => void): void {
    this.#listeners.push(callback);
  }

  /** The last 64 KiB that the instance printed; undefined when it never ran or is destroyed. */
  console(instanceId: string): string | undefined {
    return readConsole(this.installation, instanceId);
  }

  /** The id, on the machine, of the instance's first process. */
  pidOf(instanceId: string): number | undefined {
    return this.isUp(instanceId) ? this.#running.get(instanceId)?.init.pid : undefined;
  }

  /** Lets go of everything and leaves it running. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Ends and removes everything of this installation on the machine; instances' files stay. */
  async down(): Promise<void> {
    await this.close();
    const ids = [...this.#running.keys()];
    for (const id of ids) this.#stopping.add(id);
    await Promise.all(ids.map((id) => this.halt(id).catch((cause: unknown) => this.#options.log(`${id} did not stop`, cause))));
    await tearDown(this.installation.home);
  }

  #present(instanceId: string): RunningInstance {
    const running = this.#running.get(instanceId);
    if (!running) throw new Error(`${instanceId} is not up`);
    return running;
  }

  #setSlots(instanceId: string, running: RunningInstance): void {
    this.#running.set(instanceId, running);
    writeRecord(this.installation.records, `${instanceId}.up`, { ...running.init, slots: running.slots });
  }

  async #adopt(): Promise<void> {
    const { installation } = this;
    const ids = new Set(recordNames(installation.records).flatMap((name) => /^(i-[0-9a-f]+)/.exec(name)?.[1] ?? []));
    await Promise.all(
      [...ids].map(async (id) => {
        const running = findInstance(installation, id);
        if (running) {
          this.#running.set(id, running);
          this.#adopted.add(id);
          return;
        }
        for (const name of [`${id}.init`, id]) {
          const record = readRecord(installation.records, name);
          if (record) await killTree(record);
        }
        const up = readRecord(installation.records, `${id}.up`) as { readonly slots?: readonly number[] } | undefined;
        await forget(installation, id, up?.slots ?? []);
      }),
    );
  }

  /** What can't be told now, for want of a file descriptor, say, is looked at again. */
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
    try {
      const up = readRecord(this.installation.records, `${instanceId}.up`) as { readonly slots?: readonly number[] } | undefined;
      await forget(this.installation, instanceId, running?.slots ?? up?.slots ?? []);
    } catch (cause) {
      this.#options.log(`${instanceId} ended, and its links could not be removed`, cause);
    }
    for (const listener of this.#listeners) listener(instanceId, ending);
  }

  /** What must be looked after now and then: adopted instances that ended, consoles that grew, services that died. */
  async #look(): Promise<void> {
    // The services first: an instance can't keep them waiting. What fails for one keeps nothing from the others.
    for (const name of DAEMONS) await this.#guarded(`${name} could not be started anew`, () => ensureDaemon(this.installation, name));
    for (const id of this.#adopted)
      if (!this.isUp(id)) await this.#guarded(`${id} ended, and could not be cleared away`, () => this.#ended(id, "poweroff"));
    for (const id of this.#running.keys())
      await this.#guarded(`the console of ${id} could not be trimmed`, () => trimConsole(this.installation, id));
  }

  async #guarded(failed: string, body: () => unknown): Promise<void> {
    try {
      await body();
    } catch (cause) {
      this.#options.log(failed, cause);
    }
  }

  #lookOnce(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }
}
