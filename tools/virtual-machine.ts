/**
 * A Debian suite with its own kernel, in a virtual machine without a network. The processor is emulated: about
 * ten times slower than the machine, so figures of time count as ratios only. GENKAN_KVM=1 takes /dev/kvm: it
 * is asked for, as a machine that is a guest itself may have one that boots nothing.
 */

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Base, run, temporaryFolder } from "./debian-base.ts";

export type GuestOptions = {
  /** A script of bash; it runs as root in a copy of the tree. */
  readonly command: string;
  /** Added to the kernel's command line. */
  readonly kernelOptions?: string;
  /** Added to QEMU's, after what stands there. */
  readonly machineOptions?: string;
  /** When the machine is switched off whatever it does, in milliseconds of `performance.now()`. */
  readonly deadline: number;
  readonly line: (text: string) => void;
};

/**
 * Boots the base with a copy of the tree, runs the command there and switches off. Its exit status; undefined
 * when the machine ended without one.
 */
export async function runInGuest(
  base: Base,
  tree: string,
  options: GuestOptions,
): Promise<number | undefined> {
  const work = temporaryFolder();
  try {
    const disk = packTree(tree, options, work);
    return await boot(base, disk, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Left out: what is of another kind, only this machine's, or made in the guest by its own compiler. */
const LEFT_OUT = [".git", ".genkan", "dist/kernels", "dist/datapath"];

/** What the working tree has installed and built travels along. */
function packTree(tree: string, { command, deadline }: GuestOptions, work: string): string {
  const files = join(work, "files");
  const left = new Set(LEFT_OUT.map((path) => join(tree, path)));
  mkdirSync(files);
  for (const name of readdirSync(tree)) {
    const filter = (source: string): boolean => !left.has(source);
    cpSync(join(tree, name), join(files, "tree", name), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      filter,
    });
  }
  // Folders have not kept their times: without this they would all seem newer than what was built of them.
  writeFileSync(join(files, "tree/dist/.built"), "");
  writeFileSync(join(files, "command.sh"), command);
  const disk = join(work, "tree.img");
  run(`mke2fs -q -t ext4 -d ${files} ${disk} 4G`, deadline);
  rmSync(files, { recursive: true });
  return disk;
}

async function boot(
  base: Base,
  disk: string,
  { kernelOptions = "", machineOptions, deadline, line }: GuestOptions,
): Promise<number | undefined> {
  const append = `root=/dev/vda rw console=ttyS0 quiet loglevel=1 systemd.show_status=0 ${kernelOptions}`;
  const drive = (file: string): string => `-drive file=${file},format=raw,if=virtio,cache=unsafe`;
  const words = [
    // It ends with this process, however that ends.
    "--pdeathsig KILL -- qemu-system-x86_64",
    process.env["GENKAN_KVM"] === "1" ? "-accel kvm -cpu host" : "-accel tcg -cpu max",
    "-smp 2 -m 6G -display none -serial stdio -monitor none -no-reboot -nic none -snapshot",
    `-kernel ${base.kernel} -initrd ${base.initrd}`,
    drive(base.image),
    drive(disk),
    ...(machineOptions ? [machineOptions] : []),
  ];
  const child = spawn("setpriv", [...words.join(" ").split(" "), "-append", append], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), Math.max(0, deadline - performance.now()));
  let status: number | undefined;
  let begun = false;
  for await (const text of createInterface({ input: child.stdout })) {
    const words = text.replaceAll("\r", "");
    const end = /GUEST-END (\d+)/.exec(words);
    begun ||= words.includes("GUEST-BEGIN");
    if (end) status = Number(end[1]);
    else if (begun) line(words);
  }
  clearTimeout(limit);
  return status;
}
