import { bootDone, bootFailed, exitedByItself, haltDone } from "../actions/instance-lifecycle.ts";
import type { Context } from "../actions/action.ts";
import type { Instance } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Change, Tx } from "../model/state.ts";
import type { InstancePlan, InterfacePlan } from "../plan/instance.ts";
import type { Realm } from "./committer.ts";

/** What the lifecycle needs of the machine that instances run on. */
export type Machine = {
  readonly boot: (plan: InstancePlan) => Promise<void>;
  readonly halt: (instanceId: string) => Promise<void>;
  readonly destroy: (instanceId: string) => Promise<void>;
  readonly isUp: (instanceId: string) => boolean;
  readonly attachInterface: (instanceId: string, plan: InterfacePlan) => Promise<void>;
  readonly detachInterface: (instanceId: string, slot: number) => Promise<void>;
  readonly updateAddresses: (instanceId: string, plan: InterfacePlan) => Promise<void>;
};

type Options = {
  readonly machine: Machine;
  readonly find: (realm: Realm, instanceId: string) => Instance | undefined;
  readonly plan: (realm: Realm, instance: Instance) => InstancePlan;
  readonly run: <T>(realm: Realm, body: (tx: Tx, context: Context) => T) => Promise<T>;
  readonly log: (message: string, cause?: unknown) => void;
};

const BOOT_ATTEMPTS = 2;

/**
 * Makes the machine follow the state: boots what is pending, halts what is stopping, and reports back. Each
 * instance has one queue, so that its steps never overlap; each step looks at the newest state, so that a
 * step overtaken by another does nothing.
 */
export class Lifecycle {
  readonly #options: Options;
  readonly #queues = new Map<string, Promise<void>>();
  /** The boot generation that each instance on the machine was booted for. */
  readonly #booted = new Map<string, number>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Called with every committed change. */
  changed(realm: Realm, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "instance") this.follow(realm, change.id);
      if (change.kind === "network-interface") this.#interfaceChanged(realm, change as Change<"network-interface">);
    }
  }

  /** Brings one instance to what the state says, after whatever it is busy with. */
  follow(realm: Realm, instanceId: string): void {
    this.#enqueue(instanceId, () => this.#converge(realm, instanceId));
  }

  /** An instance that was already up when Genkan started. */
  adopted(instance: Instance): void {
    this.#booted.set(instance.id, instance.bootGeneration);
  }

  /** It ended without being asked to: shut down or restarted from inside, or crashed. */
  exited(realm: Realm, instanceId: string, ending: "poweroff" | "reboot"): void {
    this.#enqueue(instanceId, async () => {
      if (this.#options.machine.isUp(instanceId)) return;
      const instance = this.#options.find(realm, instanceId);
      if (instance?.state !== "running" || this.#booted.get(instanceId) !== instance.bootGeneration) return;
      if (ending === "reboot") {
        this.#booted.delete(instanceId);
        if (!(await this.#bringUp(realm, instance))) await this.#options.run(realm, (tx, context) => bootFailed(tx, instanceId, context));
        return;
      }
      await this.#options.run(realm, (tx, context) => exitedByItself(tx, instanceId, context));
    });
  }

  /** Settles when every instance has come to rest. */
  async settled(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  #enqueue(instanceId: string, step: () => Promise<void>): void {
    const queue = (this.#queues.get(instanceId) ?? Promise.resolve()).then(step).catch((cause: unknown) => {
      this.#options.log(`${instanceId}: the machine did not follow`, cause);
    });
    this.#queues.set(instanceId, queue);
    void queue.then(() => {
      if (this.#queues.get(instanceId) === queue) this.#queues.delete(instanceId);
    });
  }

  async #converge(realm: Realm, instanceId: string): Promise<void> {
    const { find, machine, run } = this.#options;
    const instance = find(realm, instanceId);
    if (!instance || instance.state === "terminated") {
      if (machine.isUp(instanceId) || this.#booted.has(instanceId)) await machine.destroy(instanceId);
      this.#booted.delete(instanceId);
      return;
    }
    switch (instance.state) {
      case "pending":
      case "running":
        if (!(await this.#bringUp(realm, instance))) await run(realm, (tx, context) => bootFailed(tx, instanceId, context));
        else if (instance.state === "pending") await run(realm, (tx, context) => bootDone(tx, instanceId, context));
        return;
      case "stopping":
      case "shutting-down":
        await (instance.state === "stopping" ? machine.halt(instanceId) : machine.destroy(instanceId));
        this.#booted.delete(instanceId);
        await run(realm, (tx, context) => haltDone(tx, instanceId, context));
        return;
      case "stopped":
        if (machine.isUp(instanceId)) await machine.halt(instanceId);
        return;
    }
  }

  /** Whether the instance is up then. */
  async #bringUp(realm: Realm, instance: Instance): Promise<boolean> {
    const { machine, plan, log } = this.#options;
    const current = this.#booted.get(instance.id) === instance.bootGeneration;
    if (current && machine.isUp(instance.id)) return true;
    if (machine.isUp(instance.id)) await machine.halt(instance.id);
    this.#booted.set(instance.id, instance.bootGeneration);
    // On a machine that is short of everything a boot may take too long, and the next one not.
    for (let attempt = 1; attempt <= BOOT_ATTEMPTS; attempt += 1) {
      try {
        await machine.boot(plan(realm, instance));
        return true;
      } catch (cause) {
        log(`${instance.id} did not boot, attempt ${attempt} of ${BOOT_ATTEMPTS}`, cause);
      }
    }
    return false;
  }

  #interfaceChanged(realm: Realm, { before, after }: Change<"network-interface">): void {
    const from = before?.attachment?.instanceId;
    const to = after?.attachment?.instanceId;
    if (from !== undefined && from !== to && before) this.#enqueue(from, () => this.#unplug(from, before));
    if (to === undefined || !after || after.attachment?.deviceIndex === 0) {
      if (to !== undefined && from === to && before && after && !sameAddresses(before, after)) this.#readdress(realm, to, after.id);
      return;
    }
    if (from !== to) this.#enqueue(to, () => this.#plug(realm, to, after.id));
    else if (before && !sameAddresses(before, after)) this.#readdress(realm, to, after.id);
  }

  async #unplug(instanceId: string, eni: NetworkInterface): Promise<void> {
    if (this.#options.machine.isUp(instanceId)) await this.#options.machine.detachInterface(instanceId, eni.slot);
  }

  async #plug(realm: Realm, instanceId: string, eniId: string): Promise<void> {
    const plan = this.#interfacePlan(realm, instanceId, eniId);
    if (plan) await this.#options.machine.attachInterface(instanceId, plan);
  }

  #readdress(realm: Realm, instanceId: string, eniId: string): void {
    this.#enqueue(instanceId, async () => {
      const plan = this.#interfacePlan(realm, instanceId, eniId);
      if (plan) await this.#options.machine.updateAddresses(instanceId, plan);
    });
  }

  /** The interface's plan now, when its instance is up; a boot to come brings its interfaces itself. */
  #interfacePlan(realm: Realm, instanceId: string, eniId: string): InterfacePlan | undefined {
    const instance = this.#options.find(realm, instanceId);
    if (!instance || !this.#options.machine.isUp(instanceId)) return undefined;
    return this.#options.plan(realm, instance).interfaces.find((i) => i.id === eniId);
  }
}

function sameAddresses(a: NetworkInterface, b: NetworkInterface): boolean {
  return a.privateIpAddresses.join() === b.privateIpAddresses.join() && a.ipv6Addresses?.join() === b.ipv6Addresses?.join();
}
