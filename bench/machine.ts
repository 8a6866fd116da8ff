import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** The machine that the figures are of. */
export type Machine = {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly kernel: string;
  /** Undefined when it says nothing of one. */
  readonly hypervisor: string | undefined;
  readonly distribution: string;
  readonly node: string;
};

export function thisMachine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? "unknown",
    processors: all.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    hypervisor: hypervisor(),
    distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(textOf("/etc/os-release"))?.[1] ?? "unknown",
    node: process.version,
  };
}

export function machineName(machine: Machine): string {
  const virtual = machine.hypervisor === undefined ? "" : `, virtual (${machine.hypervisor})`;
  const { processor, processors, memoryGib, kernel, distribution, node } = machine;
  return `${processor}, ${processors} processors${virtual}, ${memoryGib} GiB; Linux ${kernel}, ${distribution}, Node.js ${node}`;
}

/**
 * A processor's flag tells that there is one, the firmware often which; KVM's clock betrays it where no
 * firmware does.
 */
function hypervisor(): string | undefined {
  if (!/^flags\s*:.*\bhypervisor\b/m.test(textOf("/proc/cpuinfo"))) return undefined;
  const product = textOf("/sys/class/dmi/id/product_name").trim();
  if (product !== "") return product;
  return textOf("/sys/devices/system/clocksource/clocksource0/available_clocksource").includes("kvm")
    ? "KVM"
    : "hypervisor unknown";
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
