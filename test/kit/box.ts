/** A region in a box, and what tests do to it: packets in its instances, deaths of its parts. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { networkBetween } from "../../src/box/network.ts";
import { ip } from "../../src/host/command.ts";
import { installationAt } from "../../src/host/installation.ts";
import { isAlive, type ProcessRecord, readRecord, signal } from "../../src/host/processes.ts";
import { type Ended, execute, type Genkan, there } from "./genkan.ts";
import { allOf, pingCommand, type Pinged, readPings } from "./pings.ts";

export const INTERNET = "198.51.100.1";

/** An instance, and the machine that it runs on. */
export type Running = { readonly machine: number; readonly id: string | undefined };

export class TestBox {
  readonly genkan: Genkan;

  constructor(genkan: Genkan) {
    this.genkan = genkan;
  }

  machineHome(number: number): string {
    return join(this.genkan.home, "machines", `machine-${number}`);
  }

  #network({ machine, id }: Running): string {
    const { records } = installationAt(this.machineHome(machine));
    const { pid } =
      readRecord(records, `${id}.init`) ?? readRecord(records, there(id)) ?? assert.fail(`${id} is there`);
    return `--net=/proc/${pid}/ns/net`;
  }

  /** Runs a command in the network of an instance. */
  inside(instance: Running, ...command: readonly string[]): Promise<Ended> {
    return execute("nsenter", [this.#network(instance), "--", ...command], { timeout: 150_000 });
  }

  /** Numbered packets from an instance to the internet, in so many flows, until it is asked what became of them. */
  ping(instance: Running, flows = 4): () => Promise<Pinged> {
    const pings = Array.from({ length: flows }, () => {
      const child = spawn("nsenter", [this.#network(instance), "--", ...pingCommand(INTERNET)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      return { child, said: once(child, "close").then(() => text) };
    });
    return async () => {
      for (const { child } of pings) child.kill("SIGINT");
      return allOf((await Promise.all(pings.map(({ said }) => said))).map(readPings));
    };
  }

  fromInternet(...command: readonly string[]): Promise<Ended> {
    const { internet } = installationAt(this.genkan.home).namespaces;
    return execute("nsenter", [`--net=${internet}`, "--", ...command]);
  }

  /** Takes a machine's cable out, or puts it back. */
  async setCable(number: number, present: boolean): Promise<void> {
    const between = networkBetween(installationAt(this.genkan.home));
    await ip(between, [`link set machine-${number} ${present ? "master bridge" : "nomaster"}`]);
  }

  /** Settles when so many gateways are next hops, of the machine and of the internet's router. */
  async gateways(count: number): Promise<void> {
    const hops = async (namespace: string, to: string): Promise<number> =>
      (
        await execute("nsenter", [`--net=${namespace}`, "ip", "route", "show", to, "proto", "bird"])
      ).out.split("via ").length - 1;
    const { run, namespaces } = installationAt(this.genkan.home);
    while ((await hops(join(run, "box/machine-1"), "100.127.0.1")) !== count);
    while ((await hops(namespaces.internet, "203.0.113.0/24")) !== count);
  }

  /** The number of the machine that leads. */
  async leader(): Promise<number> {
    const { machines = [] } = await this.genkan.ask("status", {});
    return there(machines.find(({ leads }) => leads)).number;
  }

  /** Kills a process at once, of the box itself (`machine-1`, `etcd-machine-1`) or of a machine (`bird`). */
  kill(name: string, machine?: number): ProcessRecord {
    const record = this.#record(name, machine) ?? assert.fail(`${name} has a record`);
    signal(record, "SIGKILL");
    return record;
  }

  #record(name: string, machine: number | undefined): ProcessRecord | undefined {
    const home = machine === undefined ? this.genkan.home : this.machineHome(machine);
    return readRecord(installationAt(home).records, name);
  }

  /** Settles when another process stands where the killed one was, and every machine keeps up. */
  async isBack(killed: ProcessRecord, name: string, machine?: number): Promise<void> {
    for (;;) {
      const record = this.#record(name, machine);
      const another = record !== undefined && record.starttime !== killed.starttime && isAlive(record);
      const { machines = [] } = another ? await this.genkan.ask("status", {}) : {};
      if (machines.length > 0 && machines.every(({ live, behind }) => live && !behind)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
