import {
  addInterfaceLink,
  beginInterfaces,
  configureInterface,
  interfaceLinks,
  type InterfaceSpec,
  isSameLink,
  namespaceOf,
  readdress,
  removeInterfaceLink,
  removeRules,
} from "./network-interface.ts";

/** An instance, and the process id of its init, into whose network namespace links lead. */
export type Plugged = { readonly id: string; readonly pid: number };

type Options = {
  /** The path of the data plane's network namespace. */
  readonly dp: string;
  /** Called when an interface's link exists, before traffic can be on it. */
  readonly attach: (slot: number) => void | Promise<void>;
};

/**
 * The links of instances' interfaces. A slot may go from one instance to the next before the first one's link
 * is gone. So the owner of each link is remembered, and a link is removed only for its owner.
 */
export class InstanceLinks {
  readonly #options: Options;
  readonly #holders = new Map<number, string>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Notes that the links, which exist, are the instance's. */
  adopt(id: string, interfaces: readonly InterfaceSpec[]): void {
    for (const { slot } of interfaces) this.#holders.set(slot, id);
  }

  /** Makes all links of an instance that boots, with their addresses; nothing runs in it yet. */
  async begin({ id, pid }: Plugged, interfaces: readonly InterfaceSpec[]): Promise<void> {
    for (const { slot } of interfaces) this.#holders.set(slot, id);
    try {
      await beginInterfaces(this.#options.dp, interfaces, pid);
    } catch {
      // Links that were left over in these slots are removed.
      for (const { slot } of interfaces) await removeInterfaceLink(this.#options.dp, slot);
      await beginInterfaces(this.#options.dp, interfaces, pid);
    }
    for (const { slot } of interfaces) await this.#options.attach(slot);
  }

  /**
   * Changes the links from `there` to `wanted`. A link that cannot be changed is made anew.
   * @returns the interfaces that exist afterwards, and why others do not
   */
  async follow(
    instance: Plugged,
    there: readonly InterfaceSpec[],
    wanted: readonly InterfaceSpec[],
  ): Promise<Followed> {
    const kept = there.filter((old) => wanted.some((spec) => isSameLink(old, spec)));
    for (const old of there.filter((one) => !kept.includes(one))) {
      await this.remove(instance.id, old.slot);
      await removeRules(namespaceOf(instance.pid), old);
    }
    const now: InterfaceSpec[] = [];
    const failures: unknown[] = [];
    for (const spec of wanted) {
      const old = kept.find(({ slot }) => slot === spec.slot);
      await this.#bring(instance, old, spec).then(
        () => now.push(spec),
        (cause: unknown) => failures.push(new Error(`eth${spec.deviceIndex} (link ${spec.slot})`, { cause })),
      );
    }
    return { now, failures };
  }

  async #bring(instance: Plugged, old: InterfaceSpec | undefined, spec: InterfaceSpec): Promise<void> {
    if (!old) return this.put(instance, spec);
    try {
      await readdress(namespaceOf(instance.pid), old, spec);
    } catch {
      await removeRules(namespaceOf(instance.pid), old);
      await this.put(instance, spec);
    }
  }

  /** Makes the link, with its addresses and the program on it, in place of any earlier one. */
  async put({ id, pid }: Plugged, spec: InterfaceSpec): Promise<void> {
    await this.#add(id, pid, spec);
    await configureInterface(namespaceOf(pid), spec);
    await this.#options.attach(spec.slot);
  }

  /** Puts the program on a link that exists. */
  async attach(slot: number): Promise<void> {
    await this.#options.attach(slot);
  }

  async remove(id: string, slot: number): Promise<void> {
    if ((this.#holders.get(slot) ?? id) !== id) return;
    this.#holders.delete(slot);
    await removeInterfaceLink(this.#options.dp, slot);
  }

  /** The slots of the links that exist. */
  present(): Promise<ReadonlySet<number>> {
    return interfaceLinks(this.#options.dp);
  }

  /** Adds the link, and removes one that was left over in its slot. */
  async #add(id: string, pid: number, spec: InterfaceSpec): Promise<void> {
    const { dp } = this.#options;
    this.#holders.set(spec.slot, id);
    try {
      await addInterfaceLink(dp, spec, pid);
    } catch {
      await removeInterfaceLink(dp, spec.slot);
      await addInterfaceLink(dp, spec, pid);
    }
  }
}

export type Followed = { readonly now: readonly InterfaceSpec[]; readonly failures: readonly unknown[] };
