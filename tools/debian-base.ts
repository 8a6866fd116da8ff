/** Disk images of Debian suites for virtual-machine.ts: made once from the package mirror, then kept. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** Debian suites whose kernels are tested. */
export type Suite = "bookworm" | "trixie";

/** What boots: a disk image that no run changes, and the kernel and initrd of that suite. */
export type Base = { readonly image: string; readonly kernel: string; readonly initrd: string };

/** No base can be made, or not in time: nothing is wrong with the project. */
export class NoBase extends Error {}

const MIRROR = process.env["GENKAN_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
const CACHE = process.env["GENKAN_KERNELS_CACHE"] ?? "/var/cache/genkan-kernels";

/** A machine of Debian's, and what set-up would install there: the guest has no network to do so itself. */
const GUEST_PACKAGES = [
  ..."linux-image-cloud-amd64 systemd-sysv udev dbus kmod procps ca-certificates git".split(" "),
  ...execFileSync("sh", [join(import.meta.dirname, "../../tools/setup.sh"), "names"], { encoding: "utf8" })
    .trim()
    .split("\n"),
];

/** A power cut may spoil a base that is being made, and the pages of manuals are read by nobody. */
const DPKG = [
  "force-unsafe-io",
  ...["doc", "man", "locale", "info"].map((folder) => `path-exclude=/usr/share/${folder}/*`),
];

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

/** This machine's own programs that are needed here, and the packages that bring them. */
const TOOLS: Readonly<Record<string, string>> = {
  mmdebstrap: "mmdebstrap",
  "qemu-system-x86_64": "qemu-system-x86",
  mke2fs: "e2fsprogs",
  curl: "curl",
};
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Installs what is missing of the programs needed here. @throws NoBase when they cannot be had by the
 * deadline.
 */
export function installTools(deadline: number): void {
  const missing = Object.entries(TOOLS).flatMap(([command, name]) => (found(command) ? [] : [name]));
  if (!existsSync(KEYRING)) missing.push("debian-archive-keyring");
  if (missing.length === 0) return;
  console.error(`kernels: installing Debian packages: ${missing.join(" ")}`);
  const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...missing];
  const done = (argv: readonly string[]): boolean => succeeds(argv, deadline);
  if (!done(install) && !(done(["apt-get", "update", "-q"]) && done(install)))
    throw new NoBase(`apt-get could not install ${missing.join(" ")}`);
}

function found(command: string): boolean {
  return [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"].some((folder) =>
    existsSync(join(folder, command)),
  );
}

function succeeds([command = "", ...args]: readonly string[], deadline: number): boolean {
  try {
    execFileSync(command, args, {
      stdio: "ignore",
      env: environment(),
      timeout: Math.max(1, Math.floor(deadline - performance.now())),
    });
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

/**
 * The suite's base, made when it is not there yet (some minutes) and kept.
 * @param deadline when making it is given up, in milliseconds of `performance.now()`
 * @throws NoBase when the mirror does not answer, or not in time.
 */
export function prepareBase(suite: Suite, deadline: number): Base {
  const folder = join(CACHE, suite);
  const recipe = JSON.stringify([suite, GUEST_PACKAGES, DPKG, UNIT, RUN, process.version]);
  const wanted = createHash("sha256").update(recipe).digest("hex");
  const mark = join(folder, "wanted");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
    if (
      !succeeds(
        ["curl", "-sfI", "--max-time", "30", "-o", "/dev/null", `${MIRROR}/dists/${suite}/Release`],
        deadline,
      )
    )
      throw new NoBase(`${MIRROR} does not answer for ${suite}`);
    console.error(`kernels: making the base of Debian ${suite} (some minutes, once)`);
    const making = temporaryFolder();
    try {
      make(suite, making, deadline);
      writeFileSync(join(making, "wanted"), wanted);
      rmSync(folder, { recursive: true, force: true });
      renameSync(making, folder);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  return { image: join(folder, "disk.img"), kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd") };
}

const DAY_MILLISECONDS = 86_400_000;

/** A new folder beside the bases. Those that a run of yesterday left, as it was killed, are removed. */
export function temporaryFolder(): string {
  mkdirSync(CACHE, { recursive: true });
  for (const name of readdirSync(CACHE).filter((name) => name.startsWith("run-"))) {
    const left = statSync(join(CACHE, name), { throwIfNoEntry: false });
    if (left && left.mtimeMs < Date.now() - DAY_MILLISECONDS)
      rmSync(join(CACHE, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(CACHE, "run-"));
}

function make(suite: Suite, folder: string, deadline: number): void {
  const root = join(folder, "root");
  const options = DPKG.map((option) => `'--dpkgopt=${option}'`).join(" ");
  const include = `--include=${GUEST_PACKAGES.join(",")}`;
  // In mount and process namespaces of its own: whenever it ends, nothing of it stays mounted or goes on.
  const apart = "unshare --mount --propagation private --pid --fork --kill-child --mount-proc";
  run(
    `${apart} mmdebstrap -q --mode=root --variant=minbase ${options} ${include} ${suite} ${root} ${MIRROR}`,
    deadline,
  );
  furnish(root);
  const boot = readdirSync(join(root, "boot")).toSorted();
  for (const [prefix, to] of [
    ["vmlinuz-", "vmlinuz"],
    ["initrd.img-", "initrd"],
  ] as const)
    cpSync(join(root, "boot", boot.findLast((file) => file.startsWith(prefix)) ?? prefix), join(folder, to));
  run(`mke2fs -q -t ext4 -d ${root} ${join(folder, "disk.img")} 6G`, deadline);
  rmSync(root, { recursive: true, force: true });
}

/** @throws NoBase when it takes until the deadline. */
export function run(command: string, deadline: number): void {
  const timeout = Math.floor(deadline - performance.now());
  if (timeout < 1000) throw new NoBase(`no time is left for ${command.slice(0, 120)}`);
  try {
    execFileSync("sh", ["-c", `exec ${command}`], {
      stdio: ["ignore", "ignore", "inherit"],
      env: environment(),
      timeout,
      killSignal: "SIGKILL",
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ETIMEDOUT")
      throw new NoBase(`no time is left: ${command.slice(0, 120)}`, { cause });
    throw cause;
  }
}

/** This machine's Node.js and npm, and the unit that runs the command and switches the machine off. */
function furnish(root: string): void {
  const lib = join(dirname(process.execPath), "../lib/node_modules/npm");
  cpSync(process.execPath, join(root, "usr/bin/node"));
  mkdirSync(join(root, "usr/lib/node_modules"), { recursive: true });
  if (existsSync(lib))
    cpSync(lib, join(root, "usr/lib/node_modules/npm"), { recursive: true, verbatimSymlinks: true });
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/bin/npm"));
  execFileSync("chroot", [root, "passwd", "-q", "-d", "root"], { stdio: "inherit", env: environment() });
  writeFileSync(join(root, "etc/hostname"), "genkan-kernels\n");
  writeFileSync(join(root, "etc/fstab"), "/dev/vda / ext4 defaults 0 1\n");
  const units = join(root, "etc/systemd/system");
  mkdirSync(join(units, "multi-user.target.wants"), { recursive: true });
  symlinkSync("/dev/null", join(units, "serial-getty@ttyS0.service"));
  writeFileSync(join(units, "run.service"), UNIT);
  symlinkSync("../run.service", join(units, "multi-user.target.wants/run.service"));
  // Tests start their own.
  for (const name of ["etcd", "bird"]) symlinkSync("/dev/null", join(units, `${name}.service`));
  writeFileSync(join(root, "root/run.sh"), RUN);
}
