import type { InstanceReport } from "../model/instance-report.ts";
import type { Instance } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Realm } from "../model/realm.ts";
import type { Change } from "../model/state.ts";
import type { InstancePlan, InterfacePlan } from "../plan/instance.ts";

/** What the lifecycle needs of the machine that instances run on. */
export type Machine = {
  readonly boot: (plan: InstancePlan) => Promise<void>;
  readonly halt: (instanceId: string) => Promise<void>;
  readonly destroy: (instanceId: string) => Promise<void>;
  readonly isUp: (instanceId: string) => boolean;
  /** Gives a running instance exactly these interfaces. */
  readonly setInterfaces: (instanceId: string, plans: readonly InterfacePlan[]) => Promise<void>;
};

type Options = {
  readonly machine: Machine;
  readonly find: (realm: Realm, instanceId: string) => Instance | undefined;
  readonly plan: (realm: Realm, instance: Instance) => InstancePlan;
  /** Reports to the control plane; settles when the report is durable. */
  readonly report: (realm: Realm, report: InstanceReport) => Promise<void>;
  readonly log: (message: string, cause?: unknown) => void;
  /** Calls back after a while. */
  readonly later?: (body: () => void) => void;
};

const BOOT_ATTEMPTS = 2;
/** The wait before something that failed is tried again. */
const AGAIN_MILLISECONDS = 5_000;
const later = (body: () => void): void => void setTimeout(body, AGAIN_MILLISECONDS).unref();

/**
 * Makes the machine follow the state: boots pending instances, halts stopping ones, and reports back. Each
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
      if (change.kind === "network-interface")
        this.#interfaceChanged(realm, change as Change<"network-interface">);
    }
  }

  /** Brings one instance to what the state says, after its current step. */
  follow(realm: Realm, instanceId: string): void {
    this.#enqueue(instanceId, async () => {
      try {
        await this.#converge(realm, instanceId);
      } catch (cause) {
        // No instance stays in between two states: what the machine or the disk refused now may work later.
        if (this.#options.find(realm, instanceId)?.state !== "running")
          (this.#options.later ?? later)(() => this.follow(realm, instanceId));
        throw cause;
      }
    });
  }

  /** Takes over an instance that was already up when Genkan started. */
  adopted(instance: Instance): void {
    if (!this.#booted.has(instance.id)) this.#booted.set(instance.id, instance.bootGeneration);
  }

  /** Called when an instance ended without being asked to: shut down or restarted from inside, or crashed. */
  exited(realm: Realm, instanceId: string, ending: "poweroff" | "reboot"): void {
    this.#enqueue(instanceId, async () => {
      if (this.#options.machine.isUp(instanceId)) return;
      const instance = this.#options.find(realm, instanceId);
      if (instance?.state !== "running" || this.#booted.get(instanceId) !== instance.bootGeneration) return;
      if (ending === "reboot") {
        this.#booted.delete(instanceId);
        if (!(await this.#bringUp(realm, instance)))
          await this.#options.report(realm, { instanceId, what: "boot-failed" });
        return;
      }
      await this.#options.report(realm, { instanceId, what: "exited" });
    });
  }

  /** Settles when no instance has a step left to do. */
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
    const { find, machine, report } = this.#options;
    const instance = find(realm, instanceId);
    if (!instance || instance.state === "terminated") {
      if (machine.isUp(instanceId) || this.#booted.has(instanceId)) await machine.destroy(instanceId);
      this.#booted.delete(instanceId);
      return;
    }
    switch (instance.state) {
      case "pending":
      case "running":
        if (!(await this.#bringUp(realm, instance))) await report(realm, { instanceId, what: "boot-failed" });
        else if (instance.state === "pending") await report(realm, { instanceId, what: "booted" });
        else await this.#setInterfaces(realm, instanceId);
        return;
      case "stopping":
      case "shutting-down":
        await (instance.state === "stopping" ? machine.halt(instanceId) : machine.destroy(instanceId));
        this.#booted.delete(instanceId);
        await report(realm, { instanceId, what: "halted" });
        return;
      case "stopped":
        if (machine.isUp(instanceId)) await machine.halt(instanceId);
        return;
    }
  }

  /** Returns whether the instance is up afterwards. */
  async #bringUp(realm: Realm, instance: Instance): Promise<boolean> {
    const { machine, plan, log } = this.#options;
    const current = this.#booted.get(instance.id) === instance.bootGeneration;
    if (current && machine.isUp(instance.id)) return true;
    if (machine.isUp(instance.id)) await machine.halt(instance.id);
    this.#booted.set(instance.id, instance.bootGeneration);
    // When the machine is short of memory or time, one boot may take too long and the next may not.
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

  /** An instance that is about to boot gets its interfaces from the boot. */
  #interfaceChanged(realm: Realm, { before, after }: Change<"network-interface">): void {
    if (before && after && sameAttachment(before, after) && sameAddresses(before, after)) return;
    for (const id of new Set([before?.attachment?.instanceId, after?.attachment?.instanceId]))
      if (id !== undefined) this.#enqueue(id, () => this.#setInterfaces(realm, id));
  }

  async #setInterfaces(realm: Realm, instanceId: string): Promise<void> {
    const { find, machine, plan } = this.#options;
    const instance = find(realm, instanceId);
    if (instance?.state !== "running" || !machine.isUp(instanceId)) return;
    await machine.setInterfaces(instanceId, plan(realm, instance).interfaces);
  }
}

function sameAttachment({ attachment: a }: NetworkInterface, { attachment: b }: NetworkInterface): boolean {
  return a?.instanceId === b?.instanceId && a?.deviceIndex === b?.deviceIndex;
}

function sameAddresses(a: NetworkInterface, b: NetworkInterface): boolean {
  return (
    a.privateIpAddresses.join() === b.privateIpAddresses.join() &&
    a.ipv6Addresses?.join() === b.ipv6Addresses?.join()
  );
}
