/**
 * A Debian suite with its own kernel, in a virtual machine without a network. The processor is emulated where there is no
 * KVM: about ten times slower than the machine, so figures of time count as ratios only.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** Debian suites whose kernels are tested. */
export type Suite = "bookworm" | "trixie";

/** What boots: a disk image that no run changes, and the kernel and initrd of that suite. */
export type Base = { readonly image: string; readonly kernel: string; readonly initrd: string };

/** The package mirror does not answer, so no base can be made: nothing is wrong with the project. */
export class NoMirror extends Error {}

const MIRROR = process.env["GENKAN_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
const CACHE = process.env["GENKAN_KERNELS_CACHE"] ?? "/var/cache/genkan-kernels";

/** What the README asks of a machine and set-up installs there; the guest has no network to do so itself. */
const GUEST_PACKAGES =
  "linux-image-cloud-amd64 systemd-sysv udev dbus kmod procps util-linux ca-certificates " +
  "iproute2 nftables bubblewrap busybox curl iputils-ping libbpf-dev libbpf1 clang linux-libc-dev git";

const UNIT = `[Unit]
After=multi-user.target
[Service]
Type=oneshot
Environment=HOME=/root CI=true
ExecStart=/bin/bash /root/run.sh
[Install]
WantedBy=multi-user.target
`;

const RUN = `#!/bin/bash
exec >/dev/ttyS0 2>&1
ip link set lo up
mkdir -p /mnt/run && mount /dev/vdb /mnt/run && cd /mnt/run/tree
echo "GUEST-BEGIN $(uname -r)"
bash /mnt/run/command.sh
echo "GUEST-END $?"
sync; poweroff -f
`;

/** The host's own packages that this needs; installs what is missing. @throws NoMirror when they cannot be had. */
export function installTools(): void {
  const wanted = { debootstrap: "debootstrap", "qemu-system-x86_64": "qemu-system-x86", mke2fs: "e2fsprogs" };
  const missing = Object.entries(wanted).flatMap(([command, name]) => (found(command) ? [] : [name]));
  if (missing.length === 0) return;
  console.error(`kernels: installing Debian packages: ${missing.join(" ")}`);
  const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...missing];
  if (!succeeds(install) && !(succeeds(["apt-get", "update", "-q"]) && succeeds(install)))
    throw new NoMirror(`apt-get could not install ${missing.join(" ")}`);
}

function found(command: string): boolean {
  return [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"].some((folder) => existsSync(join(folder, command)));
}

function succeeds([command = "", ...args]: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore", env: environment() });
    return true;
  } catch {
    return false;
  }
}

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
  DEBIAN_FRONTEND: "noninteractive",
});

/** The suite's base, made when it is not there yet (some minutes) and kept. @throws NoMirror when the mirror does not answer. */
export function prepareBase(suite: Suite): Base {
  const folder = join(CACHE, suite);
  const base = { image: join(folder, "disk.img"), kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd") };
  const recipe = JSON.stringify([suite, GUEST_PACKAGES, UNIT, RUN, process.version]);
  const wanted = createHash("sha256").update(recipe).digest("hex");
  if (existsSync(join(folder, "wanted")) && readFileSync(join(folder, "wanted"), "utf8") === wanted) return base;
  if (!succeeds(["curl", "-sfI", "--max-time", "30", "-o", "/dev/null", `${MIRROR}/dists/${suite}/Release`]))
    throw new NoMirror(`${MIRROR} does not answer for ${suite}`);
  console.error(`kernels: making the base of Debian ${suite} (some minutes, once)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const root = join(folder, "root");
  const log = join(folder, "debootstrap.log");
  run(
    `unshare --mount --propagation private debootstrap --variant=minbase --include=${GUEST_PACKAGES.replaceAll(" ", ",")} ${suite} ${root} ${MIRROR} >${log} 2>&1`,
    log,
  );
  furnish(root);
  const boot = readdirSync(join(root, "boot"));
  for (const [name, to] of [
    ["vmlinuz-", base.kernel],
    ["initrd.img-", base.initrd],
  ] as const)
    cpSync(
      join(
        root,
        "boot",
        boot
          .filter((file) => file.startsWith(name))
          .toSorted()
          .at(-1) ?? name,
      ),
      to,
    );
  run(`mke2fs -q -t ext4 -d ${root} ${base.image} 6G`);
  rmSync(root, { recursive: true, force: true });
  writeFileSync(join(folder, "wanted"), wanted);
  return base;
}

function run(command: string, log?: string): void {
  try {
    execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit"], env: environment() });
  } catch (cause) {
    const tail = log && existsSync(log) ? `\n${readFileSync(log, "utf8").split("\n").slice(-6).join("\n")}` : "";
    throw new Error(`${command}${tail}`, { cause });
  }
}

/** This machine's Node.js and npm, and the unit that runs the command and switches the machine off. */
function furnish(root: string): void {
  const lib = join(dirname(process.execPath), "../lib/node_modules/npm");
  cpSync(process.execPath, join(root, "usr/bin/node"));
  mkdirSync(join(root, "usr/lib/node_modules"), { recursive: true });
  if (existsSync(lib)) cpSync(lib, join(root, "usr/lib/node_modules/npm"), { recursive: true, verbatimSymlinks: true });
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/bin/npm"));
  run(`chroot ${root} node --version && chroot ${root} passwd -d root`);
  writeFileSync(join(root, "etc/hostname"), "genkan-kernels\n");
  writeFileSync(join(root, "etc/fstab"), "/dev/vda / ext4 defaults 0 1\n");
  const units = join(root, "etc/systemd/system");
  mkdirSync(join(units, "multi-user.target.wants"), { recursive: true });
  symlinkSync("/dev/null", join(units, "serial-getty@ttyS0.service"));
  writeFileSync(join(units, "run.service"), UNIT);
  symlinkSync("../run.service", join(units, "multi-user.target.wants/run.service"));
  writeFileSync(join(root, "root/run.sh"), RUN);
}

export type GuestOptions = {
  /** A script of bash; it runs as root in a copy of the tree. */
  readonly command: string;
  /** Added to the kernel's command line. */
  readonly kernelOptions?: string;
  readonly processors?: number;
  readonly seconds: number;
  readonly line: (text: string) => void;
};

/** Boots the base with a copy of the tree, runs the command there and switches off. Its exit status; undefined when the machine ended without one. */
export async function runInGuest(base: Base, tree: string, options: GuestOptions): Promise<number | undefined> {
  const work = mkdtempSync(join(CACHE, "run-"));
  try {
    const disk = packTree(tree, options.command, work);
    return await boot(base, disk, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What the working tree has installed travels along; what it built is built again by the guest's own compiler. */
function packTree(tree: string, command: string, work: string): string {
  const files = join(work, "files");
  mkdirSync(join(files, "tree"), { recursive: true });
  for (const name of readdirSync(tree)) {
    if ([".git", ".genkan"].includes(name)) continue;
    cpSync(join(tree, name), join(files, "tree", name), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  }
  rmSync(join(files, "tree/dist/datapath"), { recursive: true, force: true });
  writeFileSync(join(files, "command.sh"), command);
  const disk = join(work, "tree.img");
  run(`mke2fs -q -t ext4 -d ${files} ${disk} 4G`);
  rmSync(files, { recursive: true });
  return disk;
}

async function boot(
  base: Base,
  disk: string,
  { kernelOptions = "", processors = 2, seconds, line }: GuestOptions,
): Promise<number | undefined> {
  const append = `root=/dev/vda rw console=ttyS0 quiet loglevel=1 systemd.show_status=0 ${kernelOptions}`;
  const drive = (file: string): string => `-drive file=${file},format=raw,if=virtio,cache=unsafe`;
  const words = [
    existsSync("/dev/kvm") ? "-accel kvm -cpu host" : "-accel tcg -cpu max",
    `-smp ${processors} -m 6G -display none -serial stdio -monitor none -no-reboot -nic none -snapshot`,
    `-kernel ${base.kernel} -initrd ${base.initrd}`,
    drive(base.image),
    drive(disk),
  ];
  const child = spawn("qemu-system-x86_64", [...words.join(" ").split(" "), "-append", append], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: seconds * 1000,
    killSignal: "SIGKILL",
  });
  let status: number | undefined;
  let begun = false;
  for await (const text of createInterface({ input: child.stdout })) {
    const words = text.replaceAll("\r", "");
    const end = /GUEST-END (\d+)/.exec(words);
    begun ||= words.includes("GUEST-BEGIN");
    if (end) status = Number(end[1]);
    else if (begun) line(words);
  }
  return status;
}
